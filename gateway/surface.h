/* The HTTP surface of this process: hands requests to gateway/health.h and tells it what only the node knows.
 */
#ifndef GATEWAY_SURFACE_H
#define GATEWAY_SURFACE_H

#include "gateway/http.h"
#include "gateway/node.h"

void surface_open(struct node *n);
void surface_ready(struct node *n); /* the store answers: warn about a store that forgets or evicts */
void surface_close(struct node *n);
void surface_http(void *arg, struct http_request *r); /* server_events.on_http, arg is the node */

#endif
