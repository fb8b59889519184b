/* Which WebSocket upgrades are accepted, and what the others are told. Pure: ws.c reads the request and
 * writes the answer. */
#ifndef GATEWAY_HANDSHAKE_H
#define GATEWAY_HANDSHAKE_H

#include "common/str.h"
#include "proto/codes.h"

#define HANDSHAKE_PATH "/ws"
#define HANDSHAKE_SOCKETIO_PATH "/socket.io/"
#define HANDSHAKE_SUBPROTOCOL "matchgate.v1.json"

struct handshake_offer { /* what the request says; all borrowed, empty if absent */
    bool is_get;
    struct str path;                /* without query, percent-decoded */
    struct str eio, transport, sid; /* of the query */
    struct str http_version, upgrade, connection, host, ws_version, ws_key, origin, protocols;
    bool repeated; /* a header that may stand only once (host, version, key, origin, protocols) stood twice */
    bool too_long; /* a header did not fit its buffer (then it is empty here) */
    bool has_body; /* Content-Length above 0, or Transfer-Encoding */
};

struct handshake_rules {
    const char *allowed_origins; /* comma list; "*" or NULL = any */
    bool stopping, socketio;     /* Socket.IO's path is open, too */
    size_t connections, connections_max;
    size_t address_connections, address_connections_max; /* max 0 = no limit */
};

struct handshake_refusal {
    const char *reason; /* label of the metric and word for the log */
    int status;
    enum code code;
    bool retryable;
    const char *message; /* what to do about it */
    const char *headers; /* further header lines, each with its CRLF */
};

bool handshake_is_socketio(struct str path);
/* Why Engine.IO's query is not good for a WebSocket (not `upgraded`: for anything); NULL: it is. */
const struct handshake_refusal *handshake_engine(struct str eio, struct str transport, struct str sid,
                                                 bool upgraded);
/* Engine.IO's error for it, `"code":N,"message":".."`, whose hint our message is; NULL: it is none of its. */
const char *handshake_engine_error(const struct handshake_refusal *refusal);
/* NULL: accept. Otherwise the first reason against it, static: broken requests first, then wrong place, wrong
 * visitor, no room. */
const struct handshake_refusal *handshake_check(const struct handshake_offer *o,
                                                const struct handshake_rules *r);
/* Nothing is wrong with the request but that it is one too many, here or from its address. */
bool handshake_over_capacity(const struct handshake_refusal *refusal); /* NULL is fine */

/* May a page of this origin connect? An absent origin (no browser) is allowed only where every origin is. */
bool handshake_origin_allowed(struct str origin, const char *allowed_origins);

#endif
