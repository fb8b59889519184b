/* The HTTP side of the door, as server.c drives it. */
#ifndef GATEWAY_HTTP_INTERNAL_H
#define GATEWAY_HTTP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include "common/loop.h"

struct http_request;
struct lws; /* libwebsockets' connection */

struct http {
    struct loop *loop;
    int64_t body_max_bytes;
    void *arg; /* for on_request */
    void (*on_request)(void *arg, struct http_request *r);
    size_t active; /* requests whose response has not gone out yet */
    bool stopping; /* connections are not kept alive any more */
};

/* libwebsockets' callbacks come here with their reason, user data and arguments. Is this one ours? Then
 * http_callback handles it; `slot` is the request's place in the socket's user data. */
bool http_wants(int reason);
int http_callback(struct http *http, struct lws *wsi, int reason, struct http_request **slot, void *in,
                  size_t n);

#endif
