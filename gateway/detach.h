/* The end of a session's hold in the store: queue place, seat, mapping; also for the leftovers of dead
 * instances.
 *
 * A detach that the store did not answer is kept and tried again when it is back (detach_retry): nothing is
 * lost silently. The node's list counts what is under way, so that a drain can wait for it. */
#ifndef GATEWAY_DETACH_H
#define GATEWAY_DETACH_H

#include "gateway/node.h"

struct session;

struct detaches;
struct detaches *detaches_new(void);
void detaches_free(struct detaches *f); /* what could not be done is left to the sweepers of others */
/* Detaches under way, and those waiting for the store. */
size_t detaches_running(const struct detaches *f);
size_t detaches_waiting(const struct detaches *f);
/* Both, of players of the island whose records in the store are as they were when they went. */
size_t detaches_of_island(const struct detaches *f);
/* Detaches under way on the island itself. */
size_t detaches_there(const struct detaches *f);

/* The session's ids are copied. Nothing to do for one without a fence, unless its attach may have happened
 * unseen. */
void detach_start(struct node *n, const struct session *s);

struct detach_leftover { /* borrowed until return */
    struct str player_id, socket_id, owner_instance_id, room_id;
    int64_t level;
};
/* What a dead instance left, only if its lease is over; `done` is called once, in any case. */
void detach_leftover(struct node *n, const struct detach_leftover *left,
                     void (*done)(void *arg, bool removed), void *arg);
/* A connection of this instance that only the store still has (strays.h). */
void detach_stray(struct node *n, struct str player_id, struct str socket_id);
/* The store is back: all that waits is tried again. */
void detach_retry(struct node *n);

#endif
