/* Who is connected where: attach, reseat and detach of players; lease, leftovers and retirement of instances.
 */
#ifndef MATCHMAKING_PRESENCE_H
#define MATCHMAKING_PRESENCE_H

#include "matchmaking/realm.h"

enum { PRESENCE_NEVER_HELD = -1 };
struct presence_hello { /* for attach.lua; all borrowed */
    struct str player_id, socket_id;
    int64_t held_fence; /* 0 = a new connection; PRESENCE_NEVER_HELD = one that lived on an island so far: it
                           only keeps the player if no connection elsewhere is younger, by their socket ids */
    struct str session_id, token_hash;
    bool resume;      /* only if the session is this player's and the token fits */
    int64_t hello_id; /* the request id of his hello; 0 = it had none */
};
/* Answer "OK" (presence_attached reads it), "REPLACED" or "NO_SESSION". */
void presence_attach(const struct realm *r, const struct presence_hello *who, backend_cb fn, void *arg);
struct presence_attached { /* borrowed from the reply */
    int64_t fence;
    struct str state; /* "idle", "queued" or "room" */
    int64_t level;
    struct str ticket_id, room_id;
    int64_t waited_ms; /* with this ticket; 0 = none, or just now */
    bool lost; /* there was no record of the player held: the store lost it, or a sweep took it; nothing has
                  become of him since */
    struct str setup; /* what he says about himself, raw JSON; empty = nothing, or his game has started */
    struct str old_instance_id, old_socket_id; /* the connection this one replaces; empty = none */
};
void presence_attached(const struct reply *reply, struct presence_attached *out);

/* reseat.lua: the attached player's seat in room_id; session_id is his. Answer "OK" (presence_reseated),
 * "ROOM_NOT_FOUND", "REPLACED", "GONE". */
void presence_reseat(const struct realm *r, struct str room_id, struct str player_id, struct str session_id,
                     int64_t fence, backend_cb fn, void *arg);
struct presence_reseated {
    struct str status; /* "waiting" or "active" */
    int64_t seq, epoch, level, confirm_by_ms;
    struct str record;          /* the room in the seed's form, raw JSON */
    struct str place;           /* "player|instance|socket ..." of all seats */
    const struct reply *events; /* array of event JSON */
    struct str players;         /* while it waits: as matchFound lists them, raw JSON */
    int64_t answered_id;        /* the greatest request id answered on the session so far, 0 = none */
};
void presence_reseated(const struct reply *reply, struct presence_reseated *out);

struct presence_leaving { /* for detach.lua; all borrowed */
    struct str player_id, socket_id, owner_instance_id;
    bool only_if_owner_dead;
    int64_t level;         /* what the caller believes; AGAIN answers the truth */
    struct str room_id;    /* empty = none */
    struct str session_id; /* empty = not known */
};
/* Answer "OK" (1: level to match again or "", 2: events, 3: what), "AGAIN" (1: level, 2: room id), "LIVE". */
void presence_detach(const struct realm *r, const struct presence_leaving *who, backend_cb fn, void *arg);

struct presence_beat {
    struct str info; /* JSON with "seats":N and "beat":N, this beat's number */
    int64_t known_epoch;
    bool first;
    int64_t fence;        /* the highest one this instance was given; 0 = none */
    int64_t known_run;    /* which store it was the last time; 0 = not known */
    int64_t answered;     /* the number of the last beat that was answered */
    int64_t not_after_ms; /* by the store's clock; later it renews nothing; 0 = always good */
};
/* heartbeat.lua. Answer "OK" (1: epoch, 2: now ms, 3: dead instances, 4: live ones, 5: ms by which the
 * deadlines moved, 6 and 8: fences and beats that this instance had got and the store does not know: it is
 * empty or older than it was, 7: the store's run, another one after a restart or a failover), "SEATS" (1:
 * seats, 2: instance) or "LATE" (1: now ms, 2: run, 3: moved ms). */
void presence_heartbeat(const struct realm *r, const struct presence_beat *beat, backend_cb fn, void *arg);
/* retire.lua. Answer "OK", "LIVE", "LEFT". */
void presence_retire(const struct realm *r, struct str instance_id, backend_cb fn, void *arg);
/* list_leftovers.lua. Answer "OK" (1: {socket, player, level, room} in fours) or "LIVE". */
void presence_leftovers(const struct realm *r, struct str instance_id, int64_t about, backend_cb fn,
                        void *arg);

/* list_own.lua: from this cursor on ("0" begins). Answer "OK" (1: next cursor, "0" at the end, 2: {socket,
 * player} in pairs). */
void presence_own(const struct realm *r, struct str cursor, int64_t about, backend_cb fn, void *arg);

/* where.lua for at most PRESENCE_WHERE_MAX attached players: an array of records (not "OK" first), "" where
 * there is none or the session is lost. Their sessions are kept. */
enum { PRESENCE_WHERE_MAX = 64 };
struct presence_whose { /* borrowed */
    struct str player_id, session_id;
};
void presence_where(const struct realm *r, const struct presence_whose *players, size_t count, backend_cb fn,
                    void *arg);
struct presence_record { /* borrowed */
    struct str state, ticket_id, room_id, socket_id;
    int64_t fence;
    int64_t joined_at_ms; /* by the store's clock; 0 = he has no ticket */
};
/* false: no record, or not one of ours. */
bool presence_record(struct str text, struct presence_record *out);

#endif
