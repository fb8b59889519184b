/* One answer for all who ask at the same time: HTTP requests wait together for one round trip and share its
 * result for a while.
 *
 * IDLE -> ASKING (requests wait) -> IDLE with a result that is fresh for fresh_ms. A round trip that takes
 * longer than wait_ms is LATE: who waits is answered without it, and so is everybody who comes until it ends.
 * So nobody waits longer than wait_ms, and however many ask, the store is asked once. */
#ifndef GATEWAY_SHARED_H
#define GATEWAY_SHARED_H

#include "common/loop.h"
#include "gateway/http.h"

struct shared_events {
    void *arg;
    /* Start the round trip; shared_done follows, maybe inside the call. */
    void (*ask)(void *arg);
    /* Answer r with http_respond: from the result, or (late) from what is known without it. */
    void (*answer)(void *arg, struct http_request *r, bool late);
};
struct shared {
    struct loop *loop;
    struct shared_events events;
    uint64_t fresh_ms, wait_ms;
    struct loop_timer *timer;
    struct http_request **waiting; /* owned array, borrowed requests */
    size_t count, cap;
    uint64_t done_at_ms;
    bool asking, late, have;
    bool unasked; /* the round trip was begun by shared_refresh: its result is nobody's fresh answer */
};

void shared_init(struct shared *s, struct loop *l, uint64_t fresh_ms, uint64_t wait_ms,
                 const struct shared_events *events);
/* Who waits is answered late; a round trip under way must not call shared_done any more. */
void shared_close(struct shared *s);
void shared_request(struct shared *s, struct http_request *r); /* takes r: it will be answered */
void shared_done(struct shared *s);                            /* the round trip has ended */
void shared_refresh(struct shared *s); /* asks without anybody waiting, unless it is asking already */
void shared_forget(struct shared *s);  /* the next request asks anew */

#endif
