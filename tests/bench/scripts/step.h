/* What a player asks of Redis, step by step, and which answer is right. */
#ifndef TESTS_BENCH_SCRIPTS_STEP_H
#define TESTS_BENCH_SCRIPTS_STEP_H

#include "tests/bench/scripts/world.h"

enum { STEP_FIRST = 1, STEP_SECOND = 2, STEP_BOTH = 3 }; /* whose step it is: of a pair */

struct step {
    unsigned who;
    void (*ask)(struct world_player *p, backend_cb fn, void *arg);
    /* Takes note of the answer, which is no error; false: it is not the right one. */
    bool (*good)(struct world_player *p, const struct reply *reply);
};

/* A workload: the calls of one script, and what players must have done before. */
enum { STEP_BEFORE_MAX = 4 };
struct step_chain {
    const char *name;
    const struct step *before[STEP_BEFORE_MAX + 1]; /* NULL at the end */
    const struct step *measured;
    bool ready_check; /* CONFIRM=client: nobody is confirmed by his join */
    bool rounds;      /* can be done again and again; before it the rooms' logs are filled by it */
};
const struct step_chain *step_find(const char *name); /* NULL: there is none */
extern const char *const step_names;                  /* of all chains, for people */

#endif
