/* Waiting for a match: join, leave, and the matching step by itself. */
#ifndef MATCHMAKING_QUEUE_H
#define MATCHMAKING_QUEUE_H

#include "matchmaking/realm.h"

struct queue_ticket { /* all borrowed */
    struct str player_id, ticket_id;
    struct str session_id; /* remembers its last ticket; empty = none does */
    struct str setup;      /* what he says about himself, raw JSON; empty = nothing. A ticket that waits keeps
                              what came with it */
    int64_t fence, level;
    enum queue_how {
        QUEUE_ASK,   /* a client's request, perhaps repeated: not if the session has handed in this ticket
                        before */
        QUEUE_KEEP,  /* only if he still waits with it: makes sure of his place */
        QUEUE_ENTER, /* in any case: the store has lost it */
    } how;
    int64_t since_ms; /* QUEUE_ENTER: since when he waits, by the store's clock; 0 or less: by so many ms
                         before now. His place is the one that this time gives him */
};
/* join.lua, with a fresh room id. A ticket that waits, or sits in a room, asks "where am I?", and a lost list
 * entry is repaired. Answers: "WAITING" (1: position, 2: more), "MATCHED" (1: room id, 2: events; none: it
 * was before), "ALREADY_QUEUED" (1: ticket), "ALREADY_IN_MATCH" (1: room id), "NOT_QUEUED" (the ticket has
 * come to its end), "REPLACED", "GONE", "LEASE". */
void queue_hand_in(const struct realm *r, const struct queue_ticket *t, backend_cb fn, void *arg);
/* The same with QUEUE_ENTER and no session. */
void queue_join(const struct realm *r, struct str player_id, int64_t fence, int64_t level,
                struct str ticket_id, backend_cb fn, void *arg);
/* leave_queue.lua. Answers: "LEFT", "NOT_QUEUED", "MATCHED" (1: room id), "AGAIN" (1: level), "REPLACED",
 * "GONE". */
void queue_leave(const struct realm *r, struct str player_id, int64_t fence, int64_t level, backend_cb fn,
                 void *arg);
/* match.lua, with a fresh room id. Answers: "MATCHED" (1: room id, 2: events), "NONE" (1: more). */
void queue_match(const struct realm *r, int64_t level, backend_cb fn, void *arg);

/* expire_tickets.lua, a page of it. Answer: "OK" (1: ticketExpired events for players of this instance). */
void queue_expire(const struct realm *r, int64_t level, backend_cb fn, void *arg);

#endif
