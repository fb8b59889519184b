/* Confirms seats: by this instance itself as soon as matchFound is on its way (CONFIRM=auto), or when the
 * client says so. */
#ifndef GATEWAY_CONFIRM_H
#define GATEWAY_CONFIRM_H

#include "gateway/node.h"

struct room;
struct session;

/* CONFIRM=auto: every local member of a waiting room but the one whose join has just made it (the script has
 * confirmed him); else nothing. */
void confirm_members(struct node *n, struct room *r);
/* The client's confirmJoined: answered on the connection with request_id (0 = no answer). */
void confirm_seat(struct node *n, struct session *s, struct str room_id, int64_t request_id);

/* A player has taken his seat again: confirms it if the match has not started, and looks into the room's log.
 */
void confirm_if_waiting(struct node *n, struct session *s, struct str room_id);

#endif
