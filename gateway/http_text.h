/* The text of HTTP/1.1 responses: status line, headers, and the JSON body of an error. Pure. */
#ifndef GATEWAY_HTTP_TEXT_H
#define GATEWAY_HTTP_TEXT_H

#include "common/buf.h"
#include "proto/codes.h"

struct http_text_head {
    int status;
    const char *content_type; /* text/html also gets a Content-Security-Policy */
    size_t content_length;
    bool close;          /* Connection: close, else keep-alive */
    bool cacheable;      /* false: Cache-Control: no-store */
    const char *headers; /* further header lines, each with its CRLF; may be NULL */
};
/* Appends the head with the empty line that ends it. */
void http_text_add_head(struct buf *out, const struct http_text_head *h);
/* Appends {"error":{"code":…,"message":…,"retryable":…}}; message must be UTF-8. */
void http_text_add_error(struct buf *out, enum code code, const char *message, bool retryable);
/* Both for an error: the whole response, with Connection: close. */
void http_text_add_refusal(struct buf *out, int status, enum code code, const char *message, bool retryable,
                           const char *headers);
/* Engine.IO's way to refuse: {<engine>,"hint":…}, readable by pages of any origin. engine: its members
 * "code" and "message"; hint must be UTF-8. */
void http_text_add_engine(struct buf *out, int status, const char *engine, const char *hint);
void http_text_add_engine_body(struct buf *out, const char *engine, const char *hint);
#define HTTP_TEXT_ANY_ORIGIN "Access-Control-Allow-Origin: *\r\n"

#endif
