/* Starts, torments and removes a redis-server, and asks it things over a blocking connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "tests/lib/redis_server.h"

enum { ANSWER_MS = 15000, POLL_US = 2000, MAX_ARGS = 64, LOWEST_PORT = 30000, PORTS = 2768 };

struct redis_server {
    char dir[64], log[96], socket[96];
    const char *const *args;
    const char *password;
    int port;
    pid_t pid;
    bool good;
    struct buf answer;
};

static void print_log(const struct redis_server *s)
{
    char line[1024];
    FILE *f = fopen(s->log, "r");
    fprintf(stderr, "---- log of redis-server, port %d ----\n", s->port);
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        fputs(line, stderr);
    if (f != NULL)
        fclose(f);
    fprintf(stderr, "---- end ----\n");
}

__attribute__((noreturn)) static void give_up(const struct redis_server *s, const char *what)
{
    print_log(s);
    fail_msg("redis-server on port %d: %s", s->port, what);
    abort();
}

/* Below the ephemeral range, so that nobody's outgoing connection takes the port while the server is away,
 * nor a connection to it becomes one to itself; and above those that tests/run.mjs gives out. */
static int free_port(void)
{
    for (;;) {
        uint16_t dice;
        if (getrandom(&dice, sizeof dice, 0) != sizeof dice)
            fail_msg("no free port: %s", strerror(errno));
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)(LOWEST_PORT + dice % PORTS)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_free = bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
        if (fd < 0 || (!is_free && errno != EADDRINUSE))
            fail_msg("no free port: %s", strerror(errno));
        close(fd);
        if (is_free)
            return ntohs(a.sin_port);
    }
}

/* ---- asking ---- */

