/* What the model makes of rooms and sessions that go to an island and come home. */
#ifndef TESTS_LIB_SIM_MODEL_ISLAND_H
#define TESTS_LIB_SIM_MODEL_ISLAND_H

#include "tests/lib/sim_island.h"
#include "tests/lib/sim_model.h"

/* m is an island's, whose scripts are called through this realm, which outlives it. */
void sim_model_begin_island(struct sim_model *m, const struct realm *r);
/* adopt_seat.lua, adopt_room.lua, begin_run.lua, release_room.lua, release_session.lua have run there. */
void sim_model_adopt_seat(struct sim_model *m, const char *room_id, const struct transfer_seat *seat);
void sim_model_adopt_room(struct sim_model *m, const struct transfer_room *room);
void sim_model_begin_run(struct sim_model *m);
void sim_model_release_room(struct sim_model *m, const char *room_id);
void sim_model_release_session(struct sim_model *m, const struct sim_session *s);
/* What image_room.lua and read_session.lua said there is compared. false: the room has ended. */
bool sim_model_image(struct sim_model *m, const char *room_id, const struct reply *reply);
void sim_model_read_session(struct sim_model *m, const char *player_id, const struct reply *reply);

#endif
