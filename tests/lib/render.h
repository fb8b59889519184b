/* A store's answer as one line of text, for comparisons that read well when they fail. */
#ifndef TESTS_LIB_RENDER_H
#define TESTS_LIB_RENDER_H

#include "common/buf.h"
#include "common/reply.h"

/* Appends: 7, "text" (bytes outside printable ASCII as \xNN), nil, ERR message (an error, as it is), [a, b].
 */
void render_reply(struct buf *out, const struct reply *r);
/* The same, but the elements of the array r, taken `group` at a time, are sorted: for answers without an
 * order. */
void render_sorted(struct buf *out, const struct reply *r, size_t group);

#endif
