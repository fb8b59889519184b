/* Calls that wait in this process for their turn at the store.
 *
 * Only so many script calls are under way at a time. A burst (ten thousand players who come back at once)
 * thus queues here and not in the store's sockets, where it would make every answer late, and late answers
 * look like a store that is away. The heartbeat does not queue. */
#ifndef MATCHMAKING_TURNS_H
#define MATCHMAKING_TURNS_H

#include "common/list.h"
#include "matchmaking/backend.h"

enum { TURNS_UNDER_WAY = 512, TURNS_WAITING_MAX = 100000 };

struct turn { /* a call, with copies of its texts */
    struct list link;
    const struct script *script;
    size_t key_count, arg_count;
    backend_cb fn;
    void *arg;
    struct str texts[]; /* keys, then arguments; their bytes follow */
};
struct turns {
    struct list waiting;
    size_t waiting_count;
    size_t under_way; /* calls; a batch is as many as are in it */
    uint16_t *sizes;  /* of what is under way, in the order in which it went: a ring of size_cap from
                         size_first on */
    size_t size_first, size_count, size_cap;
};
void turns_init(struct turns *t);
void turns_close(struct turns *t);
/* One has gone to the store, with so many calls in it; the oldest one under way has come back. */
void turns_went(struct turns *t, size_t calls);
void turns_came(struct turns *t);
/* Must the next call wait? */
bool turns_full(const struct turns *t);
/* false: too many wait already. */
bool turns_wait(struct turns *t, const struct script *s, const struct str *keys, size_t key_count,
                const struct str *args, size_t arg_count, backend_cb fn, void *arg);
/* The oldest, if there is one and it may go now (or in any case, with `all`); the caller frees it (mem_free).
 */
struct turn *turns_next(struct turns *t, bool all);

#endif
