/* Leaving the fleet in order: stop accepting, say goodbye (4200), detach everybody, retire, and only then
 * end. */
#ifndef GATEWAY_DRAIN_H
#define GATEWAY_DRAIN_H

#include "gateway/node.h"

/* Sets n->drain. done is called once, at the latest DRAIN_MS later, with the sockets closed. */
void drain_start(struct node *n, loop_cb done, void *arg);
void drain_free(struct drain *d); /* NULL is fine */

#endif
