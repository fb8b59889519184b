/* A player's ticket as this instance knows it: session.ticket_id and the fields beside it.
 *
 * A ticket leads to one game at most. It is over once its game has started, and once it was given up,
 * cancelled or has expired; from then on it is never handed in to the store again, whatever an answer says
 * that comes late. What it is now says the player's record. What this instance remembers counts only if there
 * is no record at all: the store lost its data, or a sweep took us for dead. */
#ifndef GATEWAY_TICKET_H
#define GATEWAY_TICKET_H

#include "gateway/node.h"
#include "matchmaking/queue.h"

struct presence_attached;
struct session;

/* The player waits with this ticket, or is about to. The same one again changes nothing. */
void ticket_take(struct session *s, struct str ticket_id);
/* What he says about himself with this ticket: raw JSON, copied; empty = nothing. */
void ticket_setup(struct session *s, struct str setup);
/* It is over. */
void ticket_end(struct session *s);
/* The record in the fleet's store, while the session lives on the island: if it is of the running ticket, the
 * ticket goes home with its exact time. */
void ticket_read_fleet(struct session *s, struct str record);
/* The player's record, asked for at asked_at_ms (monotonic), is of this ticket (it may be of the session
 * already): takes it, and all that is known of it. Since when he waits is known up to the time that the
 * answer took: never too early. */
void ticket_read(struct session *s, struct str ticket_id, const struct presence_attached *record,
                 uint64_t asked_at_ms);
/* May the ticket be handed in to a store that has lost it? Not if it is over, nor if it would have expired.
 */
bool ticket_may_enter(const struct session *s);
/* The record says idle; lost: it was made anew, for there was none (presence_attached). The session becomes
 * IDLE, with ticketExpired if it waited; or, true: it still waits, and its ticket is to be handed in again.
 */
bool ticket_read_idle(struct node *n, struct session *s, bool lost);
/* Hands ticket_id in for the session's player: queue_hand_in. With QUEUE_ENTER it gets the place of the time
 * for which it has waited. */
void ticket_hand_in(const struct session *s, const char *ticket_id, int64_t level, enum queue_how how,
                    backend_cb fn, void *arg);
/* A waiting player's ticket is over: ends it, moves the session to IDLE and pushes ticketExpired (not if the
 * player has left himself, and only the answer was lost). why, its reason: "ttl", or "ended" if it ended
 * otherwise and nobody told us. */
void ticket_expire(struct node *n, struct session *s, const char *why);

#endif
