/* Players who lose their line and come back with their session, and the account of every number they have
 * seen. */
#ifndef TESTS_BENCH_COMEBACK_H
#define TESTS_BENCH_COMEBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/hist.h"
#include "tests/bench/tally.h"

enum { COMEBACK_NAME = 72, COMEBACK_CODES = 16 };

enum comeback_stage { COMEBACK_HERE, COMEBACK_PAUSING, COMEBACK_COMING };

struct comeback_player {
    enum comeback_stage stage;
    char player[COMEBACK_NAME], session[COMEBACK_NAME], token[COMEBACK_NAME];
    int64_t last; /* every number of the room up to this one has been seen */
    uint16_t port;
    uint32_t attempts; /* since he lost the line */
    uint64_t lost_at, opened_at, hello_at;
    uint64_t retry_at;
};

struct comeback {
    struct game game;
    struct tally tally;
    struct comeback_player *players;
    uint16_t ports[OPTIONS_PORTS_MAX]; /* where to come back to */
    unsigned ports_count;
    uint32_t away;             /* not here */
    uint64_t due;              /* message deliveries still to come */
    uint64_t retries, refused; /* tries that failed; tries that were answered with an error */
    uint64_t renewed;          /* came back without everything (another session, or a snapshot) */
    uint64_t last_back_at;
    uint64_t random;
    bool may_leave; /* lines may break now */
    struct {
        int code; /* as in crowd_calls.gone */
        uint64_t count;
    } codes[COMEBACK_CODES];
    /* From the loss, from connect(), from hello, to welcome. */
    struct hist back, from_connect, from_hello;
};

/* Connects and seats everybody. */
void comeback_open(struct comeback *c, const struct options *o);
void comeback_close(struct comeback *c);

/* The line of a player who is here breaks now; `at` is when it was due to. */
void comeback_cut(struct comeback *c, uint32_t who, uint64_t at);

/* Connects to one of the ports, another one than the last if there is another. */
void comeback_return(struct comeback *c, uint32_t who);

/* One turn, in which those whose pause is over come back: until `until`, at most 1 ms. */
void comeback_turn(struct comeback *c, uint64_t until);

/* This player says something to his room; numbered, without an id. */
void comeback_say(struct comeback *c, uint32_t who);

/* Turns until everybody is here and has heard all that was said; complains and returns false after
 * --deadline_ms. */
bool comeback_settle(struct comeback *c);

/* At the end: members of a room have seen the same numbers, everybody has heard everything. */
void comeback_check(struct comeback *c);

/* Members of the report: retries, ends of connections by code, the histograms. */
void comeback_report(const struct comeback *c);

#endif
