/* Who is gone: while this instance's lease was over, others swept what it had, and of some sessions nothing
 * is left in the store: their queue place, seat or mere presence has come to its end. */
#ifndef GATEWAY_GONE_H
#define GATEWAY_GONE_H

#include <stdbool.h>

struct presence_attached;
struct session;

/* Reads the answer to an attach that was made again. true: the session is gone; its client is told so and
 * closed with 4202, and comes back with its session to where its place in the fleet is certain. false: it
 * stays, also if the store has lost what it knew of it: then the session is what is left. */
bool gone_send_away(struct session *s, const struct presence_attached *now);

#endif
