/* The end of a local view of a room. The truth in the store is not touched. */
#ifndef GATEWAY_CLOSING_H
#define GATEWAY_CLOSING_H

#include "gateway/node.h"

struct room;

/* Members become idle, or queue again if `requeued` ("a b") names them; replies that waited for an event go
 * out; the room is freed. reason: for the log. */
void closing_room(struct node *n, struct room *r, struct str requeued, const char *reason);
/* The same if it has no member here; room_id may be empty. */
void closing_if_empty(struct node *n, const char *room_id);
/* Epoch `former` is over here, or was set back: who waits for a number of it that the room has not reached
 * hears OUTCOME_UNKNOWN. Whether what it stood for was done the store alone knows, and the same request again
 * finds out. */
void closing_lost(struct room *r, int64_t former);
/* The reply to what caused number `seq`, all numbers up to which have been delivered here; r: the room, or
 * NULL. With request_id 0 there is none. */
void closing_reply(const struct room *r, struct session *s, int64_t request_id, int64_t seq, struct str data);
/* The replies whose event has been delivered (all of them: with `all`) go out. */
void closing_waiters(struct room *r, bool all);

#endif
