/* This instance's place in the fleet: the heartbeat renews its lease, the answer says whether it was lost and
 * who died.
 *
 * Ready = the first beat was answered. The epoch is a level: whenever it differs from the known one, every
 * session attaches again with its fence. */
#ifndef GATEWAY_LEASE_H
#define GATEWAY_LEASE_H

#include "gateway/node.h"

struct lease;

struct lease_events {
    void *arg;
    void (*on_ready)(void *arg);                     /* the first beat was answered: players may come */
    void (*on_refused)(void *arg, const char *text); /* the fleet has other ROOM_SEATS: do not start */
    void (*on_dead)(void *arg,
                    struct str instance_id); /* its lease is over: sweep it (each beat again until gone) */
};
struct lease *lease_new(struct node *n, const struct lease_events *events);
void lease_free(struct lease *l);
/* Begins to beat; beats at once if it has begun. Nothing after lease_stop. */
void lease_start(struct lease *l);
void lease_stop(struct lease *l);
/* Beats now, if it has begun. */
void lease_beat(struct lease *l);
/* From now on beats only probe: the lease is not renewed, until lease_resume (which beats at once). */
void lease_hold(struct lease *l);
void lease_resume(struct lease *l);
/* Nobody can take this instance for alive any more: whatever beats are still under way to the store, they are
 * not good any more (heartbeat.lua), and the lease that the last good one renewed has run out. */
bool lease_surely_over(const struct lease *l);
/* What the heartbeat tells the fleet: before this time (monotonic) no timer and no sweep is carried out here.
 */
void lease_rest(struct lease *l, uint64_t until_ms);
/* Monotonic: when the store last renewed it; 0 = not yet. */
uint64_t lease_renewed_at_ms(const struct lease *l);
/* Monotonic: the last time the store came back without what it had confirmed; 0 = never. Found out with the
 * renewal. */
uint64_t lease_data_lost_at_ms(const struct lease *l);
/* The very first beat is under way. */
bool lease_awaits_first(const struct lease *l);
bool lease_ready(const struct lease *l);

#endif
