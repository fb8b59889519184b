/* Where the truth lives: Redis, or this process's memory. One interface, the same scripts.
 *
 * All rules that must be atomic are Lua scripts (scripts/). Redis runs them in the fleet; backend_memory runs
 * the very same files in an embedded Lua 5.1 over an in-process keyspace, so that standalone and fleet cannot
 * drift apart. */
#ifndef MATCHMAKING_BACKEND_H
#define MATCHMAKING_BACKEND_H

#include "common/loop.h"
#include "common/redis/breaker.h"
#include "common/redis/script.h"
#include "common/reply.h"

struct backend;

struct backend_events {
    /* A message on one of our channels, published by anybody (also by ourselves). Borrowed until return. */
    void (*on_message)(void *arg, struct str channel, struct str message);
    /* The store began or ceased to answer; reason is a static word ("ok", "refused", "timeout", ...). */
    void (*on_state)(void *arg, bool up, const char *reason);
    void *arg;
    /* The connection is there, but whether the store can be written to is not known: ask by ops->probe, now
     * and then regularly. The store is up (on_state) once a probe has been carried out; until then all other
     * calls fail with ERR_UNAVAILABLE. NULL: a connection is proof enough (tests). */
    void (*on_probe)(void *arg);
};

/* Answered exactly once, never before return, in the order of the calls. err as in redis_cb, plus ERR_SCRIPT.
 * reply is NULL unless err is ERR_NONE or ERR_SCRIPT; borrowed until return. */
typedef void (*backend_cb)(void *arg, int err, const struct reply *reply);

struct backend_ops {
    /* Runs s atomically. All strings are copied. fn may be NULL. */
    void (*run)(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                const struct str *args, size_t arg_count, backend_cb fn, void *arg);
    /* The same for the write probe: also carried out while the store is not trusted. Its answer decides
     * whether the store is up; that is told after fn. NULL: the same as run. */
    void (*probe)(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                  const struct str *args, size_t arg_count, backend_cb fn, void *arg);
    /* At most once, no answer. Dropped when the store is away. */
    void (*publish)(struct backend *b, struct str channel, struct str message);
    /* The store's own figures: the text of Redis' INFO in reply->str, with a last line `config_save:<save
     * points>` where CONFIG is allowed. NULL where there are none (memory). */
    void (*info)(struct backend *b, backend_cb fn, void *arg);
    bool (*up)(const struct backend *b);
    /* Nothing can be written to the store now: it is not up, no call is under way, and what is called now
     * fails. Some calls may still go to a store that answers but takes no writes. NULL: never. */
    bool (*cut_off)(const struct backend *b);
    const char *(*reason)(const struct backend *b);
    void (*free)(struct backend *b); /* pending calls are answered with ERR_UNKNOWN first */
};

struct backend {
    const struct backend_ops *ops;
    bool durable;       /* survives this process */
    const char *prefix; /* before every key and channel; borrowed for life */
};

struct backend_redis_options {
    struct redis_address address;
    const struct sentinel_hosts *sentinels; /* as in redis_link_options */
    const char *prefix;
    const char *instance_id; /* the own channel is room_events:<instance_id> */
    /* A store silent for command_timeout_ms is away: all its calls are answered (ERR_TIMEOUT, ERR_UNKNOWN)
     * and the links are made again. The same for the event link when the own echo stays away, if there are
     * probes. */
    uint64_t command_timeout_ms, connect_timeout_ms;
    struct breaker_options breaker; /* requests_min 0 = none */
};
/* Two links: commands, and events (subscribed to room_events and room_events:<instance_id>). Up when both
 * are. */
struct backend *backend_redis_new(struct loop *l, const struct backend_redis_options *o,
                                  const struct backend_events *e);
/* The command link's and event link's figures for /health/stats; only for a backend_redis. */
void backend_redis_stats(const struct backend *b, struct redis_link_stats *commands,
                         struct redis_link_stats *events);
bool backend_is_redis(const struct backend *b);

struct backend_memory_options {
    const char *prefix;
    /* Wall time for the scripts' TIME; NULL = the real one at the beginning, which nobody sets later on. */
    uint64_t (*now_us)(void *arg);
    void *now_arg;
    /* Tests and the simulator: run a script at once and answer inside the call instead of through loop_defer
     * (then l may be NULL). Messages come after the script and before its answer; hashing is repeatable. */
    bool immediate;
};
/* Up from the start; on_state(true, "ok") comes once, deferred (without a loop: inside the first call). */
struct backend *backend_memory_new(struct loop *l, const struct backend_memory_options *o,
                                   const struct backend_events *e);

#endif
