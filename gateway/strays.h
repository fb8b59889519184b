/* Strays: connections that stand in this instance's name in the store, but that it does not have.
 *
 * A store that comes back with older data (a failover, a restart) has forgotten the last detaches. Players
 * who return are found by their attach; those who do not would keep seat or place as long as this instance
 * lives. So each instance walks through its own sockets in the store, one page with every sweep, all pages at
 * once after the store was away, and detaches those it does not have: the same detach once more, which does
 * nothing if the store remembers the first. */
#ifndef GATEWAY_STRAYS_H
#define GATEWAY_STRAYS_H

#include "gateway/node.h"

struct strays {
    struct node *node;
    bool asking;
    bool hurry; /* the next page as soon as this one is read */
    bool again; /* the walk under way began too early */
    char cursor[24];
};

void strays_step(struct strays *s); /* every SWEEP_MS */
void strays_walk(struct strays *s); /* the store was away */

#endif
