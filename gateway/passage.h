/* One player's way home from the island: he is attached to the store, and the requests that were answered
 * here become known there.
 *
 * He goes on living on the island; whoever started the passage decides what its end means. Until then the
 * session is `moving`. */
#ifndef GATEWAY_PASSAGE_H
#define GATEWAY_PASSAGE_H

#include "gateway/node.h"

struct session;

enum passage_end {
    PASSAGE_THERE,    /* fleet_fence is what the store has given the session */
    PASSAGE_REPLACED, /* another connection of the player attached later; he has been told */
    PASSAGE_FAILED,   /* the store did not answer, or not all of it */
};
struct passage {
    struct node *node;
    struct session *session; /* held until done has returned */
    bool with_room;
    enum passage_end end;
    bool in_room, queued; /* what the store says he is */
    int64_t level;        /* and where he waits */
    bool same_ticket;     /* with the ticket that we know */
    void (*done)(void *arg, const struct passage *p);
    void *arg;
};
/* done is called once, never before return; the passage goes afterwards. with_room: what was answered here
 * counts when his room is there (transfer.h). */
void passage_start(struct node *n, struct session *s, bool with_room,
                   void (*done)(void *arg, const struct passage *p), void *arg);
/* He is at home: nothing of him stays on the island. A connection that closed meanwhile is detached. */
void passage_arrive(struct node *n, struct session *s);
/* He stays on the island. The same. */
void passage_stay(struct node *n, struct session *s);

#endif
