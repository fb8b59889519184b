/* Rooms that move between the store and their instance's own memory, because the store is away or is back.
 *
 * The way out: the gateway has a copy of the room (transfer_copy_room, kept up by the room's events) and puts
 * it into its own realm: all seats, then the room. It goes on there under the next epoch. The way back: an
 * image of it is written into the store, if there nothing contradicts it; else the store is right
 * (restore_room.lua says when). Then, and not before, it is released from the instance's own memory. The same
 * with a player's session: read, restored, released. So whatever goes wrong on the way, nothing is lost. */
#ifndef MATCHMAKING_TRANSFER_H
#define MATCHMAKING_TRANSFER_H

#include "common/buf.h"
#include "matchmaking/realm.h"

/* copy_room.lua. Answer "OK" (1 seq, 2 epoch, 3 version, 4 turn, 5 gameData, 6 ms until the turn's limit or
 * "", 7 seats: player, state, stateVersion, reported, result in fives), "ROOM_NOT_FOUND" or "NOT_STARTED". */
void transfer_copy_room(const struct realm *store, struct str room_id, backend_cb fn, void *arg);

struct transfer_seat { /* all borrowed */
    struct str player_id, socket_id, session_id, token_hash, ticket_id;
    int64_t fence, level;
    struct str state; /* raw JSON */
    int64_t state_version;
    struct str result; /* raw JSON; empty = not reported */
    int64_t answered;  /* the greatest request id that the store has answered to him, or may have; 0 = none */
};
/* adopt_seat.lua, adopt_room.lua, begin_run.lua, release_room.lua, release_session.lua: answer "OK". */
void transfer_adopt_seat(const struct realm *own, struct str room_id, const struct transfer_seat *seat,
                         backend_cb fn, void *arg);
struct transfer_room { /* all borrowed */
    struct str room_id;
    int64_t seq, epoch, version, turn, level; /* as in the store */
    struct str game_data;
    int64_t turn_left_ms; /* -1 = no limit */
    const struct str *player_ids;
    size_t player_count;
};
void transfer_adopt_room(const struct realm *own, const struct transfer_room *room, backend_cb fn, void *arg);

/* Rooms of `own` are to begin another epoch: the store may have got one of them after all, and gone on with
 * it. */
void transfer_begin_run(const struct realm *own, backend_cb fn, void *arg);

/* image_room.lua. Answer "OK" (transfer_image_new reads it) or "ENDED". */
void transfer_image_room(const struct realm *own, struct str room_id, backend_cb fn, void *arg);
struct transfer_image; /* what image_room.lua answered, kept; each has an id of its own */
struct transfer_image *transfer_image_new(const struct reply *reply); /* copied */
void transfer_image_free(struct transfer_image *image);
/* It has left nothing there: released. */
void transfer_release_room(const struct realm *own, struct str room_id, backend_cb fn, void *arg);

struct transfer_base { /* the room in the store when it went */
    bool born;         /* it was never there */
    int64_t seq;
    /* How it may be there now, borrowed: "seq epoch version player:stateVersion ...", the seats in their
     * order; and what transfer_image_state added of each image that may have arrived. */
    struct str states;
};
void transfer_image_state(const struct transfer_image *image, struct buf *states);
enum { TRANSFER_SESSIONS_MAX = 64 };
struct transfer_session { /* of somebody who played in the room; borrowed */
    struct str player_id, session_id;
};
/* restore_room.lua. Answer "OK" (1: events), "GONE" or "CHANGED" (1: why). data_lost: the store came back
 * without data, so that a room it does not know any more is written anew. sessions: at most
 * TRANSFER_SESSIONS_MAX; what transfer_restore_session has said of them counts if, and when, the answer is
 * "OK". */
void transfer_restore_room(const struct realm *store, struct str room_id, const struct transfer_base *base,
                           bool data_lost, const struct transfer_image *image,
                           const struct transfer_session *sessions, size_t session_count, backend_cb fn,
                           void *arg);
/* Who has its seat number `at`; empty behind the last one. Borrowed from the image. */
struct str transfer_image_player(const struct transfer_image *image, size_t at);
/* The same for a room that ended in memory, for this reason with this result (raw JSON). sessions: of those
 * who sat in it in the store. Answer "ENDED", "GONE", "CHANGED". */
void transfer_end_room(const struct realm *store, struct str room_id, const struct transfer_base *base,
                       struct str reason, struct str result, const struct transfer_session *sessions,
                       size_t session_count, backend_cb fn, void *arg);
/* Would asking again be in vain? The store refused by an error that does not pass (WRONGTYPE). */
bool transfer_hopeless(int err, const struct reply *reply);

/* read_session.lua. Answer: an array (not "OK" first) for transfer_restore_session. */
void transfer_read_session(const struct realm *own, struct str session_id, backend_cb fn, void *arg);
/* restore_session.lua, after the player was attached there. with_room: for transfer_restore_room. Answer
 * "OK". */
void transfer_restore_session(const struct realm *store, struct str session_id, bool with_room,
                              const struct reply *answered, backend_cb fn, void *arg);
/* release_session.lua: forgets the session, and the player unless he is seated. level: of his ticket, if he
 * waits. */
void transfer_release_session(const struct realm *own, struct str session_id, struct str player_id,
                              struct str socket_id, int64_t level, backend_cb fn, void *arg);

#endif
