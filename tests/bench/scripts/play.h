/* Lets players take a step: so many calls of one instance in a pass of the loop, so many under way. */
#ifndef TESTS_BENCH_SCRIPTS_PLAY_H
#define TESTS_BENCH_SCRIPTS_PLAY_H

#include "tests/bench/scripts/step.h"

struct play_options {
    size_t from, to;  /* these players, whole pairs */
    size_t rounds;    /* each does it so often; again only after all others have asked */
    size_t together;  /* calls of a pass: what goes to the store as one call, if the script can */
    size_t under_way; /* calls that Redis has not answered */
};
/* Returns the number of calls when all are answered. A wrong answer is a complaint (report.h). */
size_t play_step(struct world *w, const struct step *s, const struct play_options *o);

#endif
