/* Decides whether a connection may send one more message: a token bucket in integer arithmetic.
 *
 * The bucket counts thousandths of a message, so that at `per_s` messages a second it gains exactly `per_s`
 * of them per millisecond: no rounding and no drift. The caller gives the
 * rate each time, so a changed setting takes effect at the next message. What can fail: nothing; a clock that
 * seems to go back only delays the next gain. */
#include "gateway/ratelimit.h"

enum { MILLI = 1000 };

static int64_t capacity(int64_t burst)
{
    const int64_t most = INT64_MAX / MILLI / 2;
    return MILLI * (burst < 1 ? 1 : burst > most ? most : burst);
}

void ratelimit_init(struct ratelimit *r, int64_t burst, uint64_t now_ms)
{
    *r = (struct ratelimit){.millitokens = capacity(burst), .at_ms = now_ms};
}

/* r holds at most `full`. */
static void refill(struct ratelimit *r, int64_t per_s, int64_t full, uint64_t now_ms)
{
    if (now_ms > r->at_ms) {
        uint64_t elapsed_ms = now_ms - r->at_ms;
        r->at_ms = now_ms;
        /* Comparing by division keeps a long silence from overflowing the product. */
        if (elapsed_ms > (uint64_t)((full - r->millitokens) / per_s))
            r->millitokens = full;
        else
            r->millitokens += (int64_t)elapsed_ms * per_s;
    }
}

bool ratelimit_take(struct ratelimit *r, int64_t per_s, int64_t burst, uint64_t now_ms,
                    int64_t *retry_after_ms)
{
    *retry_after_ms = 0;
    if (per_s > 0) {
        int64_t full = capacity(burst);
        if (r->millitokens > full) /* the setting became smaller */
            r->millitokens = full;
        refill(r, per_s, full, now_ms);
        if (r->millitokens < MILLI) {
            *retry_after_ms = (MILLI - r->millitokens - 1) / per_s + 1;
            if (r->refused < UINT32_MAX)
                r->refused++;
            return false;
        }
        r->millitokens -= MILLI;
    }
    r->refused = 0;
    return true;
}
