/* The room's truth: confirmations, numbered messages, versioned state, leaving, the agreed end, and reading
 * it back.
 *
 * `who` is the seat that acts: the script refuses it (NOT_IN_ROOM) unless it is the seat's present socket.
 * All answers carry "OK" or one of ROOM_NOT_FOUND, NOT_IN_ROOM, NOT_STARTED, STALE_VERSION (1: current),
 * TOO_LARGE. Event arrays hold the JSON of matchmaking/events.h. */
#ifndef MATCHMAKING_ROOM_STATE_H
#define MATCHMAKING_ROOM_STATE_H

#include "matchmaking/realm.h"

struct room_seat { /* all borrowed */
    struct str room_id, player_id, socket_id;
    struct str session_id; /* empty = requests are not remembered */
    int64_t request_id;    /* 0 = none: at most once */
    int64_t epoch;         /* in which the room is known here; 0 = not known. For expected versions */
};

/* "OK": 1 status, 2 events, 3 seq. */
void room_state_confirm(const struct realm *r, const struct room_seat *who, backend_cb fn, void *arg);
/* data is the event's whole data (raw JSON); echo: the sender gets it as an event too. "OK": 1 seq, 2 event,
 * 3 the event before it (roomEpoch), if a new epoch began.
 */
void room_state_message(const struct realm *r, const struct room_seat *who, const char *event,
                        struct str data, bool echo, backend_cb fn, void *arg);
struct room_change {
    bool game;       /* gameData and turn; else the player's own state */
    struct str json; /* raw; empty = unchanged (game only) */
    bool has_turn, has_expected_version;
    int64_t turn, expected_version;
    bool echo;
};
/* "OK": 1 version, 2 seq, 3 events. */
void room_state_set(const struct realm *r, const struct room_seat *who, const struct room_change *change,
                    backend_cb fn, void *arg);
/* The turn's time limit, for this version of the game's data. "OK": 1 due (ms since 1970), 2 version. */
void room_state_deadline(const struct realm *r, const struct room_seat *who, int64_t after_ms,
                         int64_t expected_version, backend_cb fn, void *arg);
/* "OK": 1 level to match again or "", 2 events. "AGAIN": 1 the room's level, call with it. */
void room_state_leave(const struct realm *r, const struct room_seat *who, int64_t level, backend_cb fn,
                      void *arg);
/* "OK": 1 "1" if the game ended, 2 events. */
void room_state_end(const struct realm *r, const struct room_seat *who, struct str result, backend_cb fn,
                    void *arg);
/* "OK": 1 record, 2 seq, 3 status, 4 place, 5 epoch. socket_id is not looked at; player_id may be empty: for
 * an instance's own view. */
void room_state_read(const struct realm *r, const struct room_seat *who, backend_cb fn, void *arg);
/* "OK": 1 the room's seq or -1 if it has ended, 2 events after `have` as far as the log reaches back, 3 the
 * last number there was (0: nothing is left), 4 its epoch. player_id: who is to see them: NOT_IN_ROOM unless
 * he has a seat, or had one at the end; empty = the instance itself. */
void room_state_log(const struct realm *r, struct str room_id, struct str player_id, int64_t have,
                    backend_cb fn, void *arg);

#endif
