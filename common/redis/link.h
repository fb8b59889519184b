/* A connection to Redis that stays: connects, authenticates, watches, reconnects for ever.
 *
 * Uses hiredis on libuv through an adapter of our own (the stock one hangs on ECONNREFUSED). Output of one
 * loop pass leaves in one write (loop_on_flush). States, reasons and back-off follow the design: 50 ms * 2^n
 * up to 1 s, full jitter, for ever. While not ready every call fails at once with ERR_UNAVAILABLE: there is
 * no offline queue. */
#ifndef COMMON_REDIS_LINK_H
#define COMMON_REDIS_LINK_H

#include "common/loop.h"
#include "common/redis/address.h"
#include "common/redis/sentinel.h"
#include "common/redis/wire.h"

struct redis_link;

struct redis_link_options {
    struct redis_address address; /* copied */
    /* Borrowed for life; NULL or with count 0: address is the place. Else the sentinels are asked before
     * every attempt, and of the address only user, password and database count. */
    const struct sentinel_hosts *sentinels;
    bool aside;                  /* others matter more: an outage is logged once, and not counted */
    const char *name;            /* for logs: "commands", "events"; borrowed for life */
    uint64_t command_timeout_ms; /* a reply later than this drops the link: outcome unknown */
    uint64_t connect_timeout_ms;
    /* Link went up (true: authenticated and answering PING) or down (false, with a reason). Called from the
     * loop. */
    void (*on_state)(void *arg, bool up, enum redis_reason reason);
    /* A message on a subscribed channel; both borrowed until return. NULL for a command link. */
    void (*on_message)(void *arg, struct str channel, struct str message);
    void *arg;
};
struct redis_link *redis_link_new(struct loop *l,
                                  const struct redis_link_options *options); /* starts connecting */
/* Pending calls are answered with ERR_UNKNOWN; no callback afterwards. NULL is fine. */
void redis_link_free(struct redis_link *k);
bool redis_link_up(const struct redis_link *k);
enum redis_reason redis_link_reason(const struct redis_link *k);
unsigned redis_link_failures(const struct redis_link *k); /* consecutive failed attempts; 0 while up */

/* One command; args are copied. Answered exactly once, in the order of the calls, never before return.
 * err: ERR_NONE (reply may still be REPLY_ERROR), ERR_UNAVAILABLE (nothing sent), ERR_UNKNOWN, ERR_TIMEOUT
 * (reply NULL). fn may be NULL. NOAUTH, WRONGPASS, LOADING, READONLY and MASTERDOWN replies also drop the
 * link and back off. */
void redis_call(struct redis_link *k, const struct str *args, size_t count, redis_cb fn, void *arg);
/* The same for a command already in wire form (redis_format): for those who may have to send it twice. */
void redis_send(struct redis_link *k, struct str command, redis_cb fn, void *arg);
/* Counts the times the link went up: what was told to the server in another epoch may be gone. 0 before the
 * first. */
uint64_t redis_link_epoch(const struct redis_link *k);
enum redis_gate {
    REDIS_GATE_OPEN,
    REDIS_GATE_SHUT,  /* redis_link_up is false, calls fail with ERR_UNAVAILABLE in their turn */
    REDIS_GATE_ASIDE, /* calls go, and refused ones behind them do not wait for their answers */
};
/* For the calls to come; those under way are not touched, on_state comes as ever. */
void redis_link_gate(struct redis_link *k, enum redis_gate gate);
/* Gives the connection up, if there is one: on_state(false) and the answers to all calls come inside this
 * call (or when the reply at hand has been handled), then it is made again after the usual back-off. */
void redis_link_drop(struct redis_link *k, enum redis_reason reason, const char *detail);
/* The sentinels have announced that the master is at host:port now. Unless it is sought there already the
 * link gives up what it has, as redis_link_drop does, and goes there at once. */
void redis_link_follow(struct redis_link *k, struct str host, int port);
/* Channels to hold subscribed, now and after every reconnect; channel is copied. "up" is reported after all
 * are confirmed. Only before the first pass of the loop. */
void redis_subscribe(struct redis_link *k, struct str channel);

/* For /health/stats and /metrics. */
struct redis_link_stats {
    uint64_t calls, failures, reconnects;
    uint64_t waiting;      /* calls under way */
    uint64_t out_bytes;    /* not yet written */
    double avg_us, max_us; /* reply times over the last 1,000 calls */
};
void redis_link_stats(const struct redis_link *k, struct redis_link_stats *out);

#endif
