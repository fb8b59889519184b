/* Token bucket: `burst` at once, `per_s` in the long run. Pure; time comes in as an argument. */
#ifndef GATEWAY_RATELIMIT_H
#define GATEWAY_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
    int64_t millitokens; /* 1000 = one message */
    uint64_t at_ms;
    uint32_t refused; /* since the last one that passed, for "too much abuse" decisions */
};
void ratelimit_init(struct ratelimit *r, int64_t burst, uint64_t now_ms);
/* true: one token taken, *retry_after_ms is 0. false: *retry_after_ms (>= 1, never NULL) says when one will
 * be there. per_s 0 = no limit; burst counts as at least 1. Rate and burst may differ from call to call. */
bool ratelimit_take(struct ratelimit *r, int64_t per_s, int64_t burst, uint64_t now_ms,
                    int64_t *retry_after_ms);

#endif
