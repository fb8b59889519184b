/* The floor: the least work with which a relay in rooms over Redis can be done; what other servers' cost is
 * held against.
 *
 *   floor PORT REDIS_PORT        LOCAL=1: nothing goes to Redis
 *
 * No checks, no limits, no identities, no JSON, no errors survived: it trusts its only client, the load tool
 * (whose handshake key is always the same). One epoll loop; a message is unmasked where it lies, copied
 * behind the frame header of each other member, and published once; at the end of a pass everything leaves
 * with one send per socket. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bytes.h"

enum { FDS = 20000, ROOMS = 20000, MEMBERS = 64, EVENTS = 512, SCRATCH = 256 << 10, CHANNEL_PREFIX = 8 };

struct conn {
    struct bytes in, out;
    int room;    /* -1: the handshake is not done */
    int waiting; /* for POLLOUT */
    int dirty;
};

static struct conn conns[FDS];
static int rooms[ROOMS][MEMBERS]; /* fds, 0 = free */
static int dirty[FDS], dirty_count;
static int poller, listener, publisher, subscriber, is_local;
static char me[CHANNEL_PREFIX + 4], scratch[SCRATCH];

static void watch(int fd, int operation, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};
    epoll_ctl(poller, operation, fd, &e);
}

static void mark(int fd)
{
    if (!conns[fd].dirty) {
        conns[fd].dirty = 1;
        dirty[dirty_count++] = fd;
    }
}

static void gone(int fd)
{
    struct conn *c = &conns[fd];
    for (int i = 0; c->room >= 0 && i < MEMBERS; i++)
        if (rooms[c->room][i] == fd)
            rooms[c->room][i] = 0;
    bytes_free(&c->in);
    bytes_free(&c->out);
    c->room = -1;
    close(fd);
}

static void flush(int fd)
{
    struct conn *c = &conns[fd];
    ssize_t n;
    c->dirty = 0;
    if (c->out.n == 0)
        return;
    n = send(fd, c->out.p, c->out.n, MSG_NOSIGNAL);
    if (n > 0)
        bytes_drop(&c->out, (size_t)n);
    if ((c->out.n > 0) != c->waiting) {
        c->waiting = c->out.n > 0;
        watch(fd, EPOLL_CTL_MOD, EPOLLIN | (c->waiting ? (uint32_t)EPOLLOUT : 0u));
    }
}

static void add_frame(int fd, const char *text, size_t n)
{
    char *at = bytes_room(&conns[fd].out, n + 4);
    size_t head = n < 126 ? 2 : 4;
    at[0] = (char)0x81;
    at[1] = (char)(n < 126 ? n : 126);
    at[2] = (char)(n >> 8); /* payload overwrites these two when the length is short */
    at[3] = (char)n;
    memcpy(at + head, text, n);
    conns[fd].out.n += (uint32_t)(head + n);
    mark(fd);
}

static void deliver(int room, int sender, const char *text, size_t n)
{
    for (int i = 0; i < MEMBERS; i++)
        if (rooms[room][i] != 0 && rooms[room][i] != sender)
            add_frame(rooms[room][i], text, n);
}

/* PUBLISH relay "me room text" */
static void publish(int room, const char *text, size_t n)
{
    char head[128], place[32];
    int place_n = snprintf(place, sizeof place, "%s%d ", me, room);
    int head_n =
        snprintf(head, sizeof head, "*3\r\n$7\r\nPUBLISH\r\n$5\r\nrelay\r\n$%zu\r\n", n + (size_t)place_n);
    bytes_add(&conns[publisher].out, head, (size_t)head_n);
    bytes_add(&conns[publisher].out, place, (size_t)place_n);
    bytes_add(&conns[publisher].out, text, n);
    bytes_add(&conns[publisher].out, "\r\n", 2);
    mark(publisher);
}

static void unmask(char *p, size_t n, const char *key)
{
    uint64_t wide, word;
    uint32_t narrow;
    size_t i = 0;
    memcpy(&narrow, key, 4);
    wide = narrow | (uint64_t)narrow << 32;
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        word ^= wide;
        memcpy(p + i, &word, 8);
    }
    for (; i < n; i++)
        p[i] = (char)(p[i] ^ key[i % 4]);
}

