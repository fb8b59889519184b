/* The WebSocket side of the door: libwebsockets' callbacks in, connections (conn_internal.h) and frames out.
 */
#ifndef GATEWAY_WS_H
#define GATEWAY_WS_H

#include "gateway/conn_internal.h"
#include "proto/dialect.h"

struct ws {
    struct conn_env conns;
    struct addresses *addresses; /* NULL: not limited */
    const char *allowed_origins;
    size_t connections_max, address_connections_max;
    enum dialect socketio; /* what who comes by Socket.IO's path speaks; DIALECT_NATIVE: nobody may */
    bool stopping;         /* new upgrades get 503 */
    bool turn_away;        /* the upgrade that is being carried out is of one too many */
    size_t turned_away;    /* connections that are there to be told that they are too many */
    unsigned callbacks;    /* depth: how many of libwebsockets' callbacks we are in */
    struct lws *met;       /* the last one whose handshake was looked at; not to be used, it may be gone */
    char met_address[ADDRESSES_TEXT_SIZE]; /* ... and its address */
    char *scratch;                         /* where small frames are gathered for one write */
};

void ws_init(struct ws *ws, struct loop *loop, const struct conn_rules *rules,
             const struct conn_events *events);
void ws_close(struct ws *ws); /* all connections must be closed */

/* libwebsockets' callbacks come here with their reason, user data and arguments. Is this one ours? Then
 * ws_callback handles it; `slot` is the connection's place in the socket's user data. */
bool ws_wants(int reason);
int ws_callback(struct ws *ws, struct lws *wsi, int reason, struct conn **slot, void *in, size_t n);

/* Sends what is queued and ends what is to be ended; a flush hook of the loop, arg is the struct ws. */
void ws_flush(void *arg);

#endif
