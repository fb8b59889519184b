/* The truth of a simulation: a reference for the rules, fed with every answer at the moment its script ran.
 *
 * It holds what a player is (free, waiting with a ticket, seated in a room), the whole log of every room, and
 * the instances' leases. An answer or event that contradicts it ends the run. */
#ifndef TESTS_LIB_SIM_MODEL_H
#define TESTS_LIB_SIM_MODEL_H

#include "tests/lib/sim_calls.h"

struct sim_model *sim_model_new(struct sim *s);
void sim_model_free(struct sim_model *m);

/* The call ran and this is what the script answered. */
void sim_model_ran(struct sim_model *m, const struct sim_call *c, const struct reply *reply);

void sim_model_published(struct sim_model *m, struct str message); /* before the answer of the call */

/* A gateway delivers event `e` of a room to its players: is it the one that was written? */
void sim_model_delivered(struct sim_model *m, const struct room_event *e);
int64_t sim_model_seq(struct sim_model *m,
                      const char *room_id); /* number of the last event; -1: never heard of */
bool sim_model_ended(struct sim_model *m, const char *room_id);
void sim_model_forget_ended(struct sim_model *m); /* nobody will ask for rooms that have ended before */

/* "free", "waiting", "away" or "seated". *room_id (may be NULL): where, or "". */
const char *sim_model_player(struct sim_model *m, const char *player_id, const char **room_id);

size_t sim_model_matches(const struct sim_model *m);
size_t sim_model_started(const struct sim_model *m);
size_t sim_model_remote_matches(const struct sim_model *m); /* members on more than one instance */
size_t sim_model_live_rooms(const struct sim_model *m);

#endif
