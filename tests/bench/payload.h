/* The text of a measured message: who sent it, the how-manieth of his it is, when; then filling. Plain ASCII,
 * fit for JSON. */
#ifndef TESTS_BENCH_PAYLOAD_H
#define TESTS_BENCH_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAYLOAD_HEAD = 32 };

struct payload {
    uint32_t sender, number; /* number: 0 for the first */
    uint64_t at;             /* ns */
};

/* Writes n >= PAYLOAD_HEAD characters. */
void payload_write(char *out, size_t n, const struct payload *p);

/* False when the text is none of ours. */
bool payload_read(const char *text, size_t n, struct payload *out);

#endif
