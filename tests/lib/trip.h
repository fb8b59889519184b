/* A room's trip into its instance's own memory and back, as adopt.c and journey.c make it, for tests of the
 * scripts that move it.
 *
 * The store is the fleet world's; the own memory is another in-memory back end, as instance "i1", whose realm
 * stands in the place of w->realm[4]: a player with `at` 4 acts there. */
#ifndef TESTS_LIB_TRIP_H
#define TESTS_LIB_TRIP_H

#include "matchmaking/transfer.h"
#include "tests/lib/play.h"

enum { TRIP_OWN = 4, TRIP_PLAYERS = 8 };

struct trip {
    struct fleet_world *w;
    struct realm *own;
    uint64_t now_us; /* the own memory's clock */
    struct player p[TRIP_PLAYERS];
    int64_t fleet_fence[TRIP_PLAYERS]; /* of each in the store while he is away */
    size_t n;
    char room_id[ID_SIZE];
    struct transfer_base base;
    struct buf states;
    struct transfer_image *image;
    struct transfer_session sessions[TRIP_PLAYERS]; /* go home with the room; borrowed */
    size_t session_count;
    bool data_lost;
};
/* Players "a", "b", ... arrive at i1. */
void trip_open(struct trip *t, struct fleet_world *w, size_t players);
void trip_close(struct trip *t);
/* They play at level 3 in the store; in the own memory, where the room is born and may still wait to be
 * confirmed. */
void trip_play(struct trip *t);
void trip_begin_there(struct trip *t, bool active);
/* The room and its players go to the own memory. */
void trip_go(struct trip *t);
void trip_pass(struct trip *t, int64_t ms); /* time, there */

/* The way back in its steps. */
void trip_take_image(struct trip *t);
void trip_attach(struct trip *t, size_t i);
const char *trip_restore(struct trip *t); /* the answer */
const char *trip_end(struct trip *t, const char *result);
/* All of them: an image; whoever is connected there attaches; it is restored, must be OK, and is released;
 * connections that were lost there are detached. The text of the answer. */
const char *trip_come_home(struct trip *t);
/* Asks again: the image may have arrived. */
void trip_may_be_home(struct trip *t);

/* What the room is, wherever it is: status, seq, version, turn, gameData, and per seat state, version and
 * result; an epoch is left out. */
const char *trip_describe(struct trip *t, const struct realm *r);
/* The numbers and epochs of the log in the store: "1 2 3@E 4@E"; E: not the first. */
const char *trip_log(struct trip *t);

#endif
