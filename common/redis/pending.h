/* The calls of one link that have no answer yet, in the order in which they were made. For link.c only. */
#ifndef COMMON_REDIS_PENDING_H
#define COMMON_REDIS_PENDING_H

#include "common/redis/wire.h"

enum { PENDING_TIMES = 1000 };

struct pending {       /* all zero at first */
    struct call *ring; /* owned; capacity is a power of two */
    size_t head, capacity;
    size_t count, sent; /* the unsent ones only wait for their turn to be told so */
    uint64_t answered, failed;
    uint32_t times_us[PENDING_TIMES]; /* ring of the last reply times */
    size_t time_count, next_time;
};

struct call {
    redis_cb fn; /* may be NULL */
    void *arg;
    uint64_t at_us; /* monotonic, when it was made */
    bool sent;
    bool aside; /* does not hold back unsent ones behind it */
};

void pending_close(struct pending *p);
/* Calls are valid until the next push. */
struct call *pending_push(struct pending *p, redis_cb fn, void *arg, bool sent);
struct call *pending_head(const struct pending *p);   /* NULL if there is none */
struct call *pending_unsent(const struct pending *p); /* the next to be told that it was not sent, or NULL */
/* Takes the call out, then tells its maker. The callback may do anything, also free the link and p with it.
 */
void pending_answer(struct pending *p, struct call *call, int err, const struct reply *reply);
/* The link is lost: tells all calls of now that it is, as above: ERR_UNAVAILABLE to unsent ones, else
 * ERR_TIMEOUT to those older than late_us (0 = nobody), else ERR_UNKNOWN. Stops when *closed. A maker who
 * asks again in his callback is answered from the loop. */
void pending_fail(struct pending *p, uint64_t late_us, const bool *closed);
void pending_times(const struct pending *p, double *avg_us, double *max_us);

#endif
