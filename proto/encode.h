/* Replies and pushes -> JSON text of the native dialect. Pure: appends to the caller's buffer.
 *
 * Nothing here can fail. All arguments are borrowed until return. Raw JSON is copied as it is and must be
 * valid; `room` must be a valid id (common/id.h), which needs no escaping. */
#ifndef PROTO_ENCODE_H
#define PROTO_ENCODE_H

#include "common/buf.h"
#include "common/id.h"
#include "proto/codes.h"

/* {"id":7,"ok":true,"data":<data>}; data is raw JSON, empty = {} */
void encode_ok(struct buf *out, int64_t id, struct str data);

struct encode_error {
    enum code code;
    const char *message;    /* NULL = the code's own sentence; escaped here */
    int64_t retry_after_ms; /* 0 = leave out */
    struct str extra;       /* raw JSON members to add, e.g. "\"version\":7"; empty = none */
};
/* {"id":7,"ok":false,"error":{"code":..,"message":..,"retryable":..[,"retryAfterMs":..][,extra]}};
 * with id 0 the push {"event":"error","data":{"code":...}}. */
void encode_error(struct buf *out, int64_t id, const struct encode_error *e);
/* {"code":..,"message":..,...}: the object alone. */
void encode_error_object(struct buf *out, const struct encode_error *e);
/* {"error":{...}}: HTTP bodies have the same shape. */
void encode_error_body(struct buf *out, const struct encode_error *e);

/* {"event":E[,"room":R][,"seq":N][,"ts":T],"data":<data>}; event is one of our names, or one from room_events
 * that is a valid id; room empty, seq 0 or ts 0 leave the member out; data is raw JSON, empty = {} */
void encode_push(struct buf *out, struct str event, struct str room, int64_t seq, int64_t ts,
                 struct str data);

enum {
    ENCODE_DIGITS_MAX = 20,
    ENCODE_EVENT_MAX = 64,
    ENCODE_HEAD_MAX = 64 + ENCODE_EVENT_MAX + ID_MAX + 2 * ENCODE_DIGITS_MAX,
};
/* The bounded beginning of a message. */
struct encode_head {
    size_t n;
    char text[ENCODE_HEAD_MAX];
};
/* A push up to its data, which the caller puts behind it, and one closing brace behind that: for those who
 * frame a push without composing it first. The text lives in h. */
struct str encode_push_head(struct encode_head *h, struct str event, struct str room, int64_t seq,
                            int64_t ts);

struct encode_place {         /* what a push is besides its data, in any dialect; all borrowed */
    struct str event, room;   /* as encode_push wants them */
    int64_t seq, ts;          /* 0 = without */
    int64_t at_epoch, at_seq; /* where in the room's events the receiver then is; 0 = as before */
    bool data_is_text;        /* the data is a JSON string */
};
/* What stands before and behind the data of a push. */
struct encode_ends {
    struct encode_head head;
    struct str tail; /* static, or in `space` */
    char space[ID_MAX + 2 * ENCODE_DIGITS_MAX + 8];
};

#endif
