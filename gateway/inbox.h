/* The second door: what other processes say (room_events), and what our own scripts did, enters here in one
 * and the same way.
 *
 * Numbered events of a room are delivered strictly in order (gateway/room.h); a gap is filled from the room's
 * log. */
#ifndef GATEWAY_INBOX_H
#define GATEWAY_INBOX_H

#include "common/reply.h"
#include "gateway/node.h"

struct room;
struct session;

/* A message from a channel. Own echoes are dropped by the origin, garbage is counted and logged. */
void inbox_message(struct node *n, struct str channel, struct str message);
/* Events that a script of ours made in that realm, in order: a reply's array of event JSON. */
void inbox_events(struct node *n, const struct realm *realm, const struct reply *events);
void inbox_event(struct node *n, const struct realm *realm, struct str event_json);
/* Reads the room's log from the last delivered number on (after an outage, or because of a gap). */
void inbox_fill(struct node *n, struct room *r);
/* The same in any case now, even if it is being read already. done: what the log still had to say has been
 * delivered here (or, `answered` false, the store did not say); the room may be gone. */
void inbox_fill_then(struct node *n, struct room *r, void (*done)(void *arg, bool answered), void *arg);
/* inbox_event, and the reply {id, data} to what made the event: it goes out right behind it, before any later
 * one. */
void inbox_event_answer(struct node *n, const struct realm *realm, struct str event_json, struct session *s,
                        int64_t request_id, struct str data);
/* The reply {id, data} goes out as soon as event `seq` of the room has been delivered here; at once if it has
 * been. */
void inbox_reply_at(struct node *n, struct str room_id, int64_t seq, struct session *s, int64_t request_id,
                    struct str data);
/* The list of live instances was renewed: messages of those not known before are looked at again. */
void inbox_strangers(struct node *n);
void inbox_close(struct node *n); /* frees what waits */
/* rooms_new's callback: a gap has stood long enough, the log is asked. arg is the node. */
void inbox_on_gap(void *arg, struct room *r);

#endif
