/* The parts of the model: players, rooms, and what both files of it need. */
#ifndef TESTS_LIB_SIM_MODEL_ROOM_H
#define TESTS_LIB_SIM_MODEL_ROOM_H

#include "common/map.h"
#include "tests/lib/sim_gateway.h"
#include "tests/lib/sim_model.h"

enum { SEATS_MAX = 64, REQUESTS_KEPT = 64 /* as lib/once.lua */ };

struct model_player {
    char id[ID_SIZE], ticket[ID_SIZE];
    enum { FREE, WAITING, AWAY, SEATED } state;
    int64_t level, version, joined_ms;
    struct { /* the last ones done, and what was said; number n stands at n % REQUESTS_KEPT of done_count */
        int64_t request, answer;
    } done[REQUESTS_KEPT];
    size_t done_count;
    bool handed_in_again;    /* a used ticket */
    struct model_room *room; /* SEATED */
};

struct model_room {
    char id[ID_SIZE];
    bool active, ending, ended;
    int64_t level, version;
    struct model_player *members[SEATS_MAX];
    size_t member_count;
    char **events; /* owned texts; number n is events[n - 1] */
    size_t count, cap;
};

struct sim_model {
    struct sim *sim;
    struct map *players, *rooms, *leases, *started_tickets;
    size_t matches, started, remote, live_rooms;
    const struct sim_call *call; /* the one that is looked at */
};

#define SIM_MODEL_FAIL(m, ...) sim_fail((m)->sim, __VA_ARGS__)
/* The answer of the call that is looked at contradicts what the model knows of p, unless good. */
void sim_model_expect(struct sim_model *m, bool good, const struct model_player *p, const char *answer);
struct model_player *sim_model_player_of(struct sim_model *m, struct str id); /* never NULL */
struct model_room *sim_model_room_of(struct sim_model *m, struct str id);     /* NULL: never heard of */
bool sim_model_lives(struct sim_model *m, struct str instance_id);

/* sim_model_room.c */
void sim_model_event(struct sim_model *m, struct str text); /* a script has written it */
void sim_model_events(struct sim_model *m, const struct reply *events);
void sim_model_room_free(struct model_room *r);

#endif
