/* Timers that no process owns: entries of `deadlines`, carried out by whichever instance comes first. */
#ifndef MATCHMAKING_TIMERS_H
#define MATCHMAKING_TIMERS_H

#include "matchmaking/realm.h"

/* due_timers.lua: an array of entries (not "OK" first). */
void timers_due(const struct realm *r, int64_t at_most, backend_cb fn, void *arg);

struct timer_entry {                           /* `kind:subject:version`, borrowed */
    struct str text, kind, room_id, player_id; /* player_id only for grace and queue, room_id not for queue */
    int64_t level;                             /* only for confirm */
    int64_t version;
};
/* false: not an entry of ours. */
bool timers_parse(struct str text, struct timer_entry *out);
/* fire_timer.lua. Answers: "OK" (1: level to match again or "", 2: events), "TAKEN", "EARLY", "STALE". */
void timers_fire(const struct realm *r, const struct timer_entry *entry, backend_cb fn, void *arg);

#endif
