/* Redis' answers in wire form (RESP2), read where they lie: no text is copied, nothing is allocated once it
 * is warm. */
#ifndef COMMON_REDIS_RESP_H
#define COMMON_REDIS_RESP_H

#include "common/reply.h"

enum { RESP_DEPTH_MAX = 16 }; /* arrays within arrays */

struct resp {            /* all zero at first */
    struct reply *nodes; /* owned: the elements of arrays */
    size_t capacity;
};
void resp_close(struct resp *r);

enum resp_said {
    RESP_REPLY,
    RESP_MORE,   /* the reply is not all there */
    RESP_BROKEN, /* this is no RESP, and there is no way to find the next reply */
};
/* Reads the first reply of `text`. RESP_REPLY: *out borrows from text and from r until the next call, *bytes
 * is its length. RESP_MORE: it is useless to ask again before text has *bytes bytes. */
enum resp_said resp_read(struct resp *r, struct str text, struct reply *out, size_t *bytes);

#endif
