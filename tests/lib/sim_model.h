/* The truth of a simulation: the rules once more, in C, fed with every answer at the moment its script ran.
 *
 * It knows what each script must answer, down to the record of a player, the order of a waiting list, the due
 * time of a deadline and who is told of an event. An answer that differs ends the run. */
#ifndef TESTS_LIB_SIM_MODEL_H
#define TESTS_LIB_SIM_MODEL_H

#include "tests/lib/sim_gateway.h"

struct sim_model *sim_model_new(struct sim *s);
void sim_model_free(struct sim_model *m); /* NULL is fine */

/* The store loses everything, or comes back as it was when the copy was made. */
void sim_model_lose(struct sim_model *m);
struct sim_model *sim_model_copy(const struct sim_model *m);
void sim_model_restore(struct sim_model *m, struct sim_model *copy); /* copy is taken */

/* The call ran and this is what the script answered. */
void sim_model_ran(struct sim_model *m, const struct sim_call *c, const struct reply *reply);
/* By the script whose answer comes next; to: an instance, or empty for all. */
void sim_model_published(struct sim_model *m, struct str to, struct str message);

/* A gateway delivers event `e` of a room to its players: is it the one that was written? */
void sim_model_delivered(struct sim_model *m, const struct room_event *e);
/* Of the last event; seq -1: never heard of the room. */
struct history_position sim_model_at(struct sim_model *m, const char *room_id);
/* A hash of all events behind number `from`, one after the other; and how it is made. */
uint64_t sim_model_told(struct sim_model *m, const char *room_id, int64_t from);
uint64_t sim_model_chain(uint64_t before, struct str text);
bool sim_model_came_home(struct sim_model *m, struct str room_id); /* from an island */
bool sim_model_ended(struct sim_model *m, const char *room_id);
void sim_model_forget_ended(struct sim_model *m); /* nobody will ask for rooms that have ended before */
void sim_model_overdue(struct sim_model *m,
                       int64_t by_ms); /* ends the run if a deadline is late by so much */

/* "free", "waiting", "away" or "seated". *room_id (may be NULL): where, or "". */
const char *sim_model_player(struct sim_model *m, const char *player_id, const char **room_id);

/* How often each kind of event has happened; returns one that never has, or NULL. */
const char *sim_model_print(const struct sim_model *m);
size_t sim_model_matches(const struct sim_model *m);
size_t sim_model_started(const struct sim_model *m);
size_t sim_model_remote_matches(const struct sim_model *m); /* members on more than one instance */
size_t sim_model_live_rooms(const struct sim_model *m);

#endif
