/* What a room's log says to somebody who has seen its events up to a number: are the next ones still there,
 * and is the store still the one that wrote what he saw?
 *
 * (epoch, seq) names one event for ever (scripts/lib/emit.lua). A store that comes back with older data
 * begins a new epoch at an older number; whoever has seen more of the former one is not led into the new one
 * by its first event, roomEpoch. Pure. */
#ifndef GATEWAY_HISTORY_H
#define GATEWAY_HISTORY_H

#include "common/reply.h"
#include "matchmaking/events.h"

struct history_position {
    int64_t epoch, seq; /* 1, 0: nothing seen yet */
};
/* Is e the event right behind this position? */
bool history_follows(struct history_position at, const struct room_event *e);

enum history {
    HISTORY_WHOLE, /* the log leads on from there, without a gap, to its end */
    HISTORY_CUT,   /* it no longer reaches back so far */
    HISTORY_OTHER, /* the store does not have what was seen: it came back with older data */
};
/* log: read_log.lua's answer "OK", asked for this position's seq. */
enum history history_after(struct history_position at, const struct reply *log);

#endif
