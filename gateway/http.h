/* Plain HTTP on the gateway's port: requests go up, one response comes back. Bodies are small (admin calls
 * only). */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "common/str.h"

struct http_request;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST };
enum http_method http_method(const struct http_request *r);
struct str http_path(const struct http_request *r); /* without query; borrowed for the request's life */
/* The query argument's decoded value; false if absent or too long for dst. `name` without "=". */
bool http_query(const struct http_request *r, const char *name, char *dst, size_t size);
struct str http_authorization(const struct http_request *r); /* header value or empty */
struct str http_body(const struct http_request *r);
/* The peer went away; http_respond must still be called, and only frees then. */
bool http_gone(const struct http_request *r);

struct http_response {
    int status;
    const char *content_type; /* "application/json" */
    struct str body;          /* copied */
    bool cacheable;           /* false: Cache-Control: no-store */
    const char *headers;      /* further header lines, each with its CRLF ("Allow: GET\r\n"); NULL = none */
};
/* Answers and frees the request; HEAD gets headers only; every POST closes its connection (lessons.md,
 * smuggling). May be called inside on_http or any time later. Headers carry nosniff and, for text/html, a
 * strict Content-Security-Policy that allows the page's own inline script and style and WebSockets to any
 * host. */
void http_respond(struct http_request *r, const struct http_response *response);

#endif
