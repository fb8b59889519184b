/* The figures of /health/stats: gathered from the store in one flow, printed as JSON or as a box of text.
 *
 * What the store says is turned into JSON as it arrives (replies live only so long); the few numbers that the
 * text box needs are kept beside it. */
#ifndef GATEWAY_STATS_H
#define GATEWAY_STATS_H

#include "common/buf.h"
#include "common/loop.h"
#include "gateway/store_info.h"
#include "matchmaking/report.h"

struct stats {
    int err;         /* 0: everything below is known; else the first failure: what it concerns is empty */
    bool standalone; /* no Redis configured */
    bool up;         /* the store answers */
    const char *reason;
    int64_t mappings, game_states, matches, waiting;
    int64_t queues, oldest_wait_ms; /* levels somebody waits at; the oldest of all */
    int64_t violations, leftovers;
    bool have_integrity;
    uint64_t integrity_at_ms;                                                        /* wall clock */
    struct buf queues_json, fleet_json, sockets_json, integrity_json, bad_keys_json; /* empty = not known */
    struct store_info store;
    struct redis_link_stats link; /* the command link; zero when standalone */
};

/* Asks for everything, at most `audit_limit` entries of each collection for the integrity part (0: none), and
 * calls done once, maybe before return. `store` is the last known store_info (for rates); the realm must live
 * until done. The stats are done's: stats_free. */
typedef void (*stats_cb)(void *arg, struct stats *s);
void stats_gather(const struct realm *r, struct loop *l, const struct store_info *before, int64_t audit_limit,
                  stats_cb done, void *arg);
/* Moves the integrity part (and the sockets by instance) over from older stats. */
void stats_keep_integrity(struct stats *s, struct stats *older);
/* Stats without asking anybody: for a store that is away. reason as backend_ops.reason. */
struct stats *stats_empty(const struct realm *r);
void stats_free(struct stats *s); /* NULL is fine */

/* INFO alone, as far as the back end offers it; `info->known` says whether. */
typedef void (*stats_info_cb)(void *arg, const struct store_info *info);
void stats_info(const struct realm *r, struct loop *l, const struct store_info *before, stats_info_cb done,
                void *arg);

#endif
