/* Sends each call to the dialect's own encoder or decoder. */
#include "proto/dialect.h"

#include "proto/socketio.h"

const char *dialect_name(enum dialect d)
{
    return d == DIALECT_NATIVE ? "native" : "socketio";
}

enum code dialect_decode(enum dialect d, struct str text, struct request *out, const char **why)
{
    return d == DIALECT_NATIVE ? decode_request(text, out, why) : socketio_decode(text, out, why);
}

/* Not inlined: with the caller's empty buffer in view gcc 12 warns of a path that no head is long enough for.
 */
__attribute__((noinline)) void dialect_ok(enum dialect d, struct buf *out, int64_t id, struct str data)
{
    if (d == DIALECT_NATIVE)
        encode_ok(out, id, data);
    else
        socketio_ok(out, id, data);
}

__attribute__((noinline)) void dialect_error(enum dialect d, struct buf *out, int64_t id,
                                             const struct encode_error *e)
{
    if (d == DIALECT_NATIVE)
        encode_error(out, id, e);
    else
        socketio_error(out, id, e);
}

void dialect_ends(enum dialect d, const struct encode_place *p, struct encode_ends *out)
{
    if (d != DIALECT_NATIVE) {
        socketio_ends(p, d == DIALECT_SOCKETIO, out);
        return;
    }
    (void)encode_push_head(&out->head, p->event, p->room, p->seq, p->ts);
    out->tail = STR("}");
}
