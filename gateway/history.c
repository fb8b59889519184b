/* Judges a room's log against a position that somebody has seen. */
#include "gateway/history.h"

bool history_follows(struct history_position at, const struct room_event *e)
{
    return e->seq == at.seq + 1 && (e->epoch == at.epoch || e->from_epoch == at.epoch);
}

enum history history_after(struct history_position at, const struct reply *log)
{
    const struct reply *events = reply_at(log, 2);
    struct history_position last = {reply_int(log, 4), reply_int(log, 3)};
    if (last.seq == 0)
        return HISTORY_CUT; /* nothing is left of the room */
    for (size_t i = 0; i < events->count; i++) {
        struct room_event e;
        const char *why;
        if (!events_parse(reply_str(events, i), &e, &why))
            return HISTORY_CUT;
        if (e.seq <= at.seq)
            continue;
        if (e.seq != at.seq + 1)
            return HISTORY_CUT;
        if (!history_follows(at, &e))
            return HISTORY_OTHER;
        at = (struct history_position){e.epoch, e.seq};
    }
    if (last.seq < at.seq || (last.seq == at.seq && last.epoch != at.epoch))
        return HISTORY_OTHER;
    return last.seq == at.seq ? HISTORY_WHOLE : HISTORY_CUT;
}