/* One masked frame of less than 64 KiB; returns its length, 0 if it is not complete. */
static size_t take_frame(int fd, char *p, size_t n)
{
    size_t head = 6, length;
    if (n < 8)
        return 0;
    length = (uint8_t)p[1] & 0x7f;
    if (length == 126) {
        length = (size_t)(uint8_t)p[2] << 8 | (uint8_t)p[3];
        head = 8;
    }
    if (n < head + length)
        return 0;
    unmask(p + head, length, p + head - 4);
    if ((p[0] & 15) == 1) {
        deliver(conns[fd].room, fd, p + head, length);
        if (!is_local)
            publish(conns[fd].room, p + head, length);
    }
    return head + length;
}

static size_t take_handshake(int fd, const char *p, size_t n)
{
    static const char answer[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    const char *end = memmem(p, n, "\r\n\r\n", 4), *room = memmem(p, n, "room=", 5);
    if (end == NULL || room == NULL)
        return 0;
    conns[fd].room = (int)(strtol(room + 5, NULL, 10) % ROOMS);
    for (int i = 0; i < MEMBERS; i++)
        if (rooms[conns[fd].room][i] == 0) {
            rooms[conns[fd].room][i] = fd;
            break;
        }
    bytes_add(&conns[fd].out, answer, sizeof answer - 1);
    add_frame(fd, "ready", 5);
    return (size_t)(end + 4 - p);
}

/* *3 $7 message $5 relay $n text: the lengths of the first parts are always the same. */
static size_t take_event(const char *p, size_t n)
{
    static const char head[] = "*3\r\n$7\r\nmessage\r\n$5\r\nrelay\r\n$";
    size_t length, at = sizeof head - 1;
    char *end;
    if (n < at + 12)
        return 0;
    if (memcmp(p, head, at) != 0) { /* the answer to SUBSCRIBE */
        const char *line = memmem(p, n, ":1\r\n", 4);
        return line ? (size_t)(line + 4 - p) : 0;
    }
    length = strtoul(p + at, &end, 10);
    at = (size_t)(end + 2 - p);
    if (n < at + length + 2)
        return 0;
    if (memcmp(p + at, me, CHANNEL_PREFIX) != 0) {
        long room = strtol(p + at + CHANNEL_PREFIX, &end, 10);
        deliver((int)room, 0, end + 1, length - (size_t)(end + 1 - (p + at)));
    }
    return at + length + 2;
}

static size_t take(int fd, char *p, size_t n)
{
    if (fd == publisher)
        return n;
    if (fd == subscriber)
        return take_event(p, n);
    return conns[fd].room < 0 ? take_handshake(fd, p, n) : take_frame(fd, p, n);
}

static void readable(int fd)
{
    struct conn *c = &conns[fd];
    ssize_t got = recv(fd, scratch, sizeof scratch, 0);
    char *p = scratch;
    size_t n, at = 0;
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            gone(fd);
        return;
    }
    n = (size_t)got;
    if (c->in.n > 0) {
        bytes_add(&c->in, scratch, n);
        p = c->in.p;
        n = c->in.n;
    }
    for (size_t took = 1; at < n && took > 0; at += took)
        took = take(fd, p + at, n - at);
    if (p == scratch)
        bytes_add(&c->in, p + at, n - at);
    else
        bytes_drop(&c->in, at);
}

static void accept_all(void)
{
    const int on = 1;
    for (int i = 0; i < 64; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        memset(&conns[fd], 0, sizeof conns[fd]);
        conns[fd].room = -1;
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static int redis_connect(int port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        exit(1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    conns[fd].room = -1;
    return fd;
}

static void start(int port, int redis_port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    poller = epoll_create1(0);
    publisher = redis_connect(redis_port);
    subscriber = redis_connect(redis_port);
    bytes_add(&conns[subscriber].out, "SUBSCRIBE relay\r\n", 17);
    mark(subscriber);
    snprintf(me, sizeof me, "%07u ", (unsigned)getpid() % 10000000u);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 4096) != 0)
        exit(1);
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    if (argc < 3)
        return 2;
    is_local = getenv("LOCAL") != NULL;
    start((int)strtol(argv[1], NULL, 10), (int)strtol(argv[2], NULL, 10));
    for (;;) {
        int n;
        for (int i = 0; i < dirty_count; i++)
            flush(dirty[i]);
        dirty_count = 0;
        n = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                accept_all();
            else if (events[i].events & EPOLLOUT)
                mark(fd);
            if (fd != listener && (events[i].events & ~(uint32_t)EPOLLOUT))
                readable(fd);
        }
    }
}
