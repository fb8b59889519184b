/* Leaving the fleet in order: say "not ready", stop accepting, send everybody away at an even pace (goodbye
 * and 4200), detach them, retire, and only then end. The settings DRAIN_NOTICE_MS, DRAIN_SPREAD_MS and
 * DRAIN_MS say how long each may take. */
#ifndef GATEWAY_DRAIN_H
#define GATEWAY_DRAIN_H

#include "gateway/node.h"

/* Sets n->drain: from now on /health/ready answers 503. done is called once, at the latest DRAIN_MS (and the
 * server's own closing time) later, with the sockets closed; never before return. */
void drain_start(struct node *n, loop_cb done, void *arg);
/* Is nobody let in any more? false for NULL (not draining) and during the notice. */
bool drain_refuses(const struct drain *d);
void drain_free(struct drain *d); /* NULL is fine */

#endif
