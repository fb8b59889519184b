/* How long to wait before the next attempt: 50 ms * 2^n up to 1 s, full jitter, for ever. */
#ifndef COMMON_REDIS_BACKOFF_H
#define COMMON_REDIS_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_LEAST_MS = 50, BACKOFF_MOST_MS = 1000 };

struct backoff { /* = {0} is the beginning */
    unsigned step;
};

uint64_t backoff_next(struct backoff *b); /* between 0 and the present limit, which doubles */
void backoff_reset(struct backoff *b);

#endif
