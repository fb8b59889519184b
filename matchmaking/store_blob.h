/* One stored value: bytes on the heap with their number in front. */
#ifndef MATCHMAKING_STORE_BLOB_H
#define MATCHMAKING_STORE_BLOB_H

#include "common/mem.h"
#include "common/str.h"

struct store_blob {
    size_t n;
    char p[];
};

static inline struct store_blob *store_blob_new(struct str text) /* copies; free with mem_free */
{
    struct store_blob *b = mem_alloc(sizeof *b + text.n);
    b->n = text.n;
    if (text.n > 0)
        memcpy(b->p, text.p, text.n);
    return b;
}
static inline struct str store_blob_str(const struct store_blob *b)
{
    return (struct str){b->p, b->n};
}

#endif
