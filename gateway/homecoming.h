/* Coming home from the island: the store is back; rooms are written back, players are attached to the store
 * again.
 *
 * Room by room and player by player, some at a time; each goes on living on the island until it is its turn,
 * and its members' requests are answered BUSY for the moment it takes. What the store does not accept because
 * it knows better is given up: the store is right, and the members get its snapshot, or hear that the room is
 * gone.
 */
#ifndef GATEWAY_HOMECOMING_H
#define GATEWAY_HOMECOMING_H

#include "gateway/node.h"

/* The store is back, and every TIMER_POLL_MS: starts what is due; ends the island once nobody lives there. */
void homecoming_tick(struct node *n);

#endif
