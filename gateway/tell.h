/* What goes back to clients: replies, errors and pushes, encoded once and queued. */
#ifndef GATEWAY_TELL_H
#define GATEWAY_TELL_H

#include "gateway/conn.h"
#include "matchmaking/realm.h"
#include "proto/codes.h"

struct resume;
struct session;
struct room;

enum { TELL_RETRY_MS = 1000 }; /* retryAfterMs with SERVICE_DEGRADED */

/* All take a conn that may be NULL (gone): then nothing happens. id 0: no reply is wanted (an error is
 * pushed). */
void tell_ok(struct conn *c, int64_t id, struct str data);
void tell_error(struct conn *c, int64_t id, enum code code, const char *message /* NULL = the code's own */);
void tell_retry(struct conn *c, int64_t id, enum code code, const char *message, int64_t retry_after_ms);
/* {"version":n} rides along, for STALE_VERSION. */
void tell_stale(struct conn *c, int64_t id, int64_t version);
/* Any outcome but "OK" as an error: the world's failures become SERVICE_DEGRADED or OUTCOME_UNKNOWN. */
void tell_outcome(struct conn *c, int64_t id, struct realm_outcome o);
/* A push that belongs to no room's order. data: raw JSON. */
void tell_push(struct conn *c, const char *event, struct str data);
/* He has left the room by himself. Only Socket.IO clients are told: from now on their offset is of no room.
 */
void tell_left(struct conn *c, const char *room_id);
/* A reply has told him of this number, behind all that stand before it. Only Socket.IO clients are told so:
 * their offset moves with events alone, and would be recovered from too early. Right behind the reply, in one
 * write.
 */
void tell_seen(struct conn *c, const char *room_id, int64_t epoch, int64_t seq);
/* `welcome`; before it, a Socket.IO client is connected. Of session: its id and token. */
void tell_welcome(struct conn *c, const char *socket_id, const struct resume *session, bool recovered,
                  struct str data);
/* `goodbye`, then close with the code: what the client should do next is said in words and numbers. */
void tell_goodbye(struct conn *c, int code, int64_t delay_ms);

#endif
