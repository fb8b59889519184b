/* Rooms that move between the store and their instance's own memory, because the store is away or is back.
 *
 * The way out: the gateway has a copy of the room (transfer_copy_room, kept up by the room's events) and puts
 * it into its own realm: all seats, then the room. It goes on there under the next epoch. The way back:
 * release takes it out of there as an image, restore writes the image into the store, if there nothing
 * contradicts it: same epoch, version and seats as when it went, nobody seated elsewhere meanwhile. Else the
 * store is right. */
#ifndef MATCHMAKING_TRANSFER_H
#define MATCHMAKING_TRANSFER_H

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
};
void transfer_adopt_seat(const struct realm *own, struct str room_id, const struct transfer_seat *seat);
struct transfer_room { /* all borrowed */
    struct str room_id;
    int64_t seq, epoch, version, turn, level; /* as in the store */
    struct str game_data;
    int64_t turn_left_ms; /* -1 = no limit */
    const struct str *player_ids;
    size_t player_count;
};
void transfer_adopt_room(const struct realm *own, const struct transfer_room *room);

/* release_room.lua. Answer "OK" (transfer_image reads it) or "ENDED". */
void transfer_release_room(const struct realm *own, struct str room_id, backend_cb fn, void *arg);
struct transfer_image; /* what release_room.lua answered, kept */
struct transfer_image *transfer_image_new(const struct reply *reply); /* copied */
void transfer_image_free(struct transfer_image *image);

struct transfer_base { /* the room in the store when it went; born: it was never there */
    bool born;
    int64_t epoch, version, seq;
    struct str seats; /* "player:stateVersion ..." in the order of the seats; borrowed */
};
/* restore_room.lua. Answer "OK", "GONE" or "CHANGED" (1: why). data_lost: the store came back without data,
 * so that a room it does not know any more is written anew. */
void transfer_restore_room(const struct realm *store, struct str room_id, const struct transfer_base *base,
                           bool data_lost, const struct transfer_image *image, backend_cb fn, void *arg);
/* The same for a room that ended in memory, for this reason with this result (raw JSON). Answer "ENDED",
 * "GONE", "CHANGED". */
void transfer_end_room(const struct realm *store, struct str room_id, const struct transfer_base *base,
                       struct str reason, struct str result, backend_cb fn, void *arg);

/* release_session.lua: forgets the player unless he is seated. level: of his ticket, if he waits. Answer: an
 * array of request id and answer in turn (not "OK" first), for transfer_restore_session. */
void transfer_release_session(const struct realm *own, struct str session_id, struct str player_id,
                              struct str socket_id, int64_t level, backend_cb fn, void *arg);
/* restore_session.lua. Answer "OK". */
void transfer_restore_session(const struct realm *store, struct str session_id, const struct reply *answered,
                              backend_cb fn, void *arg);

#endif
