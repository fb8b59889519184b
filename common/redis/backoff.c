/* Full jitter, so that a fleet does not come back in step. */
#include "common/redis/backoff.h"

#include <sys/random.h>

#include "common/err.h"

uint64_t backoff_next(struct backoff *b)
{
    uint64_t most = (uint64_t)BACKOFF_LEAST_MS << b->step;
    uint32_t random = 0;
    if (most >= BACKOFF_MOST_MS)
        most = BACKOFF_MOST_MS;
    else
        b->step++;
    CHECK(getrandom(&random, sizeof random, 0) == sizeof random);
    return random % (most + 1);
}

void backoff_reset(struct backoff *b)
{
    b->step = 0;
}
