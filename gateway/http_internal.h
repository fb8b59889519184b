/* The HTTP side of the door, as server.c drives it. */
#ifndef GATEWAY_HTTP_INTERNAL_H
#define GATEWAY_HTTP_INTERNAL_H

#include <libwebsockets.h>
#include "common/loop.h"
#include "gateway/http.h"

struct http {
    struct loop *loop;
    int64_t body_max_bytes;
    void *arg; /* for on_request */
    void (*on_request)(void *arg, struct http_request *r);
    size_t active; /* requests whose response has not gone out yet */
    bool stopping; /* connections are not kept alive any more */
};

/* Is this callback ours? Then http_callback handles it; `slot` is the request's place in the socket's user
 * data. */
bool http_wants(enum lws_callback_reasons reason);
int http_callback(struct http *http, struct lws *wsi, enum lws_callback_reasons reason,
                  struct http_request **slot, void *in, size_t n);

#endif
