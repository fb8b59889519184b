/* Non-blocking sockets on epoll: connects, reads in batches, writes once per client and turn.
 *
 * One turn = flush what was queued, one epoll_wait, one recv per readable client into a shared buffer. Frames
 * are read where they lie; only the piece of a frame that is cut by the end of the buffer is kept with its
 * client. So a message costs this tool about the kernel's price of one recv and one send, and less when
 * messages come in bunches.
 *
 * Events carry the socket's generation: one that was gathered for a socket that a callback has closed
 * meanwhile is dropped. Everything that cannot go wrong between two correct programs (a masked frame, bytes
 * behind a close) ends in a complaint. */
#include "tests/bench/crowd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/clock.h"
#include "tests/bench/report.h"
#include "tests/bench/ws.h"

enum { GONE, CONNECTING, UPGRADING, OPEN };
enum { EVENTS = 512, SCRATCH = 256 << 10 };

uint32_t crowd_raise_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > UINT32_MAX ? UINT32_MAX : (uint32_t)limit.rlim_cur;
}

static void *must(void *p)
{
    if (p == NULL)
        report_give_up("out of memory");
    return p;
}

void crowd_init(struct crowd *c, uint32_t count, const struct crowd_calls *calls, void *ctx)
{
    memset(c, 0, sizeof *c);
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* epoll_pwait2 to the microsecond */
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll < 0)
        report_give_up("epoll_create1: %s", strerror(errno));
    c->count = count;
    c->conns = must(calloc(count, sizeof *c->conns));
    c->dirty = must(calloc(count, sizeof *c->dirty));
    c->scratch = must(malloc(SCRATCH));
    for (uint32_t i = 0; i < count; i++)
        c->conns[i].fd = -1;
    c->key = 0x9e3779b9;
    c->calls = calls;
    c->ctx = ctx;
    c->now = clock_ns();
}

/* Reset instead of a farewell: ports do not linger in TIME_WAIT. */
static void drop(struct crowd *c, struct crowd_conn *conn)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (conn->fd < 0)
        return;
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(conn->fd);
    conn->fd = -1;
    conn->generation++;
    conn->stage = GONE;
    conn->writable_wanted = conn->deaf = false;
    bytes_free(&conn->in);
    bytes_free(&conn->out);
    c->standing--;
}

void crowd_close(struct crowd *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        drop(c, &c->conns[i]);
    close(c->epoll);
    free(c->conns);
    free(c->dirty);
    free(c->scratch);
}

static void watch(struct crowd *c, uint32_t who, int operation)
{
    struct crowd_conn *conn = &c->conns[who];
    uint32_t events =
        (conn->deaf ? 0u : (uint32_t)EPOLLIN) | (conn->writable_wanted ? (uint32_t)EPOLLOUT : 0u);
    struct epoll_event e = {.events = events, .data.u64 = (uint64_t)conn->generation << 32 | who};
    if (epoll_ctl(c->epoll, operation, conn->fd, &e) != 0)
        report_give_up("epoll_ctl: %s", strerror(errno));
}

static void mark_dirty(struct crowd *c, uint32_t who)
{
    if (c->conns[who].dirty)
        return;
    c->conns[who].dirty = true;
    c->dirty[c->dirty_count++] = who;
}

