/* Where a link's server is: at a fixed address, or wherever the sentinels say. For link.c only. */
#ifndef COMMON_REDIS_TARGET_H
#define COMMON_REDIS_TARGET_H

#include "common/redis/address.h"
#include "common/redis/sentinel.h"

/* failure: NULL, or why nobody could say (borrowed until return). */
typedef void (*target_cb)(void *arg, const char *failure);

struct target {
    struct loop *loop;
    const struct sentinel_hosts *sentinels; /* NULL: the address is fixed */
    struct redis_address address;           /* the last one found, with our identity */
    char where[300];                        /* the same for logs; before the first: "master NAME" */
    bool announced;                         /* by target_move: need not be asked for */
    struct sentinel_query *query;           /* while the sentinels are asked */
    unsigned turn;                          /* which of them is asked first */
    target_cb fn;
    void *arg;
};

/* sentinels: borrowed for life; NULL or with count 0: the address is the place. */
void target_init(struct target *t, struct loop *l, const struct redis_address *address,
                 const struct sentinel_hosts *sentinels);
/* fn exactly once unless cancelled; inside this call if the place is known. Then t->address is it. */
void target_find(struct target *t, target_cb fn, void *arg);
void target_cancel(struct target *t); /* fine when nothing is under way */
/* The sentinels have announced a new master: the next target_find finds it there without asking. false: no
 * news. */
bool target_move(struct target *t, struct str host, int port);

#endif
