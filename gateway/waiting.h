/* Local players who wait for a match: what a join answered, the matching step, and what the waiting are told.
 */
#ifndef GATEWAY_WAITING_H
#define GATEWAY_WAITING_H

#include "gateway/node.h"

struct session;
struct report_queue;

/* Acts on join.lua's answer for s: replies to request_id (0 = no reply), pushes `waiting`, moves the session,
 * delivers the match. */
void waiting_read_join(struct node *n, struct session *s, struct realm_outcome o, const struct reply *reply,
                       int64_t request_id);
/* Runs match.lua for the realm's level until nothing more is due (after a requeue, and in each sweep). level
 * < 0: nothing. */
void waiting_match(struct node *n, const struct realm *realm, int64_t level);
/* The same for a script's "level to run match.lua for, or empty". */
void waiting_match_text(struct node *n, const struct realm *realm, struct str level);
/* Sends away who has waited at the level for longer than TICKET_TTL_MS. */
void waiting_expire(struct node *n, const struct realm *realm, int64_t level);
/* Tells every local waiter of the realm how many wait at his level and how long it takes. queues: in the
 * order of their levels. */
void waiting_update(struct node *n, const struct realm *realm, const struct report_queue *queues,
                    size_t count);

#endif
