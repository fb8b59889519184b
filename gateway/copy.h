/* A copy of a room's truth, so that the room can go on here if the store is away (island.h).
 *
 * Kept only while everybody who is seated sits on this instance; it follows the room's numbered events, and
 * what two scripts change without an event: a reported result and the turn's limit. A copy that has missed
 * something is worth nothing: it is dropped, and made anew from the store at the next comparison (compare.c).
 */
#ifndef GATEWAY_COPY_H
#define GATEWAY_COPY_H

#include "common/buf.h"
#include "common/id.h"
#include "common/reply.h"

struct room_event;

struct copy_seat {
    char player_id[ID_SIZE];
    int64_t version;
    char *state, *result; /* raw JSON, owned; result NULL = not reported */
};
struct copy {
    int64_t seq, epoch, version, turn; /* seq: of the last event it contains */
    char *game_data;                   /* raw JSON, owned */
    bool unsure;          /* a result or limit was given, and whether it was taken is not known */
    int64_t turn_version; /* the turn's limit holds while `version` is this */
    uint64_t turn_due_ms; /* monotonic; 0 = no limit */
    size_t seat_count;
    struct copy_seat *seats; /* in their order, owned */
};
/* A room that has just started, with event `seq`: nothing is in it yet. The ids are copied. */
struct copy *copy_fresh(const struct str *player_ids, size_t count, int64_t seq);
/* copy_room.lua's answer "OK"; NULL if it is not readable. */
struct copy *copy_read(const struct reply *reply);
void copy_free(struct copy *c); /* NULL is fine */
/* The room's next event. false: it does not follow what the copy knows, or it is another store's; the copy is
 * of no use any more. */
bool copy_apply(struct copy *c, const struct room_event *e);
void copy_vote(struct copy *c, struct str player_id, struct str result);
void copy_limit_turn(struct copy *c, int64_t version, uint64_t due_ms);
/* Appends "seq epoch version player:stateVersion ...", for transfer_base. */
void copy_state(const struct copy *c, struct buf *out);
/* Milliseconds until the turn's limit; -1 = there is none. */
int64_t copy_turn_left_ms(const struct copy *c, uint64_t now_ms);

#endif
