/* matchFound as each player is told it: who his opponent is, and what the others say about themselves. */
#ifndef GATEWAY_FOUND_H
#define GATEWAY_FOUND_H

#include "matchmaking/events.h"

struct room;
struct session;

/* The event, to the player of s. opponent: the first player who is not he, NULL = there is none. */
void found_push(struct session *s, const struct room_event *e, const char *opponent);
/* To one who came back to a room that has not started; not numbered. players: as the store lists them, raw
 * JSON (presence_reseated). */
void found_again(struct session *s, const struct room *r, struct str players, int64_t confirm_by_ms);

#endif
