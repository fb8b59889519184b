/* A realm with two instances, "A" and "B", on either back end, for tests that speak in scripts: each call
 * waits for its answer.
 *
 * In memory the clock is the test's own (now_ms); on Redis it is the server's. The prefix holds characters
 * that mean something in Redis' patterns, so that nobody gets away with a pattern where a name is meant. */
#ifndef TESTS_LIB_REALM_WORLD_H
#define TESTS_LIB_REALM_WORLD_H

#include "common/buf.h"
#include "matchmaking/realm.h"
#include "tests/lib/redis_server.h"

#define REALM_WORLD_PREFIX "mg[1]*:"

struct realm_world {
    struct loop *loop;
    struct backend *backend;
    struct redis_server *server; /* NULL: in memory */
    struct realm a, b;
    uint64_t now_ms;
    bool answered;
    int err;
    struct reply *reply; /* the last answer, a copy that lives until the next call */
};

/* cmocka's setups and teardown: *state is the world. */
int realm_world_open_memory(void **state);
int realm_world_open_redis(void **state);
int realm_world_close(void **state);
/* Last line of a test: nothing failed, so a server's log is of no interest. */
void realm_world_good(struct realm_world *w);
/* An empty store again, with A and B in the fleet. `seats`, `log_max`: the realm's rules. */
void realm_world_reset(struct realm_world *w, int64_t seats, int64_t log_max);

/* The callback to give to a call, with the world as its arg; then realm_world_wait returns the answer. */
void realm_world_answer(void *arg, int err, const struct reply *reply);
const struct reply *realm_world_wait(struct realm_world *w); /* must not be an error */
int realm_world_err(struct realm_world *w); /* waits too, for a call that may fail; the answer is w->reply */
/* One Redis command, as a script of its own. Words are separated by single blanks; %P is the prefix, %_ a
 * blank, %1 and %2 the texts given. */
const struct reply *realm_world_raw(struct realm_world *w, const char *line, const char *one,
                                    const char *two);

/* What players do; ids are "p1" and the like, a socket is the player's name with "s-" in front and `suffix`
 * behind. */
int64_t realm_world_attach(struct realm_world *w, struct realm *on, const char *player,
                           const char *suffix); /* its fence */
/* The room made by this join, or NULL while waiting. Borrowed until the next call. */
const char *realm_world_join(struct realm_world *w, struct realm *on, const char *player, int64_t fence,
                             int64_t level);
/* Both join; the room is made by the second. room has 64 bytes. */
void realm_world_match(struct realm_world *w, const char *one, struct realm *on_one, const char *two,
                       struct realm *on_two, int64_t level, char *room, int64_t *fence_of_two);
void realm_world_confirm(struct realm_world *w, const char *room, const char *player);
void realm_world_detach(struct realm_world *w, struct realm *owner, const char *player, const char *suffix,
                        int64_t level, const char *room);

/* Somebody in every state: p1 (on A) and p2 (in grace, last on B) play in `room`, p3 waits at level 2 (A), p4
 * is idle (B), p5 (A) and p6 (B) have just been matched at level 3 in `waiting_room`. */
struct realm_busy {
    char room[64], waiting_room[64];
};
void realm_world_busy(struct realm_world *w, struct realm_busy *b);

#endif
