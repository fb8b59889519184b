/* What a player says in his room: the data of a gameMessage, and the way of a volatile one. */
#ifndef GATEWAY_SAY_H
#define GATEWAY_SAY_H

#include "common/buf.h"
#include "gateway/node.h"

struct session;

/* {"roomId":R,"sender":socket,"playerId":P,"message":<raw>}: seed 002's gameMessage with the player's stable
 * id added. */
void say_compose(struct buf *out, const struct session *s, struct str room_id, struct str message);
/* To all members of the session's room (which must be in one) at once, without number, log or script; at most
 * once, the sender himself only with echo. Then request_id is answered. */
void say_at_once(struct node *n, struct session *s, int64_t request_id, struct str message, bool echo);

#endif
