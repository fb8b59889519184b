/* A room's way home from the island.
 *
 * It stands still for that moment: its members' requests are kept, its timers wait. It goes on living on the
 * island until the store has it; if that fails it plays on here, and is sent again later. What the store does
 * not accept because it knows better is given up: the members get the store's snapshot, or hear that the room
 * is gone. */
#ifndef GATEWAY_JOURNEY_H
#define GATEWAY_JOURNEY_H

#include "gateway/node.h"

struct island_room;
struct room;

/* arrived is called when the room is off the island; not if it goes on there, to be sent again later. */
void journey_start(struct node *n, struct island_room *room, void (*arrived)(struct node *n));
/* Can it start now? Not while a member is in the middle of attaching or joining. */
bool journey_ready(const struct node *n, const struct island_room *room);
/* For the metric and the log: what became of a room of the island. */
void journey_count(const char *room_id, const char *how, struct str why);

#endif
