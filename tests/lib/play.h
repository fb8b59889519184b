/* Players of a conformance test: what a gateway would know of each, and the steps every test takes. */
#ifndef TESTS_LIB_PLAY_H
#define TESTS_LIB_PLAY_H

#include "matchmaking/presence.h"
#include "matchmaking/queue.h"
#include "matchmaking/room_state.h"
#include "matchmaking/timers.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/fleet_world.h"

struct player {
    char id[ID_SIZE], socket[ID_SIZE], ticket[ID_SIZE], room[ID_SIZE];
    int at; /* instance */
    int64_t fence, level;
    const char *setup; /* goes with his tickets; borrowed, NULL = none */
};

/* A new connection (socket "<id>.1", "<id>.2", ...) at instance `at`; answered OK, or the test fails. */
struct player play_arrive(struct fleet_world *w, const char *id, int at);
void play_attach(struct fleet_world *w, struct player *p, int at); /* the same for one who exists */
const char *play_attach_again(struct fleet_world *w,
                              struct player *p); /* with the fence held; text of the answer */

/* A fresh ticket; the text of the answer. If matched, room is filled in (of this player only). */
const char *play_join(struct fleet_world *w, struct player *p, int64_t level);
const char *play_join_again(struct fleet_world *w, struct player *p); /* the same ticket */
const char *play_leave_queue(struct fleet_world *w, struct player *p);
/* What match.lua answers at instance 1, the room it made in room_id (may be NULL). */
const char *play_match(struct fleet_world *w, int64_t level, char room_id[ID_SIZE]);

/* n players join `level` (seats = n) and all confirm: an active room. What was heard meanwhile is forgotten.
 */
void play_room(struct fleet_world *w, struct player *players, size_t n, int64_t level);
/* Joins only: a room that waits for confirmations. */
void play_waiting_room(struct fleet_world *w, struct player *players, size_t n, int64_t level);

struct room_seat play_seat(const struct player *p);
const char *play_confirm(struct fleet_world *w, const struct player *p);
const char *play_say(struct fleet_world *w, const struct player *p, const char *json); /* numbered, no echo */
const char *play_set(struct fleet_world *w, const struct player *p, const struct room_change *change);
const char *play_leave_room(struct fleet_world *w, const struct player *p);
const char *play_end(struct fleet_world *w, const struct player *p, const char *result);
const char *play_log(struct fleet_world *w, const char *room_id, int64_t have); /* as an instance */
const char *play_log_for(struct fleet_world *w, const char *player_id, const char *room_id, int64_t have);

const char *play_detach(struct fleet_world *w,
                        const struct player *p); /* by its own instance, with its fence */
const char *play_reseat(struct fleet_world *w, const struct player *p);

/* A heartbeat of instance i, as it is (fleet_world_beat expects OK). Then "OK 3": its word and epoch. */
const char *play_beat(struct fleet_world *w, int i, int64_t known_epoch, bool first);
const char *play_epoch(struct fleet_world *w);

/* Fires the first entry of `deadlines` whose text begins with `kind` at instance `at`; the text of the
 * answer. An absent entry answers "none". */
const char *play_fire(struct fleet_world *w, int at, const char *kind);

/* "state|level|roomId" of the record, "nil" without one. */
const char *play_record(struct fleet_world *w, const char *player_id);
/* The waiting list, ids with blanks between; "" when there is none. */
const char *play_queue(struct fleet_world *w, const char *level);
void play_forget(struct fleet_world *w); /* what was heard so far */

#endif
