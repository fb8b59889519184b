/* What a delivered room event means here: pushes to the local members and changes of the local view. */
#ifndef GATEWAY_DELIVER_H
#define GATEWAY_DELIVER_H

#include "gateway/node.h"
#include "matchmaking/events.h"

struct conn;
struct room;
struct session;

/* The event is the room's next one. May free the room. */
void deliver_event(struct node *n, struct room *r, const struct room_event *e);
/* Event number 1 of a room not known here: makes the local view if players of ours are seated. */
void deliver_match_found(struct node *n, const struct room_event *e);
/* A message to this instance, not to a room (sessionReplaced). */
void deliver_control(struct node *n, const struct room_event *e);

/* Pushes to the local members except `except` (may be NULL) and the event's skip. */
void deliver_push(struct room *r, const struct room_event *e, const struct session *except);
/* An un-numbered push to all local members; %s in data is replaced by the room id. */
void deliver_push_room(struct room *r, const char *event, const char *data_format);
void deliver_snapshot(struct conn *c, const struct room *r, struct str record, int64_t seq);
/* Names that only the gateway itself may use in a room. */
bool deliver_reserved(struct str event);

#endif
