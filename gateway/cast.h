/* One push on its way to any number of receivers: framed once per dialect that one of them speaks, and shared
 * by reference among all of those. */
#ifndef GATEWAY_CAST_H
#define GATEWAY_CAST_H

#include "gateway/conn.h"
#include "matchmaking/events.h"
#include "proto/dialect.h"

struct cast { /* on the stack; all borrowed until cast_close */
    struct encode_place push;
    const struct str *parts; /* of the data, raw JSON; empty = {} */
    size_t count;
    struct frame *frames[DIALECT_COUNT]; /* NULL until somebody needs it */
};
enum { CAST_PARTS_MAX = 4 };

/* Of an event of a room, with this as its data. */
struct cast cast_event(const struct room_event *e, const struct str *data);
/* Makes the frame; for cast_send. */
struct frame *cast_frame(struct cast *x, enum dialect d);
static inline void cast_send(struct cast *x, struct conn *c, enum conn_send_mode mode)
{
    enum dialect d = conn_dialect(c);
    struct frame *f = x->frames[d];
    conn_send(c, f ? f : cast_frame(x, d), mode);
}
/* Lets go of the frames. */
void cast_close(struct cast *x);

#endif
