/* A growing run of bytes, read from the front. */
#ifndef TESTS_BENCH_BYTES_H
#define TESTS_BENCH_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    char *p;
    uint32_t n, cap;
};

/* Room for `more` bytes behind the last one; aborts when memory is out. The caller adds to n what it wrote.
 */
static inline char *bytes_room(struct bytes *b, size_t more)
{
    if (b->n + more > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->n + more)
            cap *= 2;
        b->p = realloc(b->p, cap);
        if (b->p == NULL)
            abort();
        b->cap = (uint32_t)cap;
    }
    return b->p + b->n;
}

static inline void bytes_add(struct bytes *b, const char *p, size_t n)
{
    if (n == 0)
        return;
    memcpy(bytes_room(b, n), p, n);
    b->n += (uint32_t)n;
}

static inline void bytes_drop(struct bytes *b, size_t n)
{
    if (n < b->n)
        memmove(b->p, b->p + n, b->n - n);
    b->n -= (uint32_t)n;
}

static inline void bytes_free(struct bytes *b)
{
    free(b->p);
    *b = (struct bytes){0};
}

#endif
