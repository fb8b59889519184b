/* A session becomes its player's one and only, takes up his queue place or seat, and is welcomed.
 *
 * Also run again for every session after this instance's lease was lost or the store came back (again =
 * true): then the player is kept only if nobody attached him later elsewhere. */
#ifndef GATEWAY_ATTACH_H
#define GATEWAY_ATTACH_H

#include "gateway/node.h"

struct session;

/* s is ATTACHING (first time) or attached (again). The flow holds it; its end is told to the client, not to
 * the caller. */
void attach_start(struct node *n, struct session *s, bool again);

#endif
