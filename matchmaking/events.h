/* What instances tell each other on room_events, and how such a message is read. Its writer is
 * scripts/lib/emit.lua.
 *
 * {"roomId","event","data","originInstanceId","timestamp"[,"seq"][,"epoch"][,"from"][,"skip"][,"place"][,"requeued"][,"members"]}
 * (seed 002, plus additions behind it; `members`, who sat there when the room ended, is for read_log.lua). A
 * message from outside the fleet has no seq and no instance's id as its origin.
 */
#ifndef MATCHMAKING_EVENTS_H
#define MATCHMAKING_EVENTS_H

#include "common/str.h"

struct room_event {     /* all borrowed from the message */
    struct str text;    /* the whole message */
    struct str room_id; /* empty for a message to an instance (sessionReplaced) */
    struct str event;
    struct str data;               /* raw JSON; an object if numbered */
    struct str origin_instance_id; /* empty if absent */
    int64_t timestamp_ms;          /* 0 if absent */
    int64_t seq;                   /* 0 = not numbered */
    int64_t epoch;                 /* whose number it is; 1 if absent: the first of the room */
    int64_t from_epoch;            /* roomEpoch: the epoch that ended with the number before; else 0 */
    struct str skip_player_id;     /* this member has had it as a reply */
    struct str place;              /* "player|instance|socket ...": where seats are now */
    struct str requeued;           /* "player player": back in the queue (matchCancelled) */
};
/* false: not JSON, or one of the seed's members missing or of the wrong type; *why says which (static text).
 */
bool events_parse(struct str message, struct room_event *out, const char **why);
/* The same at a tenth of the cost for a message in the form in which instances write it: its data is cut out,
 * not looked at. false: it has another form, or is none; ask events_parse. As the data is taken on trust (it
 * was checked where it came in), so must the origin be: if it is no instance of the fleet, ask events_parse
 * too. */
bool events_split(struct str message, struct room_event *out);
/* Cheap first look: was it published by this instance? (Then the script's reply has already told us.) */
bool events_from(struct str message, const char *instance_id);

struct event_seat {
    struct str player_id, instance_id, socket_id;
};
/* The next seat of a `place` text; false at its end. */
bool events_next_seat(struct str *place, struct event_seat *out);

#endif