/* By the unix socket: whoever else got hold of the port meanwhile does not answer for this server. */
static int dial(const struct redis_server *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", s->socket);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_command(int fd, const char *const *args)
{
    struct str list[MAX_ARGS];
    struct buf out = {0};
    size_t n = 0;
    while (args[n] != NULL && n < MAX_ARGS) {
        list[n] = str_of(args[n]);
        n++;
    }
    redis_format(&out, list, n);
    bool sent = send(fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
    buf_close(&out);
    return sent;
}

/* The rest of a line without \r\n. Byte by byte: it is a test, and nothing is read too far. */
static bool read_line(int fd, char *line, size_t size)
{
    size_t n = 0;
    while (n + 1 < size && recv(fd, line + n, 1, 0) == 1) {
        if (line[n] == '\n') {
            line[n > 0 ? n - 1 : 0] = '\0';
            return true;
        }
        n++;
    }
    return false;
}

static bool read_bulk(int fd, size_t n, struct buf *out)
{
    char *block = mem_alloc(n + 2);
    bool whole = recv(fd, block, n + 2, MSG_WAITALL) == (ssize_t)(n + 2);
    if (whole)
        buf_add(out, block, n);
    mem_free(block);
    return whole;
}

static bool read_answer(int fd, struct buf *out)
{
    char line[1024];
    if (!read_line(fd, line, sizeof line))
        return false;
    long n = strtol(line + 1, NULL, 10);
    if (line[0] == '+' || line[0] == ':') {
        buf_add_text(out, line + 1);
    } else if (line[0] == '-') {
        buf_add_text(out, line);
    } else if (n < 0) {
        buf_add_text(out, "(nil)");
    } else if (line[0] == '$') {
        return read_bulk(fd, (size_t)n, out);
    } else {
        for (; n > 0; n--) {
            if (!read_answer(fd, out))
                return false;
            buf_add_text(out, "\n");
        }
    }
    return true;
}

const char *redis_server_try(struct redis_server *s, const char *const *args)
{
    int fd = dial(s);
    if (fd < 0)
        return NULL;
    buf_clear(&s->answer);
    bool good = s->password == NULL || (send_command(fd, (const char *const[]){"AUTH", s->password, NULL}) &&
                                        read_answer(fd, &s->answer));
    buf_clear(&s->answer);
    buf_add_text(&s->answer, "");
    good = good && send_command(fd, args) && read_answer(fd, &s->answer);
    close(fd);
    return good ? s->answer.data : NULL;
}

const char *redis_server_ask(struct redis_server *s, const char *const *args)
{
    const char *answer = redis_server_try(s, args);
    if (answer == NULL || answer[0] == '-') {
        fprintf(stderr, "%s: %s\n", args[0], answer ? answer : "no answer");
        give_up(s, "a command failed");
    }
    return answer;
}

/* ---- the process ---- */

__attribute__((noreturn)) static void run(const struct redis_server *s, pid_t parent)
{
    char port[16];
    const char *argv[MAX_ARGS] = {
        "redis-server", "--port",        port,      "--bind",      "127.0.0.1", "--dir",
        s->dir,         "--unixsocket",  s->socket, "--save",      "",          "--appendonly",
        "yes",          "--appendfsync", "no",      "--daemonize", "no",        NULL};
    size_t n = 0;
    snprintf(port, sizeof port, "%d", s->port);
    while (argv[n] != NULL)
        n++;
    for (size_t i = 0; s->args != NULL && s->args[i] != NULL && n < MAX_ARGS - 1; i++)
        argv[n++] = s->args[i];
    int log = open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0600), nothing = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no server outlives its test */
    if (getppid() != parent || log < 0 || dup2(nothing, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    const char *other = getenv("REDIS_SERVER_BIN");
    if (other != NULL && *other)
        argv[0] = other;
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static void launch(struct redis_server *s)
{
    pid_t parent = getpid();
    s->pid = fork();
    if (s->pid == 0)
        run(s, parent);
    if (s->pid < 0)
        give_up(s, "fork failed");
}

/* false: the process has ended, say because somebody was faster to take the port. */
static bool wait_until_it_answers(struct redis_server *s)
{
    uint64_t deadline_ms = clock_mono_ms() + ANSWER_MS;
    while (clock_mono_ms() < deadline_ms) {
        const char *answer = redis_server_try(s, (const char *const[]){"PING", NULL});
        if (answer != NULL && strcmp(answer, "PONG") == 0)
            return true;
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
            s->pid = 0;
            return false;
        }
        usleep(POLL_US);
    }
    give_up(s, "does not answer");
}

static void end(struct redis_server *s, int signum)
{
    if (s->pid == 0)
        return;
    kill(s->pid, signum);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    s->pid = 0;
}

/* Two levels are what redis-server makes. Directories go only at the end. */
static void empty(const char *dir)
{
    char path[512];
    DIR *d = opendir(dir);
    struct dirent *it;
    while (d != NULL && (it = readdir(d)) != NULL) {
        if (strcmp(it->d_name, ".") == 0 || strcmp(it->d_name, "..") == 0 ||
            strcmp(it->d_name, "redis.log") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, it->d_name);
        if (it->d_type == DT_DIR)
            empty(path);
        if (remove(path) != 0)
            perror(path);
    }
    if (d != NULL)
        closedir(d);
}

struct redis_server *redis_server_reserve(const char *const *args)
{
    struct redis_server *s = mem_alloc(sizeof *s);
    const char *tmp = getenv("TMPDIR");
    snprintf(s->dir, sizeof s->dir, "%.40s/redis-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(s->dir) == NULL)
        fail_msg("%s: %s", s->dir, strerror(errno));
    snprintf(s->log, sizeof s->log, "%s/redis.log", s->dir);
    snprintf(s->socket, sizeof s->socket, "%s/redis.sock", s->dir);
    s->args = args;
    for (size_t i = 0; args != NULL && args[i] != NULL; i++)
        if (strcmp(args[i], "--requirepass") == 0)
            s->password = args[i + 1];
    s->port = free_port();
    return s;
}

struct redis_server *redis_server_start(const char *const *args)
{
    struct redis_server *s = redis_server_reserve(args);
    for (int tries = 5; tries > 0; tries--) {
        launch(s);
        if (wait_until_it_answers(s))
            return s;
        s->port = free_port();
    }
    give_up(s, "does not start");
}

void redis_server_good(struct redis_server *s)
{
    s->good = true;
}

void redis_server_stop(struct redis_server *s)
{
    if (s == NULL)
        return;
    end(s, SIGKILL);
    if (!s->good)
        print_log(s);
    empty(s->dir);
    unlink(s->log);
    rmdir(s->dir);
    buf_close(&s->answer);
    mem_free(s);
}

int redis_server_port(const struct redis_server *s)
{
    return s->port;
}

pid_t redis_server_pid(const struct redis_server *s)
{
    return s->pid;
}

const char *redis_server_unix_path(const struct redis_server *s)
{
    return s->socket;
}

struct redis_address redis_server_address(const struct redis_server *s)
{
    struct redis_address a = {.port = s->port, .host = "127.0.0.1"};
    snprintf(a.password, sizeof a.password, "%s", s->password ? s->password : "");
    return a;
}

void redis_server_kill(struct redis_server *s)
{
    end(s, SIGKILL);
}

void redis_server_freeze(struct redis_server *s)
{
    int status;
    if (kill(s->pid, SIGSTOP) != 0 || waitpid(s->pid, &status, WUNTRACED) != s->pid || !WIFSTOPPED(status))
        give_up(s, "cannot be stopped");
}

void redis_server_thaw(struct redis_server *s)
{
    int status;
    if (kill(s->pid, SIGCONT) != 0 || waitpid(s->pid, &status, WCONTINUED) != s->pid || !WIFCONTINUED(status))
        give_up(s, "cannot be continued");
}

void redis_server_relaunch(struct redis_server *s, bool keep_data)
{
    end(s, SIGKILL);
    if (!keep_data)
        empty(s->dir);
    launch(s);
}

void redis_server_restart(struct redis_server *s, bool keep_data)
{
    redis_server_relaunch(s, keep_data);
    if (!wait_until_it_answers(s))
        give_up(s, "did not start again");
}
