/* The dialects a connection can speak: how a text becomes a request, and how replies and pushes become texts.
 *
 * The same events, data and rules in each; only the text around them differs. Chosen once per connection, by
 * the path of its handshake. Pure: no I/O, no clock. */
#ifndef PROTO_DIALECT_H
#define PROTO_DIALECT_H

#include "proto/decode.h"
#include "proto/encode.h"

enum dialect {
    DIALECT_NATIVE,        /* PROTOCOL.md, Messages */
    DIALECT_SOCKETIO,      /* PROTOCOL.md, Socket.IO; room events carry the offset to recover from */
    DIALECT_SOCKETIO_BARE, /* the same without offsets: the operator has switched recovery off */
    DIALECT_COUNT
};
/* "native" or "socketio": metric label and word for logs. */
const char *dialect_name(enum dialect d);

/* decode_request, for any dialect. */
enum code dialect_decode(enum dialect d, struct str text, struct request *out, const char **why);
/* encode_ok and encode_error, for any dialect. */
void dialect_ok(enum dialect d, struct buf *out, int64_t id, struct str data);
void dialect_error(enum dialect d, struct buf *out, int64_t id, const struct encode_error *e);

/* What stands before and behind the data of a push. */
void dialect_ends(enum dialect d, const struct encode_place *p, struct encode_ends *out);

#endif
