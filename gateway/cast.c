/* Frames a push in the dialects of its receivers. */
#include "gateway/cast.h"

#include "common/err.h"

struct cast cast_event(const struct room_event *e, const struct str *data)
{
    return (struct cast){.push = {.event = e->event,
                                  .room = e->room_id,
                                  .seq = e->seq,
                                  .ts = e->timestamp_ms,
                                  .at_epoch = e->epoch,
                                  .at_seq = e->seq},
                         .parts = data,
                         .count = 1};
}

struct frame *cast_frame(struct cast *x, enum dialect d)
{
    struct encode_ends ends;
    struct str parts[CAST_PARTS_MAX + 2];
    CHECK(x->count > 0 && x->count <= CAST_PARTS_MAX);
    x->push.data_is_text = x->parts[0].n > 0 && *x->parts[0].p == '"';
    dialect_ends(d, &x->push, &ends);
    parts[0] = (struct str){ends.head.text, ends.head.n};
    for (size_t i = 0; i < x->count; i++)
        parts[1 + i] = x->parts[i];
    if (x->parts[0].n == 0)
        parts[1] = STR("{}");
    parts[1 + x->count] = ends.tail;
    x->frames[d] = frame_join(parts, x->count + 2);
    return x->frames[d];
}

void cast_close(struct cast *x)
{
    for (size_t d = 0; d < DIALECT_COUNT; d++)
        if (x->frames[d] != NULL)
            frame_unref(x->frames[d]);
}
