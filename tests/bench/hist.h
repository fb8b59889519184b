/* A histogram of times in ns: fixed size, 1.6 % wide buckets, up to half an hour; larger values count as
 * that. */
#ifndef TESTS_BENCH_HIST_H
#define TESTS_BENCH_HIST_H

#include <stdint.h>

enum { HIST_STEPS = 64, HIST_OCTAVES = 36, HIST_BUCKETS = HIST_STEPS * HIST_OCTAVES };

struct hist {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t ns);

/* The value below which `share` (0 to 1) of all lie, as the upper end of its bucket; 0 when empty. */
uint64_t hist_at(const struct hist *h, double share);

#endif
