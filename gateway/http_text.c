/* Writes HTTP/1.1 response heads and error bodies. */
#include "gateway/http_text.h"

#include <time.h>

#include "common/clock.h"

/* The demo page carries its script and style inline and connects to whichever gateway the player names. */
#define PAGE_POLICY                                                                                          \
    "Content-Security-Policy: default-src 'none'; script-src 'self' 'unsafe-inline'; "                       \
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; "                  \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

static void add_date(struct buf *out)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm utc;
    char text[64];
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    buf_add_fmt(out, "Date: %s\r\n", text);
}

void http_text_add_head(struct buf *out, const struct http_text_head *h)
{
    buf_add_fmt(out, "HTTP/1.1 %d %s\r\nServer: matchgate\r\n", h->status, reason_of(h->status));
    add_date(out);
    buf_add_fmt(out, "Content-Type: %s\r\nContent-Length: %zu\r\nConnection: %s\r\n", h->content_type,
                h->content_length, h->close ? "close" : "keep-alive");
    buf_add_text(out, "X-Content-Type-Options: nosniff\r\n");
    if (!h->cacheable)
        buf_add_text(out, "Cache-Control: no-store\r\n");
    if (strncmp(h->content_type, "text/html", 9) == 0)
        buf_add_text(out, PAGE_POLICY);
    buf_add_text(out, h->headers ? h->headers : "");
    buf_add_text(out, "\r\n");
}

void http_text_add_error(struct buf *out, enum code code, const char *message, bool retryable)
{
    buf_add_text(out, "{\"error\":{\"code\":");
    buf_add_json(out, str_of(code_name(code)));
    buf_add_text(out, ",\"message\":");
    buf_add_json(out, str_of(message));
    buf_add_fmt(out, ",\"retryable\":%s}}", retryable ? "true" : "false");
}

/* A whole answer, behind which the connection ends; frees the body. */
static void add_last(struct buf *out, int status, struct buf *body, const char *headers)
{
    const struct http_text_head head = {.status = status,
                                        .content_type = "application/json",
                                        .content_length = body->len,
                                        .close = true,
                                        .headers = headers};
    http_text_add_head(out, &head);
    buf_add_str(out, buf_str(body));
    buf_close(body);
}

void http_text_add_refusal(struct buf *out, int status, enum code code, const char *message, bool retryable,
                           const char *headers)
{
    struct buf body = {0};
    http_text_add_error(&body, code, message, retryable);
    add_last(out, status, &body, headers);
}

void http_text_add_engine_body(struct buf *out, const char *engine, const char *hint)
{
    buf_add_fmt(out, "{%s,\"hint\":", engine);
    buf_add_json(out, str_of(hint));
    buf_add_text(out, "}");
}

void http_text_add_engine(struct buf *out, int status, const char *engine, const char *hint)
{
    struct buf body = {0};
    http_text_add_engine_body(&body, engine, hint);
    add_last(out, status, &body, HTTP_TEXT_ANY_ORIGIN);
}
