/* Waiting for a match: join, leave, and the matching step by itself. */
#ifndef MATCHMAKING_QUEUE_H
#define MATCHMAKING_QUEUE_H

#include "matchmaking/realm.h"

/* join.lua, with a fresh room id. The same ticket again asks "where am I?" and repairs a lost list entry.
 * Answers: "WAITING" (1: position, 2: more), "MATCHED" (1: room id, 2: events), "ALREADY_QUEUED" (1: ticket),
 * "ALREADY_IN_MATCH" (1: room id), "REPLACED", "GONE", "LEASE". */
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
