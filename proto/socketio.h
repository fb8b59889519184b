/* Socket.IO's packets (protocol 5) within Engine.IO's (protocol 4), as one WebSocket text each. Pure.
 *
 * A text is `<engine type>`, or for a message `4<type>[<attachments>-][<namespace>,][<id>][<JSON>]`. Events
 * become requests: `42["event",{data}]`, with the acknowledgement's id plus one as the request's id, since
 * Socket.IO counts from 0 and 0 means "no reply" here. Replies become acknowledgements
 * (`43<id>[{"ok":..}]`), pushes events (`42["event",{data}]`), and numbered ones carry as their last argument
 * the offset that Socket.IO's clients bring back to recover from. */
#ifndef PROTO_SOCKETIO_H
#define PROTO_SOCKETIO_H

#include "proto/decode.h"
#include "proto/encode.h"

#define SOCKETIO_PING "2"

enum socketio_kind {
    SOCKETIO_MALFORMED,  /* none of these: the connection is to be closed */
    SOCKETIO_CLOSE,      /* Engine.IO's 1 */
    SOCKETIO_PONG,       /* Engine.IO's 3 */
    SOCKETIO_CONNECT,    /* 40; payload: a JSON object (not yet checked), or empty */
    SOCKETIO_DISCONNECT, /* 41 */
    SOCKETIO_EVENT,      /* 42; payload begins with [ */
    SOCKETIO_ACK,        /* 43 */
    SOCKETIO_BINARY,     /* 45 or 46: `attachments` binary messages follow */
};
struct socketio_packet { /* borrowed from the text */
    enum socketio_kind kind;
    struct str name_space; /* "/" unless it names another */
    int64_t id;            /* the request's: the acknowledgement's plus one; 0 = none is wanted */
    int64_t attachments;
    struct str payload;
};
/* Takes the text apart; only the JSON is not looked at. */
void socketio_read(struct str text, struct socketio_packet *out);

/* decode_request for a SOCKETIO_EVENT. */
enum code socketio_decode(struct str text, struct request *out, const char **why);

void socketio_ok(struct buf *out, int64_t id, struct str data);
void socketio_error(struct buf *out, int64_t id, const struct encode_error *e);
void socketio_ends(const struct encode_place *p, bool recovery, struct encode_ends *out);

/* The Engine.IO handshake: 0{...}. sid: a valid id. */
void socketio_open(struct buf *out, struct str sid, int64_t ping_ms, int64_t pong_wait_ms, int64_t max_bytes);
/* 40{"sid":..}, with "pid" unless it is empty; both of characters that need no escaping. */
void socketio_connected(struct buf *out, struct str sid, struct str pid);
/* 44{"message":..,"data":{the error}}: not connected. */
void socketio_refused(struct buf *out, const struct encode_error *e);
/* 44 for a namespace that does not exist. */
void socketio_no_namespace(struct buf *out, struct str name_space);

/* What a client brings back: the private id of its session, SESSION~TOKEN, and the offset of its last event,
 * ROOM/EPOCH/SEQ, or "-" when its room was over. */
enum { SOCKETIO_PID_MAX = 3 * ID_MAX + 2 };
/* nonce: empty, or something that makes it another pid for the same session. */
void socketio_pid(char out[SOCKETIO_PID_MAX + 1], struct str session, struct str token, struct str nonce);
/* false: not one of ours. */
bool socketio_pid_read(struct str pid, struct str *session, struct str *token);
/* false: no room, or not one of ours. */
bool socketio_offset_read(struct str offset, struct str *room, int64_t *epoch, int64_t *seq);

#endif
