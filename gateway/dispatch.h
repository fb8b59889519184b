/* The first door: a client's message, from text to its handler.
 *
 * Adding a message? proto/messages.c (name and fields), a handler in handle_*.c, the table in dispatch.c,
 * PROTOCOL.md. */
#ifndef GATEWAY_DISPATCH_H
#define GATEWAY_DISPATCH_H

#include "gateway/conn.h"
#include "gateway/node.h"
#include "proto/decode.h"

struct session;

/* What every handler gets. It answers request->id exactly once (at once or later), or pushes an error if id
 * is 0. */
typedef void (*dispatch_cb)(struct node *n, struct session *s, const struct request *request);

/* server_events: arg is the node. */
void dispatch_open(void *arg, struct conn *c, const struct conn_handshake *h);
void dispatch_message(void *arg, struct conn *c, struct str text);
/* The session has moved: what its client sent meanwhile is dealt with. */
void dispatch_kept(struct node *n, struct session *s);
void dispatch_close(void *arg, struct conn *c, int code, const char *reason);

#endif