void crowd_open(struct crowd *c, uint32_t who, uint16_t port, const char *path, const char *protocol)
{
    struct crowd_conn *conn = &c->conns[who];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    size_t room = strlen(path) + 256;
    if (conn->fd >= 0)
        report_give_up("client %u is connected already", who);
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        report_give_up("socket: %s (limit of file descriptors?)", strerror(errno));
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->standing++;
    conn->stage = CONNECTING;
    conn->close_code = 0;
    conn->writable_wanted = true;
    conn->out.n += (uint32_t)ws_request(bytes_room(&conn->out, room), room, port, path, protocol);
    /* A refusal on loopback may come at once; epoll then reports it as an error of the socket. */
    if (connect(conn->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS &&
        errno != ECONNREFUSED)
        report_give_up("connect: %s", strerror(errno));
    watch(c, who, EPOLL_CTL_ADD);
}

static void put(struct crowd *c, uint32_t who, int opcode, const char *data, size_t n)
{
    struct crowd_conn *conn = &c->conns[who];
    char *at = bytes_room(&conn->out, n + WS_HEADER_MAX);
    c->key = c->key * 1664525 + 1013904223;
    conn->out.n += (uint32_t)ws_put(at, opcode, data, n, c->key);
    mark_dirty(c, who);
}

void crowd_text(struct crowd *c, uint32_t who, const char *text, size_t n)
{
    if (c->conns[who].stage != OPEN)
        return; /* its line broke; gone was called or will be */
    c->sent++;
    put(c, who, WS_TEXT, text, n);
}

void crowd_cut(struct crowd *c, uint32_t who)
{
    drop(c, &c->conns[who]);
}

void crowd_deaf(struct crowd *c, uint32_t who, bool deaf)
{
    struct crowd_conn *conn = &c->conns[who];
    if (conn->fd < 0 || conn->deaf == deaf)
        return;
    conn->deaf = deaf;
    setsockopt(conn->fd, SOL_SOCKET, SO_RCVBUF, &(int){deaf ? 4096 : 1 << 20},
               sizeof(int)); /* the kernel does not listen either */
    watch(c, who, EPOLL_CTL_MOD);
}

bool crowd_is_open(const struct crowd *c, uint32_t who)
{
    return c->conns[who].stage == OPEN;
}

static void lose(struct crowd *c, uint32_t who, int code)
{
    drop(c, &c->conns[who]);
    c->calls->gone(c->ctx, who, code);
}

/* How a connection that fails now has ended. */
static int end_code(const struct crowd_conn *conn)
{
    if (conn->stage != OPEN)
        return 0;
    return conn->close_code ? conn->close_code : 1006;
}

static void flush(struct crowd *c, uint32_t who)
{
    struct crowd_conn *conn = &c->conns[who];
    ssize_t n;
    bool more;
    if (conn->fd < 0 || conn->stage == CONNECTING || conn->out.n == 0)
        return;
    n = send(conn->fd, conn->out.p, conn->out.n, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return; /* the read side learns of it, with what had been sent to us before */
    if (n > 0)
        bytes_drop(&conn->out, (size_t)n);
    more = conn->out.n > 0;
    if (more != conn->writable_wanted) {
        conn->writable_wanted = more;
        watch(c, who, EPOLL_CTL_MOD);
    }
}

static void flush_all(struct crowd *c)
{
    for (uint32_t i = 0; i < c->dirty_count; i++) {
        c->conns[c->dirty[i]].dirty = false;
        flush(c, c->dirty[i]);
    }
    c->dirty_count = 0;
}

static void take_frame(struct crowd *c, uint32_t who, const struct ws_frame *f)
{
    switch (f->opcode) {
    case WS_TEXT:
        c->received++;
        c->calls->text(c->ctx, who, f->data, f->n);
        break;
    case WS_PING:
        put(c, who, WS_PONG, f->data, f->n);
        break;
    case WS_CLOSE:
        c->conns[who].close_code = ws_close_code(f);
        put(c, who, WS_CLOSE, f->data, f->n);
        break;
    case WS_PONG:
        break;
    default:
        report_complain("client %u received a frame with opcode %d", who, f->opcode);
    }
}

/* All whole frames; returns how many bytes they took. Stops when the connection is cut by what was said. */
static size_t take_frames(struct crowd *c, uint32_t who, const char *p, size_t n)
{
    uint32_t generation = c->conns[who].generation;
    size_t at = 0;
    while (at < n) {
        struct ws_frame f;
        int64_t took = ws_get(p + at, n - at, &f);
        if (took == 0)
            break;
        if (took < 0)
            report_give_up("client %u received what is no frame of a server (byte 0x%02x)", who,
                           (uint8_t)p[at]);
        take_frame(c, who, &f);
        at += (size_t)took;
        if (c->conns[who].generation != generation)
            return n;
    }
    return at;
}

/* Returns the bytes of the answer to the handshake, 0 while it is not complete; n when the connection is no
 * more. */
static size_t take_head(struct crowd *c, uint32_t who, const char *p, size_t n)
{
    size_t head_n = 0;
    int status = ws_status(p, n, &head_n);
    if (status == 0)
        return 0;
    if (status != 101) {
        lose(c, who, status < 0 ? 0 : status);
        return n;
    }
    c->conns[who].stage = OPEN;
    c->calls->open(c->ctx, who);
    return head_n;
}

/* Takes what it can of p; returns how much. */
static size_t take(struct crowd *c, uint32_t who, const char *p, size_t n)
{
    uint32_t generation = c->conns[who].generation;
    size_t at = 0;
    if (c->conns[who].stage == UPGRADING) {
        at = take_head(c, who, p, n);
        if (at == 0 || c->conns[who].generation != generation)
            return at;
    }
    return at + take_frames(c, who, p + at, n - at);
}

static void readable(struct crowd *c, uint32_t who)
{
    struct crowd_conn *conn = &c->conns[who];
    uint32_t generation = conn->generation;
    size_t kept = conn->in.n, n, took;
    ssize_t got = recv(conn->fd, c->scratch, SCRATCH, 0);
    const char *p = c->scratch;
    c->now = clock_ns();
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        lose(c, who, end_code(conn));
        return;
    }
    n = (size_t)got;
    c->bytes_received += n;
    if (kept > 0) {
        /* Taken out of the client's hands: a callback may cut it while its bytes are being read. */
        struct bytes all = conn->in;
        conn->in = (struct bytes){0};
        bytes_add(&all, p, n);
        took = take(c, who, all.p, all.n);
        if (conn->generation == generation)
            bytes_add(&conn->in, all.p + took, all.n - took);
        bytes_free(&all);
        return;
    }
    took = take(c, who, p, n);
    if (conn->generation == generation)
        bytes_add(&conn->in, p + took, n - took);
}

static void connected(struct crowd *c, uint32_t who)
{
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt(c->conns[who].fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error != 0) {
        lose(c, who, 0);
        return;
    }
    c->conns[who].stage = UPGRADING;
    flush(c, who);
}

static void handle(struct crowd *c, const struct epoll_event *e)
{
    uint32_t who = (uint32_t)e->data.u64, generation = (uint32_t)(e->data.u64 >> 32);
    struct crowd_conn *conn = &c->conns[who];
    if (conn->generation != generation)
        return;
    if (conn->stage == CONNECTING) {
        connected(c, who);
        return;
    }
    if (e->events & EPOLLOUT)
        flush(c, who);
    if ((e->events & EPOLLIN) || ((e->events & (EPOLLERR | EPOLLHUP)) && !conn->deaf))
        readable(c, who);
    else if (e->events & (EPOLLERR | EPOLLHUP))
        lose(c, who, end_code(conn));
}

void crowd_turn(struct crowd *c, uint64_t until)
{
    struct epoll_event events[EVENTS];
    uint64_t now = clock_ns();
    uint64_t wait = c->spin || until <= now ? 0 : until - now;
    struct timespec t;
    int n;
    flush_all(c);
    t.tv_sec = (time_t)(wait / CLOCK_S);
    t.tv_nsec = (long)(wait % CLOCK_S);
    n = epoll_pwait2(c->epoll, events, EVENTS, &t, NULL);
    if (n < 0 && errno != EINTR)
        report_give_up("epoll_pwait2: %s", strerror(errno));
    c->now = clock_ns();
    for (int i = 0; i < n; i++)
        handle(c, &events[i]);
}
