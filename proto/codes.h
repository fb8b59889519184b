/* The stable codes a client sees: error codes in replies, close codes of the WebSocket. One table each, in
 * codes.c. */
#ifndef PROTO_CODES_H
#define PROTO_CODES_H

#include <stdbool.h>
#include <stddef.h>

enum code {
    CODE_OK = 0,
    CODE_BAD_REQUEST,
    CODE_UNKNOWN_EVENT,
    CODE_UNAUTHORIZED,
    CODE_FORBIDDEN,
    CODE_NOT_IN_ROOM,
    CODE_ROOM_NOT_FOUND,
    CODE_NOT_STARTED,
    CODE_ALREADY_QUEUED,
    CODE_ALREADY_IN_MATCH,
    CODE_NOT_QUEUED,
    CODE_STALE_VERSION,
    CODE_RESULT_DISPUTED,
    CODE_RATE_LIMITED,
    CODE_TOO_LARGE,
    CODE_BUSY,
    CODE_OUTCOME_UNKNOWN,
    CODE_SERVICE_DEGRADED,
    CODE_INTERNAL,
    CODE_COUNT
};
const char *code_name(enum code c);    /* "BAD_REQUEST"; never NULL */
const char *code_text(enum code c);    /* one sentence that says what to do */
bool code_retryable(enum code c);      /* may the same request succeed later? */
enum code code_find(const char *name); /* CODE_INTERNAL if unknown (scripts answer with these names) */

/* Close codes: the standard ones, and Pusher's rule for ours: 40xx do not reconnect, 41xx reconnect after
 * back-off, 42xx reconnect at once. */
enum close_code {
    CLOSE_NORMAL = 1000,
    CLOSE_GOING_AWAY = 1001,
    CLOSE_PROTOCOL = 1002,
    CLOSE_BINARY = 1003,
    CLOSE_ABNORMAL = 1006, /* never on the wire: the connection just ended */
    CLOSE_UTF8 = 1007,
    CLOSE_POLICY = 1008,
    CLOSE_TOO_BIG = 1009,
    CLOSE_INTERNAL = 1011,
    CLOSE_UNAUTHORIZED = 4001,
    CLOSE_FORBIDDEN = 4003,
    CLOSE_NO_HELLO = 4004,
    CLOSE_REPLACED = 4005,
    CLOSE_KICKED = 4006,
    CLOSE_OVER_CAPACITY = 4100,
    CLOSE_RATE_LIMITED = 4101,
    CLOSE_TOO_SLOW = 4102,
    CLOSE_STORE_UNAVAILABLE = 4103,
    CLOSE_TOKEN_EXPIRED = 4104,
    CLOSE_DRAINING = 4200,
    CLOSE_NO_PONG = 4201,
    CLOSE_LEASE_LOST = 4202,
};
const char *close_text(int code); /* one sentence, <= 123 bytes (RFC 6455 5.5); never NULL */
bool close_reconnect(int code);   /* should the client come back by itself? */
/* The i-th code of the table, 0 at its end; for checks of documents against it. */
int close_at(size_t i);

#endif
