/* Log-linear histogram: 64 equal steps in each power of two. */
#include "tests/bench/hist.h"

static unsigned bucket_of(uint64_t v)
{
    unsigned octave, at;
    if (v < HIST_STEPS)
        return (unsigned)v;
    octave = 58 - (unsigned)__builtin_clzll(v); /* 1 for 64..127 */
    at = octave * HIST_STEPS + (unsigned)((v >> (octave - 1)) - HIST_STEPS);
    return at < HIST_BUCKETS ? at : HIST_BUCKETS - 1;
}

static uint64_t upper_end(unsigned bucket)
{
    unsigned octave = bucket / HIST_STEPS, step = bucket % HIST_STEPS;
    return octave == 0 ? step : ((uint64_t)(HIST_STEPS + step + 1) << (octave - 1)) - 1;
}

void hist_add(struct hist *h, uint64_t ns)
{
    h->count++;
    if (ns > h->max)
        h->max = ns;
    h->buckets[bucket_of(ns)]++;
}

uint64_t hist_at(const struct hist *h, double share)
{
    uint64_t want = (uint64_t)(share * (double)h->count), seen = 0;
    if (h->count == 0)
        return 0;
    if (want >= h->count)
        return h->max;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > want)
            return upper_end(i) < h->max ? upper_end(i) : h->max;
    }
    return h->max;
}
