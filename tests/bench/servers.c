/* Reads /proc of the servers' processes and INFO of their Redis.
 *
 * CPU comes from /proc/PID/task/TID/schedstat, in ns, summed over the threads that live at the time; a thread
 * that ends between two samples takes its time with it, which for these servers (no thread ever ends under
 * load) is nothing. Redis is asked over one blocking connection with inline commands; that costs Redis some
 * 100 us per sample. */
#include "tests/bench/servers.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/clock.h"
#include "tests/bench/report.h"

enum { TEXT_MAX = 64 << 10 };

void servers_add(int *pids, unsigned *count, const char *list)
{
    while (*list != '\0') {
        char *end;
        long pid = strtol(list, &end, 10);
        if (end == list || pid <= 0 || *count == SERVERS_MAX)
            report_give_up("'%s' is no list of process ids", list);
        pids[(*count)++] = (int)pid;
        list = *end == ',' ? end + 1 : end;
    }
}

void servers_forget(struct servers *s, int pid)
{
    for (unsigned i = 0; i < s->gateways_count; i++)
        if (s->gateways[i] == pid)
            s->gateways[i] = s->gateways[--s->gateways_count];
}

/* The whole of a small file as text; false when it cannot be read. */
static bool slurp(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "re");
    size_t n;
    if (f == NULL)
        return false;
    n = fread(out, 1, cap - 1, f);
    out[n] = '\0';
    fclose(f);
    return true;
}

/* The number behind `label` in a text of "label value" lines; 0 when it is not there. */
static uint64_t number_behind(const char *text, const char *label)
{
    const char *at = strstr(text, label);
    return at ? strtoull(at + strlen(label), NULL, 10) : 0;
}

static void add_thread(struct servers_sum *sum, int pid, const char *tid)
{
    char path[96], text[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, tid);
    if (slurp(path, text, sizeof text))
        sum->cpu_ns += strtoull(text, NULL, 10);
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/status", pid, tid);
    if (slurp(path, text, sizeof text))
        sum->switches += number_behind(text, "\nvoluntary_ctxt_switches:") +
                         number_behind(text, "\nnonvoluntary_ctxt_switches:");
}

static void add_process(struct servers_sum *sum, int pid)
{
    char path[64], text[4096];
    struct dirent *entry;
    DIR *tasks;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return; /* ended, perhaps by our own hand */
    while ((entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            add_thread(sum, pid, entry->d_name);
    closedir(tasks);
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (slurp(path, text, sizeof text))
        sum->rss_kib += number_behind(text, "\nVmRSS:");
}

void servers_open(struct servers *s)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(s->redis_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s->redis_fd = -1;
    if (s->redis_port == 0)
        return;
    s->redis_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->redis_fd < 0 || connect(s->redis_fd, (struct sockaddr *)&to, sizeof to) != 0)
        report_give_up("no Redis on port %u", s->redis_port);
}

void servers_close(struct servers *s)
{
    if (s->redis_fd >= 0)
        close(s->redis_fd);
}

/* Is the reply whole? A bulk string "$n\r\n…\r\n", or one line. */
static bool whole(const char *text, size_t n)
{
    const char *eol = memmem(text, n, "\r\n", 2);
    if (eol == NULL)
        return false;
    if (text[0] != '$' || text[1] == '-')
        return true;
    return n >= (size_t)(eol - text) + 4 + strtoull(text + 1, NULL, 10);
}

/* One inline command; the reply as text, with its RESP head. */
static void ask(struct servers *s, const char *command, char *out, size_t cap)
{
    size_t n = 0;
    char line[128];
    int length = snprintf(line, sizeof line, "%s\r\n", command);
    if (send(s->redis_fd, line, (size_t)length, MSG_NOSIGNAL) != length)
        report_give_up("Redis does not take commands");
    while (!whole(out, n)) {
        ssize_t got = n + 1 < cap ? recv(s->redis_fd, out + n, cap - 1 - n, 0) : 0;
        if (got <= 0)
            report_give_up("Redis did not answer '%s'", command);
        n += (size_t)got;
    }
    out[n] = '\0';
}

int64_t servers_redis_int(struct servers *s, const char *command)
{
    char text[1024];
    if (s->redis_fd < 0)
        return -1;
    ask(s, command, text, sizeof text);
    return text[0] == ':' ? strtoll(text + 1, NULL, 10) : -1;
}

static void command_stat(const char *info, const char *name, uint64_t *calls, uint64_t *us)
{
    char label[64];
    const char *line;
    snprintf(label, sizeof label, "cmdstat_%s:calls=", name);
    line = strstr(info, label);
    if (line == NULL)
        return;
    *calls = strtoull(line + strlen(label), NULL, 10);
    *us = number_behind(line, ",usec=");
}

static void take_redis(struct servers *s, struct servers_sample *out)
{
    static char text[TEXT_MAX];
    ask(s, "INFO commandstats", text, sizeof text);
    command_stat(text, "evalsha", &out->evalsha_calls, &out->evalsha_us);
    command_stat(text, "publish", &out->publish_calls, &out->publish_us);
    ask(s, "INFO stats", text, sizeof text);
    out->commands = number_behind(text, "total_commands_processed:");
    ask(s, "INFO memory", text, sizeof text);
    out->redis_bytes = number_behind(text, "used_memory:");
}

/* From the first line of /proc/stat: user nice system idle iowait irq softirq, in ticks. */
static uint64_t machine_ns(void)
{
    char text[4096], *at = text + 4;
    uint64_t ticks[7] = {0}, tick_ns = CLOCK_S / (uint64_t)sysconf(_SC_CLK_TCK);
    if (!slurp("/proc/stat", text, sizeof text))
        return 0;
    for (int i = 0; i < 7; i++)
        ticks[i] = strtoull(at, &at, 10);
    return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) * tick_ns;
}

