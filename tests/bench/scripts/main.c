/* bench_scripts: what Redis alone spends per call of a script. One workload per run, one JSON object.
 *
 *   bench_scripts message --redis-socket /tmp/x/redis.sock --redis-pid 70 --redis-port 6379 --together 16
 *
 * Unlike `bench` this is linked to the product (matchmaking): keys, arguments and batches are those of
 * gateways, without gateways. Redis must be empty and its own; it is reached by a Unix socket, which costs it
 * the least. First some players do everything, unmeasured, so that the scripts are loaded and Redis' tables
 * exist; then the others do what comes before, and then, measured, their step.
 *
 * Status 0: the figures stand. Status 2: an answer was wrong; stderr says which. Reading order: step (what is
 * asked), world (by whom), play (how many at a time). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/bench/report.h"
#include "tests/bench/scripts/play.h"
#include "tests/bench/servers.h"

/* A room has its log full (ROOM_LOG_MAX 256, and an eighth more until it is cut), and a session the 64
 * answers it remembers, when both players have said so many. */
enum { FILL_ROUNDS = 144, WARM_PLAYERS = 256, TOGETHER_FAST = 16 };

struct options {
    const struct step_chain *chain;
    const char *redis_socket;
    struct servers servers;
    size_t clients, together, under_way, rounds;
    bool same;
};

static void help(void)
{
    printf("bench_scripts WORKLOAD --redis-socket PATH --redis-pid PID --redis-port P [options]: prints one "
           "JSON object.\nWorkloads: %s.\n"
           "  --clients N    players, rounded down to whole pairs (4000)\n"
           "  --together N   calls in one pass of the loop (16)\n"
           "  --under-way N  calls that wait for Redis' answer (64)\n"
           "  --rounds N     message: so many of each player (16)\n"
           "  --same         both players of a room on one instance\n"
           "  --marks        before each sample say so on stderr and wait for a line on stdin\n",
           step_names);
}

static size_t number(const char *name, const char *value)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);
    if (end == value || *end != '\0' || n == 0 || n > 1000000)
        report_give_up("%s %s: a number from 1 to 1000000 is needed", name, value);
    return (size_t)n;
}

static bool read_value(struct options *o, const char *name, const char *value)
{
    int port;
    unsigned one = 0;
    if (strcmp(name, "--redis-socket") == 0) {
        o->redis_socket = value;
    } else if (strcmp(name, "--redis-pid") == 0) {
        servers_add(o->servers.redis, &o->servers.redis_count, value);
    } else if (strcmp(name, "--redis-port") == 0) {
        servers_add(&port, &one, value);
        o->servers.redis_port = (uint16_t)port;
    } else if (strcmp(name, "--clients") == 0) {
        o->clients = number(name, value) / 2 * 2;
    } else if (strcmp(name, "--together") == 0) {
        o->together = number(name, value);
    } else if (strcmp(name, "--under-way") == 0) {
        o->under_way = number(name, value);
    } else if (strcmp(name, "--rounds") == 0) {
        o->rounds = number(name, value);
    } else {
        return false;
    }
    return true;
}

static void read_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){.clients = 4000, .together = 16, .under_way = 64, .rounds = 16};
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        help();
        exit(0);
    }
    o->chain = step_find(argv[1]);
    if (o->chain == NULL)
        report_give_up("there is no workload '%s': %s", argv[1], step_names);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--same") == 0)
            o->same = true;
        else if (strcmp(argv[i], "--marks") == 0)
            o->servers.marks = true;
        else if (i + 1 == argc || !read_value(o, argv[i], argv[i + 1]))
            report_give_up("'%s' is not understood; bench_scripts --help lists all", argv[i]);
        else
            i++;
    }
    if (o->redis_socket == NULL || o->servers.redis_count == 0 || o->servers.redis_port == 0)
        report_give_up("--redis-socket, --redis-pid and --redis-port are needed");
    if (!o->chain->rounds)
        o->rounds = 1;
}

/* What comes before the measured step; not what is measured, so as fast as it goes. */
static void prepare(struct world *w, const struct options *o, size_t from, size_t to)
{
    struct play_options all = {
        .from = from, .to = to, .rounds = 1, .together = TOGETHER_FAST, .under_way = o->under_way};
    for (const struct step *const *s = o->chain->before; *s != NULL; s++)
        (void)play_step(w, *s, &all);
}

static void report(const struct servers_sample *from, const struct servers_sample *to, size_t calls)
{
    double each = (double)calls;
    servers_report(from, to, calls);
    report_int("calls", (int64_t)calls);
    report_num("script_us", (double)(to->evalsha_us - from->evalsha_us) / each);
    report_num("commands_per_call",
               (double)(to->commands - from->commands - (to->evalsha_calls - from->evalsha_calls)) / each);
}

static void run(struct world *w, struct options *o)
{
    struct servers_sample from, to;
    struct play_options measured = {
        .to = WARM_PLAYERS, .rounds = 1, .together = o->together, .under_way = o->under_way};
    prepare(w, o, 0, WARM_PLAYERS);
    (void)play_step(w, o->chain->measured, &measured);
    prepare(w, o, WARM_PLAYERS, w->count);
    measured.from = WARM_PLAYERS;
    measured.to = w->count;
    if (o->chain->rounds) {
        struct play_options fill = measured;
        fill.rounds = FILL_ROUNDS;
        fill.together = TOGETHER_FAST;
        (void)play_step(w, o->chain->measured, &fill);
    }
    measured.rounds = o->rounds;
    world_hear(w);
    servers_take(&o->servers, &from);
    size_t calls = play_step(w, o->chain->measured, &measured);
    servers_take(&o->servers, &to);
    world_hear(w);
    report(&from, &to, calls);
}

int main(int argc, char **argv)
{
    struct options o;
    struct world w;
    read_options(&o, argc, argv);
    log_setup(LOG_WARN, LOG_TEXT, 2);
    report_text("workload", o.chain->name);
    report_int("clients", (int64_t)o.clients);
    report_int("together", (int64_t)o.together);
    servers_open(&o.servers);
    world_open(&w, &(struct world_options){.redis_socket = o.redis_socket,
                                           .players = WARM_PLAYERS + o.clients,
                                           .same = o.same,
                                           .confirm_auto = !o.chain->ready_check});
    run(&w, &o);
    world_close(&w);
    servers_close(&o.servers);
    return report_end();
}
