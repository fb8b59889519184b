/* The rounds made through one realm: timers that are due are carried out; in each queue the matching step is
 * run, old tickets are sent away and the waiting are told where they stand.
 *
 * The clockwork makes them through the fleet's realm, the island through its own. */
#ifndef GATEWAY_ROUNDS_H
#define GATEWAY_ROUNDS_H

#include "gateway/node.h"

struct rounds {
    struct node *node;
    const struct realm *realm;                    /* borrowed */
    bool (*skips)(void *arg, struct str room_id); /* no timer of that room now; NULL: none is left out */
    void *arg;
    uint64_t quiet_until_ms; /* monotonic: no timer is claimed before */
    uint64_t updated_at_ms;  /* monotonic, of the last queueUpdate */
    uint64_t expiry_at_ms;   /* monotonic: a ticket will be too old before the next round; 0 = none */
    bool polling, counting;  /* the realm is being asked; the answer finds this struct */
};
void rounds_timers(struct rounds *r); /* every TIMER_POLL_MS */
/* Every SWEEP_MS; by rounds_timers in between if a ticket would expire more than a second late. */
void rounds_queues(struct rounds *r);

#endif
