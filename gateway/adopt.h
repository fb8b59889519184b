/* Going to the island: while the store is away, rooms whose members all sit here go on here, and once nobody
 * else can be acting for our players any more, they are matched among themselves
 * (DEGRADED_MATCHMAKING=local).
 *
 * Also keeps the copies that make it possible (copy.h). */
#ifndef GATEWAY_ADOPT_H
#define GATEWAY_ADOPT_H

#include "gateway/node.h"

struct room;
struct room_event;

/* Every TIMER_POLL_MS: makes the island when the store is away, takes in what may go on, and makes its
 * rounds. */
void adopt_tick(struct node *n);
/* The room's next event is being delivered: its copy follows. */
void adopt_event(struct node *n, struct room *r, const struct room_event *e);
/* At a comparison: a room whose members have all come to sit here gets a copy, one that has a member
 * elsewhere needs none. */
void adopt_look(struct node *n, struct room *r);
/* The store is back, and the room stays there: a copy that is not sure is made anew at the next comparison.
 */
void adopt_doubt(struct node *n, struct room *r);

#endif
