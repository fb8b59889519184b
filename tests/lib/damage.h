/* Random damage to valid texts, for tests of readers: the same seed gives the same text. */
#ifndef TESTS_LIB_DAMAGE_H
#define TESTS_LIB_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

enum { DAMAGE_TEXT_MAX = 2048 };

struct damage_text {
    size_t n;
    char bytes[DAMAGE_TEXT_MAX];
};
struct damage_words {
    const char *const *seeds; /* valid texts */
    size_t seed_count;
    const char *const *pieces; /* what damage likes to look like */
    size_t piece_count;
};

void damage_seed(uint64_t seed);
/* From 0 to n - 1. */
size_t damage_below(size_t n);
/* One of the seeds, damaged up to three times. */
void damage_pick(struct damage_text *t, const struct damage_words *words);

#endif
