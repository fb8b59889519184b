/* What a store answers: a small tree of integers, strings and arrays, whoever made it (Redis or memory). */
#ifndef COMMON_REPLY_H
#define COMMON_REPLY_H

#include "common/str.h"

enum reply_type { REPLY_NIL, REPLY_INT, REPLY_STR, REPLY_ARRAY, REPLY_ERROR };

/* Borrowed by the callback that gets it; dies when the callback returns. */
struct reply {
    enum reply_type type;
    int64_t integer;           /* REPLY_INT */
    struct str str;            /* REPLY_STR and status replies; REPLY_ERROR: the message */
    const struct reply *items; /* REPLY_ARRAY: count elements */
    size_t count;
};

/* Element i of an array; a shared NIL when out of range or not an array. Never NULL. */
const struct reply *reply_at(const struct reply *r, size_t i);
/* Text of element i; empty when it is not a string. */
struct str reply_str(const struct reply *r, size_t i);
/* Integer of element i (also from a decimal string); 0 when it is neither. */
int64_t reply_int(const struct reply *r, size_t i);

#endif
