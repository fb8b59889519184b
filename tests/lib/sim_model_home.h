/* What sim_model_home.c and sim_model_return.c share: a room that comes home. */
#ifndef TESTS_LIB_SIM_MODEL_HOME_H
#define TESTS_LIB_SIM_MODEL_HOME_H

#include "tests/lib/sim_model_island.h"
#include "tests/lib/sim_model_parts.h"

enum { LATE_MAX = 256 };

struct late { /* what was done here after the room had gone */
    bool known, heard, stated;
    int64_t since, updates, states[SEATS_MAX];
    struct {
        const struct model_player *player;
        int64_t number;
    } said[LATE_MAX];
    size_t said_count;
    const struct model_player *votes[SEATS_MAX];
    size_t vote_count;
};

struct home { /* one room */
    struct sim_model *m;
    const struct sim_away *away;
    struct model_room *old, *image; /* here and there; NULL: it is not here, it has ended there */
    struct late late;
    bool elsewhere; /* somebody's connection is on another instance */
    bool silent;
    int64_t base, keep; /* the number with which it went; so many events of the log here stay */
};

void sim_model_open_home(struct home *h, struct sim_model *m);
struct late sim_model_late(struct home *h); /* of h->old */
bool sim_model_elsewhere(const struct home *h, const struct model_player *p);
bool sim_model_of_presence(const struct room_event *e);
/* What was answered there counts; or, if the store is right, it does not. */
void sim_model_settle_sessions(const struct home *h, bool is_here);
void sim_model_give_way_ended(const struct home *h);

#endif
