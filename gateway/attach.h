/* A session becomes its player's one and only, takes up his queue place or seat, and is welcomed. */
#ifndef GATEWAY_ATTACH_H
#define GATEWAY_ATTACH_H

#include "gateway/node.h"

struct session;
struct resume;

/* s is ATTACHING. The flow holds it; its end is told to the client, not to the caller. resume is copied. */
void attach_start(struct node *n, struct session *s, const struct resume *resume);
/* An attached session asks the store anew who and where its player is, and takes that over: after the lease
 * was lost, the store was away, or an event did not fit. The player is kept only if no other connection
 * attached him later. One at a time per session; if it fails the session stays in doubt and clockwork tries
 * again. */
void attach_again(struct node *n, struct session *s);

#endif
