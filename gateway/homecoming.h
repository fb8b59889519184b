/* Coming home from the island: the store is back; rooms are written back, players are attached to the store
 * again.
 *
 * In this order: who plays here is taken out of the store's queues before the lease is renewed; then rooms
 * that ended here end there, for their players are not free before; then rooms (journey.h), and at last
 * players without a room (passage.h). Some at a time; each goes on living on the island until it is its turn.
 */
#ifndef GATEWAY_HOMECOMING_H
#define GATEWAY_HOMECOMING_H

#include "gateway/node.h"

/* The store is back, and every TIMER_POLL_MS: starts what is due; ends the island once nobody lives there. */
void homecoming_tick(struct node *n);

#endif
