/* Many WebSocket clients in one thread: sockets, the epoll loop, frames in and out. What is said is not its
 * business. */
#ifndef TESTS_BENCH_CROWD_H
#define TESTS_BENCH_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/bytes.h"

/* Called from crowd_turn only. `who` is the client's number, from 0. */
struct crowd_calls {
    /* The server said 101. */
    void (*open)(void *ctx, uint32_t who);
    /* A whole text message; `text` is borrowed until return. */
    void (*text)(void *ctx, uint32_t who, const char *text, size_t n);
    /* The connection is no more: the code of the close frame (1006 without one), or the HTTP status of a
     * refusal (100-599), or 0 when it never stood. May be opened again from here. */
    void (*gone)(void *ctx, uint32_t who, int code);
};

struct crowd_conn {
    int fd;              /* -1: none */
    uint32_t generation; /* tells events of an earlier socket */
    uint8_t stage;
    bool dirty, writable_wanted, deaf;
    int close_code; /* of a close frame received, or 0 */
    struct bytes in, out;
};

struct crowd {
    int epoll;
    uint32_t count;
    uint32_t standing; /* sockets that are open or being opened */
    struct crowd_conn *conns;
    uint32_t *dirty;
    uint32_t dirty_count;
    uint32_t key;                            /* the next mask */
    bool spin;                               /* never sleep: for latencies without our own wake-up */
    uint64_t now;                            /* ns, when the bytes at hand were read */
    uint64_t received, sent, bytes_received; /* messages; bytes of frames */
    const struct crowd_calls *calls;
    void *ctx;
    char *scratch;
};

/* Raises the process' limit of file descriptors to the hard one; returns it. */
uint32_t crowd_raise_limit(void);

/* Gives up (report_give_up) when the system does not have what it takes. `calls` must live as long as the
 * crowd. */
void crowd_init(struct crowd *c, uint32_t count, const struct crowd_calls *calls, void *ctx);

/* Cuts all connections and frees. */
void crowd_close(struct crowd *c);

/* Begins to connect to 127.0.0.1:port; open or gone will tell. The client must not have a connection. */
void crowd_open(struct crowd *c, uint32_t who, uint16_t port, const char *path, const char *protocol);

/* Queues a text message; everything queued leaves at the beginning of the next turn, one system call per
 * client. */
void crowd_text(struct crowd *c, uint32_t who, const char *text, size_t n);

/* The line breaks (a TCP reset); `gone` is not called. */
void crowd_cut(struct crowd *c, uint32_t who);

/* A deaf client reads nothing, so that its server cannot write to it. */
void crowd_deaf(struct crowd *c, uint32_t who, bool deaf);

bool crowd_is_open(const struct crowd *c, uint32_t who);

/* Sends what is queued, waits for anything to happen until `until` (ns, CLOCK_MONOTONIC), and handles it. */
void crowd_turn(struct crowd *c, uint64_t until);

#endif
