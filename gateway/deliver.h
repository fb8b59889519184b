/* What a delivered room event means here: pushes to the local members and changes of the local view. */
#ifndef GATEWAY_DELIVER_H
#define GATEWAY_DELIVER_H

#include "gateway/node.h"
#include "gateway/history.h"
#include "matchmaking/events.h"

struct conn;
struct cast;
struct room;
struct session;

/* The event is the room's next one. May free the room. */
void deliver_event(struct node *n, struct room *r, const struct room_event *e);
/* Event number 1 of a room: makes the local view if players of ours are seated, and n->on_seated. A player of
 * ours who does not fit (he still sits elsewhere in our view, or the room is known already) is asked about:
 * n->on_doubt. */
void deliver_match_found(struct node *n, const struct realm *realm, const struct room_event *e);
/* The same message from a stranger: only makes us ask the store about the players of ours it names. */
void deliver_doubts(struct node *n, const struct room_event *e);
/* A message to this instance, not to a room (sessionReplaced). */
void deliver_control(struct node *n, const struct room_event *e);

/* Pushes to the local members except the event's skip, and those whom catchup.c shows it or who have it. */
void deliver_push(struct room *r, const struct room_event *e);
/* Is the event kept from him, because his reply says it? r: the room here, or NULL. */
bool deliver_answered(const struct room *r, const struct session *s, const struct room_event *e);
/* A volatile push, framed by the caller. */
void deliver_volatile(struct room *r, struct cast *x, const struct session *except);
/* An un-numbered push to all local members; %s in data is replaced by the room id. */
void deliver_push_room(struct room *r, const char *event, const char *data_format);
void deliver_snapshot(struct conn *c, const struct room *r, struct str record, struct history_position at);
/* The local view takes status and places from the store. */
void deliver_renew(struct room *r, struct str status, struct str place);
/* A missed event for one player who is catching up. */
void deliver_replay(struct session *s, const struct room_event *e);
/* roomCleanup {reason:"gone"}: the room ended, and nobody knows any more how. */
void deliver_gone(struct session *s, const char *room_id);
/* Names that only the gateway itself may use in a room. */
bool deliver_reserved(struct str event);

#endif