static void mark(void)
{
    char byte = 0;
    fputs("mark\n", stderr);
    while (byte != '\n')
        if (read(STDIN_FILENO, &byte, 1) != 1)
            report_give_up("--marks: nobody answers on stdin");
}

void servers_take(struct servers *s, struct servers_sample *out)
{
    memset(out, 0, sizeof *out);
    if (s->marks)
        mark();
    if (s->redis_fd >= 0)
        take_redis(s, out);
    out->at = clock_ns();
    out->machine_ns = machine_ns();
    for (unsigned i = 0; i < s->gateways_count; i++)
        add_process(&out->gateways, s->gateways[i]);
    for (unsigned i = 0; i < s->redis_count; i++)
        add_process(&out->redis, s->redis[i]);
    add_process(&out->bench, getpid());
}

static double seconds(uint64_t to_ns, uint64_t from_ns)
{
    return (double)(to_ns - from_ns) / 1e9;
}

static double each_us(uint64_t us, uint64_t calls)
{
    return calls ? (double)us / (double)calls : 0;
}

static double others_share(const struct servers_sample *from, const struct servers_sample *to)
{
    double ours = seconds(to->gateways.cpu_ns, from->gateways.cpu_ns) +
                  seconds(to->redis.cpu_ns, from->redis.cpu_ns) +
                  seconds(to->bench.cpu_ns, from->bench.cpu_ns);
    double all = seconds(to->machine_ns, from->machine_ns);
    double wall = seconds(to->at, from->at) * (double)sysconf(_SC_NPROCESSORS_ONLN);
    return all > ours && wall > 0 ? (all - ours) / wall : 0;
}

void servers_report(const struct servers_sample *from, const struct servers_sample *to, uint64_t things)
{
    double wall = seconds(to->at, from->at);
    double gateways = seconds(to->gateways.cpu_ns, from->gateways.cpu_ns);
    double redis = seconds(to->redis.cpu_ns, from->redis.cpu_ns);
    double millions = (double)things / 1e6;
    report_num("seconds", wall);
    report_num("gateways_cpu_s", gateways);
    report_num("redis_cpu_s", redis);
    report_num("bench_cpu_share", wall > 0 ? seconds(to->bench.cpu_ns, from->bench.cpu_ns) / wall : 0);
    report_num("others_share", others_share(from, to));
    report_int("gateways_switches", (int64_t)(to->gateways.switches - from->gateways.switches));
    report_int("redis_switches", (int64_t)(to->redis.switches - from->redis.switches));
    if (things > 0) {
        report_num("cpu_s_per_million", (gateways + redis) / millions);
        report_num("gateways_cpu_s_per_million", gateways / millions);
        report_num("redis_cpu_s_per_million", redis / millions);
        report_num("switches_per_thing",
                   (double)(to->gateways.switches - from->gateways.switches) / (double)things);
    }
    if (to->commands == 0)
        return;
    report_int("evalsha_calls", (int64_t)(to->evalsha_calls - from->evalsha_calls));
    report_num("evalsha_us",
               each_us(to->evalsha_us - from->evalsha_us, to->evalsha_calls - from->evalsha_calls));
    report_int("publish_calls", (int64_t)(to->publish_calls - from->publish_calls));
    report_num("publish_us",
               each_us(to->publish_us - from->publish_us, to->publish_calls - from->publish_calls));
    report_int("redis_commands", (int64_t)(to->commands - from->commands));
}
