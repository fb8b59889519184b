/* A fleet under test: one store, several instances that share it, and calls that are answered before they
 * return.
 *
 * Every test of tests/lua is written once against this world and runs twice: over the in-memory back end
 * (immediate, virtual time) and over a real redis-server (one per executable, emptied before each test; one
 * back end with its two links per instance). What a script answers and what instances hear comes as a line of
 * text, so that a test reads like a conversation and a failure shows both sides:
 *
 *     EXPECT(w, queue_join(&w->realm[1], STR("a"), fence, 3, STR("t1"), ANSWER(w)), "WAITING 1 0");
 *     assert_string_equal(fleet_world_heard(w, 2), "matchFound#1 ");
 *
 * Time passes only through fleet_world_pass: the clock of the memory world moves; in Redis, whose clock is
 * real, every moment written down in the store moves into the past instead. No test waits for time.
 *
 * After each test the audit runs and must find no violation; nothing may be left in memory. */
#ifndef TESTS_LIB_FLEET_WORLD_H
#define TESTS_LIB_FLEET_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/buf.h"
#include "matchmaking/realm.h"
#include "matchmaking/report.h"

enum { FLEET_WORLD_INSTANCES = 4 };
#define FLEET_WORLD_PREFIX "t:"

struct fleet_world {
    bool redis;
    struct realm realm[FLEET_WORLD_INSTANCES + 1]; /* 1.. are the instances "i1".."i4"; 0 is not used */
    struct buf heard[FLEET_WORLD_INSTANCES + 1];   /* the messages as they came, a line each */
    struct backend *backend[FLEET_WORLD_INSTANCES + 1];
    struct loop *loop;     /* Redis only */
    uint64_t now_us;       /* memory only */
    struct buf text;       /* the last answer as text */
    struct reply *reply;   /* the last answer, a copy; NULL if there was none */
    int err, answers, ups; /* answers: how many have come, for all calls */
    struct buf scratch;    /* for fleet_world_heard and fleet_world_raw */
    bool passed;           /* the test function has returned */
    bool unaudited;        /* set by a test that leaves a violation behind on purpose */
    size_t blocks;         /* mem_live_count before */
    void (*test)(struct fleet_world *w);
};

/* ---- the frame: int main(void) { const struct CMUnitTest tests[] = {BOTH(x), ...}; return
 * FLEET_WORLD_RUN(tests); } */

struct fleet_world_test {
    bool redis;
    void (*test)(struct fleet_world *w);
};
int fleet_world_setup(void **state);
void fleet_world_test(void **state);
int fleet_world_teardown(void **state);
int fleet_world_group_setup(void **state);
int fleet_world_group_teardown(void **state);
#define IN_STORE(name, store, where)                                                                         \
    {                                                                                                        \
#name " (" where ")", fleet_world_test, fleet_world_setup, fleet_world_teardown,                     \
            &(struct fleet_world_test){store, name },                                                        \
    }
#define BOTH(name) IN_STORE(name, false, "memory"), IN_STORE(name, true, "redis")
#define FLEET_WORLD_RUN(tests)                                                                               \
    cmocka_run_group_tests(tests, fleet_world_group_setup, fleet_world_group_teardown)

/* ---- asking ---- */

/* Elements with a blank between them, [ ] around inner arrays, nil as "nil"; an event as "name#seq" ("name"
 * if not numbered), a room id as "<room>". A store's error: "!WRONGTYPE"; another failure: "!unavailable". */
#define ASK(w, call) (fleet_world_ask(w), (call), fleet_world_wait(w))
#define ANSWER(w) fleet_world_on_answer, (w)
#define EXPECT(w, call, expected) fleet_world_expect(w, ASK(w, call), expected, #call, __FILE__, __LINE__)
void fleet_world_ask(struct fleet_world *w);
const char *fleet_world_wait(struct fleet_world *w);
void fleet_world_on_answer(void *world, int err, const struct reply *reply);
void fleet_world_expect(struct fleet_world *w, const char *got, const char *expected, const char *call,
                        const char *file, int line);

/* The events instance i has heard since it was asked last, each with a blank behind it: "matchFound#1
 * gameStart#2 ". */
const char *fleet_world_heard(struct fleet_world *w, int i);
/* The same, as they came, a line each. */
const char *fleet_world_heard_raw(struct fleet_world *w, int i);

/* ---- the store, by hand ---- */

/* One command; its second word is a key and gets the prefix. The answer as in ASK, but events and ids as they
 * are. */
#define RAW(w, ...) fleet_world_raw(w, (const char *const[]){__VA_ARGS__, NULL})
const char *fleet_world_raw(struct fleet_world *w, const char *const *words);
/* All that is in the store, sorted, a line per entry; moments (13 digits) are shown as T. Free with
 * buf_close. */
struct buf fleet_world_dump(struct fleet_world *w);
/* Fails with the first line that differs from the dump taken before; closes `before`. */
void fleet_world_same(struct fleet_world *w, struct buf *before, const char *after_what);
void fleet_world_empty(struct fleet_world *w); /* all data is lost */

/* One command to the redis-server itself, as an administrator: works also while it refuses scripts. */
#define ADMIN(w, ...) fleet_world_admin(w, (const char *const[]){__VA_ARGS__, NULL})
const char *fleet_world_admin(struct fleet_world *w, const char *const *words);
void fleet_world_wait_up(struct fleet_world *w); /* all links stand */

/* ---- time, leases, rules ---- */

int64_t fleet_world_now_ms(struct fleet_world *w); /* the store's clock */
/* The same while instances 1-3 beat: no lease runs out. */
void fleet_world_live(struct fleet_world *w, int64_t ms);
void fleet_world_pass(struct fleet_world *w, int64_t ms);
void fleet_world_beat(struct fleet_world *w, int i); /* heartbeat of instance i, must be answered OK */
void fleet_world_die(struct fleet_world *w, int i);  /* its lease is over at once */
void fleet_world_seats(struct fleet_world *w, int64_t seats);
void fleet_world_mode(struct fleet_world *w, const char *events_mode);

/* ---- the audit ---- */

void fleet_world_audit(struct fleet_world *w);   /* no violation, and everything was read */
void fleet_world_settled(struct fleet_world *w); /* ... and no leftover */
/* The kinds of what it finds, sorted, each with its number: "queued_twice=1 ". Violations and leftovers
 * alike. */
const char *fleet_world_found(struct fleet_world *w);

#endif
