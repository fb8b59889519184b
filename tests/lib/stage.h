/* A stage and a call for every script and each of its ways to end: material for tests that treat all scripts
 * alike. */
#ifndef TESTS_LIB_STAGE_H
#define TESTS_LIB_STAGE_H

#include "matchmaking/transfer.h"
#include "tests/lib/play.h"

struct stage { /* what a case prepares and its call uses */
    struct player a, b, c;
    char entry[160]; /* of `deadlines` */
    struct transfer_image *image;
    struct reply *answered; /* of read_session.lua */
};

struct stage_case {
    const char *what;
    void (*before)(struct fleet_world *w, struct stage *s);
    void (*call)(struct fleet_world *w, struct stage *s); /* its answer is in w->text */
    /* What the first and the second of two equal calls answer: "=" as the first, "?" anything. NULL: the
     * script does not claim that a second call changes nothing. */
    const char *first, *second;
};
extern const struct stage_case stage_cases[]; /* ends with a `what` of NULL */

/* Sets the stage in an empty store with the instances i1 to i3. */
void stage_set(struct fleet_world *w, const struct stage_case *c, struct stage *s);
void stage_clear(struct stage *s);

#endif
