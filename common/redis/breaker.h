/* A circuit breaker: spares a store that fails most of what it is asked.
 *
 * closed -> open (enough failures in one interval) -> half-open (after a while: a few calls are let through)
 * -> closed (all of them succeeded) or open again (one failed). Pure: no clock, no I/O, time comes in. */
#ifndef COMMON_REDIS_BREAKER_H
#define COMMON_REDIS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state {
    BREAKER_CLOSED,    /* calls pass and are counted */
    BREAKER_OPEN,      /* calls are refused until open_ms have passed */
    BREAKER_HALF_OPEN, /* up to `probes` calls pass; the others are refused */
};

struct breaker_options {
    int64_t requests_min;     /* fewer than this in an interval prove nothing; 0 = never opens */
    int64_t failures_percent; /* at least so many of them failed: open */
    uint64_t interval_ms;     /* counting starts anew after it */
    uint64_t open_ms;
    int64_t probes; /* calls let through in half-open; so many successes close it */
};

struct breaker {
    struct breaker_options options;
    enum breaker_state state;
    uint64_t since_ms;           /* the state's or the interval's beginning */
    int64_t requests, failures;  /* closed: answers in this interval */
    int64_t let_through, passed; /* half-open */
};

void breaker_init(struct breaker *b, const struct breaker_options *options, uint64_t now_ms);
/* May this call be made? true: tell its outcome by breaker_count. */
bool breaker_allow(struct breaker *b, uint64_t now_ms);
/* A call that was allowed has ended. true: the state changed. Late answers of calls made in another state do
 * no harm: in open they are ignored. */
bool breaker_count(struct breaker *b, bool success, uint64_t now_ms);
/* Somebody knows better (the heartbeat was answered). true: it was not closed before. */
bool breaker_close(struct breaker *b, uint64_t now_ms);
const char *breaker_state_name(enum breaker_state state); /* "closed", "open", "half_open" */

#endif
