/* Serves plain HTTP through libwebsockets: one request at a time per connection, answered now or later. */
#include "gateway/http.h"

#include <libwebsockets.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/http_internal.h"
#include "gateway/http_text.h"

/* A request moves READING (its body) -> WAITING (for http_respond) -> SENDING -> done, or LINGERING when it
 * was refused with its body unread. Whatever libwebsockets reads too kindly is refused before it gets that
 * far: both a length and an encoding, two lengths, a length that is no number, a GET with a body. The
 * connection closes after each refusal and after each POST, so no byte of a body can be taken for another
 * request.
 *
 * What libwebsockets 4.1 demands: a POST without length waits for 100 MB, hence the checks up front. A body
 * that trickles in is never cut, hence the deadline. While a response is awaited the socket would stay
 * readable and the loop spin, hence flow control, which in turn blocks WRITEABLE and is lifted first. (Behind
 * a pipelined request libwebsockets asks for WRITEABLE itself; while such a one waits, the loop does spin.)
 * When bytes follow a body, HTTP_BODY_COMPLETION comes again and again, for ever in the same call if the
 * request was pipelined; only -1 ends that. And the body of a pipelined request is read from where its head
 * begins, so such a POST is refused. Closing a socket with unread input makes the kernel send a reset that
 * can destroy the response on its way, hence LINGERING: we send FIN, read on for a while, then close.  */

enum {
    BODY_DEADLINE_MS = 5000,
    LINGER_MS = 2000,
    SEND_STALL_S = 20, /* without any progress */
    CHUNK_SIZE = 65536,
    VALUE_SIZE = 256,
    ARGUMENT_SIZE = 8192, /* all headers together are not longer */
    LENGTH_DIGITS_MAX = 15,
    REPEATS_MAX = 8
};

enum state { READING, WAITING, SENDING, LINGERING };

struct http_request {
    struct http *http;
    struct lws *wsi; /* NULL: the peer has gone */
    enum state state;
    enum http_method method;
    bool answered;    /* http_respond was called, or we refused */
    bool close;       /* after the response */
    bool body_coming; /* libwebsockets still reads a body */
    bool reused;      /* not the first request of its connection */
    char *path, *authorization;
    struct buf arguments; /* name=value NUL name=value NUL ..., decoded */
    struct buf body, out;
    size_t sent;
    int repeats;                 /* of HTTP_BODY_COMPLETION */
    struct loop_timer *deadline; /* of the body, later of the lingering */
};

/* --- life
 * ----------------------------------------------------------------------------------------------------------
 */

static void free_request(struct http_request *r)
{
    loop_timer_free(r->deadline);
    mem_free(r->path);
    mem_free(r->authorization);
    buf_close(&r->arguments);
    buf_close(&r->body);
    buf_close(&r->out);
    mem_free(r);
}

/* The response is out, or nobody is there to receive it. */
static void done(struct http_request *r)
{
    r->http->active--;
    free_request(r);
}

/* The transport goes away, whatever the state. */
static void lost(struct http_request *r)
{
    r->wsi = NULL;
    if (r->state == WAITING) { /* the handler still has it */
        r->http->active--;
        r->http = NULL;
        loop_timer_free(r->deadline);
        r->deadline = NULL;
        return;
    }
    done(r);
}

/* --- the response
 * -------------------------------------------------------------------------------------------------- */

static void count_status(int status)
{
    char label[8];
    snprintf(label, sizeof label, "%d", status > 0 && status < 1000 ? status : 0);
    metrics_add_for(METRIC_HTTP_REQUESTS, label, 1);
}

/* r->out is complete: let it go. */
static void start_sending(struct http_request *r, int status)
{
    r->state = SENDING;
    r->answered = true;
    if (r->deadline != NULL)
        loop_timer_stop(r->deadline);
    count_status(status);
    lws_rx_flow_control(r->wsi, 1);
    lws_set_timeout(r->wsi, PENDING_TIMEOUT_HTTP_CONTENT, SEND_STALL_S);
    lws_callback_on_writable(r->wsi);
}

static void refuse(struct http_request *r, int status, enum code code, const char *message,
                   const char *headers)
{
    r->close = true;
    http_text_add_refusal(&r->out, status, code, message, false, headers);
    log_limited(LOG_INFO, "http.refused", KV_INT("status", status), KV("text", message));
    start_sending(r, status);
}

void http_respond(struct http_request *r, const struct http_response *response)
{
    CHECK(r->state == WAITING && !r->answered);
    if (r->wsi == NULL) {
        free_request(r);
        return;
    }
    r->close = r->close || r->http->stopping;
    const struct http_text_head head = {.status = response->status,
                                        .content_type = response->content_type,
                                        .content_length = response->body.n,
                                        .close = r->close,
                                        .cacheable = response->cacheable,
                                        .headers = response->headers};
    http_text_add_head(&r->out, &head);
    if (r->method != HTTP_HEAD)
        buf_add_str(&r->out, response->body);
    start_sending(r, response->status);
}

static void on_linger_over(void *arg)
{
    struct http_request *r = arg;
    r->state = SENDING; /* with nothing left to send: WRITEABLE closes */
    r->body_coming = false;
    lws_callback_on_writable(r->wsi);
}

static void linger(struct http_request *r)
{
    r->state = LINGERING;
    shutdown(lws_get_socket_fd(r->wsi), SHUT_WR);
    loop_timer_free(r->deadline);
    r->deadline = loop_timer_new(r->http->loop, on_linger_over, r);
    loop_timer_start(r->deadline, LINGER_MS, 0);
    lws_set_timeout(r->wsi, NO_PENDING_TIMEOUT, 0);
}

static int on_sent(struct http_request *r, struct http_request **slot)
{
    struct lws *wsi = r->wsi;
    if (r->close && r->body_coming) {
        linger(r);
        return 0;
    }
    bool close = r->close;
    *slot = NULL;
    done(r);
    return close || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int on_writeable(struct http_request *r, struct http_request **slot)
{
    if (r->state != SENDING)
        return 0;
    while (r->sent < r->out.len && !lws_partial_buffered(r->wsi)) {
        size_t n = r->out.len - r->sent;
        if (n > CHUNK_SIZE)
            n = CHUNK_SIZE;
        if (lws_write(r->wsi, (unsigned char *)r->out.data + r->sent, n, LWS_WRITE_HTTP) < 0)
            return -1;
        r->sent += n;
        lws_set_timeout(r->wsi, PENDING_TIMEOUT_HTTP_CONTENT, SEND_STALL_S);
    }
    if (lws_partial_buffered(r->wsi)) { /* libwebsockets sends the rest and comes again */
        lws_callback_on_writable(r->wsi);
        return 0;
    }
    return on_sent(r, slot);
}

/* --- the request
 * --------------------------------------------------------------------------------------------------- */

static struct str header(struct lws *wsi, enum lws_token_indexes token, char *dst, int size)
{
    int n = lws_hdr_copy(wsi, dst, size, token);
    return (struct str){dst, n > 0 ? (size_t)n : 0};
}

static void copy_arguments(struct http_request *r)
{
    char argument[ARGUMENT_SIZE];
    for (int i = 0, n;
         (n = lws_hdr_copy_fragment(r->wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0; i++)
        buf_add(&r->arguments, argument, (size_t)n + 1);
}

static void copy_authorization(struct http_request *r)
{
    char value[ARGUMENT_SIZE];
    struct str s = header(r->wsi, WSI_TOKEN_HTTP_AUTHORIZATION, value, sizeof value);
    r->authorization = mem_copy(s.p, s.n);
}

/* Would HTTP/1.1 keep this connection? */
static bool keeps_alive(struct lws *wsi)
{
    char version[VALUE_SIZE], connection[VALUE_SIZE];
    if (!str_eq(header(wsi, WSI_TOKEN_HTTP, version, sizeof version), STR("HTTP/1.1")))
        return false;
    struct str list = header(wsi, WSI_TOKEN_CONNECTION, connection, sizeof connection);
    return lws_hdr_total_length(wsi, WSI_TOKEN_CONNECTION) == 0 || strcasecmp(list.p, "keep-alive") == 0;
}

static void hand_up(struct http_request *r)
{
    struct lws *wsi = r->wsi;
    r->state = WAITING;
    if (r->deadline != NULL)
        loop_timer_stop(r->deadline);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* a handler may take its time */
    r->http->on_request(r->http->arg, r);
    if (r->state == WAITING)
        lws_rx_flow_control(wsi, 0);
}

static void on_body_late(void *arg)
{
    struct http_request *r = arg;
    if (r->state == READING)
        refuse(r, 408, CODE_BAD_REQUEST, "The body did not arrive within 5 seconds.", NULL);
}

static void read_body(struct http_request *r)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char expect[VALUE_SIZE];
    r->deadline = loop_timer_new(r->http->loop, on_body_late, r);
    loop_timer_start(r->deadline, BODY_DEADLINE_MS, 0);
    lws_set_timeout(r->wsi, NO_PENDING_TIMEOUT, 0);
    if (strcasecmp(header(r->wsi, WSI_TOKEN_HTTP_EXPECT, expect, sizeof expect).p, "100-continue") == 0)
        lws_write(r->wsi, (unsigned char *)(uintptr_t)go_on, sizeof go_on - 1, LWS_WRITE_HTTP);
}

/* The body's length: 0 without one, -1 if it is said twice or not a number. */
static int64_t content_length(struct lws *wsi)
{
    char text[VALUE_SIZE];
    int64_t length = -1;
    if (lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, 1) > 0)
        return -1;
    struct str s = header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text);
    if (s.n == 0)
        return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0 ? 0 : -1;
    if (s.n > LENGTH_DIGITS_MAX || !str_to_int(s, &length) || length < 0)
        return -1;
    return length;
}

/* Will libwebsockets wait for a body? Its own rule, the same also where the request is refused. */
static bool expects_body(struct lws *wsi)
{
    char length[VALUE_SIZE];
    if (lws_hdr_copy(wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0)
        return strtoll(length, NULL, 10) != 0;
    return lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_PUT_URI) > 0 ||
           lws_hdr_total_length(wsi, WSI_TOKEN_PATCH_URI) > 0;
}

static bool find_method(struct lws *wsi, enum http_method *method)
{
    *method = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0   ? HTTP_POST
              : lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0 ? HTTP_HEAD
                                                                  : HTTP_GET;
    return *method != HTTP_GET || lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0;
}

/* Refuses what must not be served; true if it did. Everything here closes the connection. */
static bool refuse_bad_head(struct http_request *r)
{
    struct lws *wsi = r->wsi;
    char version[VALUE_SIZE];
    bool is_1_1 = str_eq(header(wsi, WSI_TOKEN_HTTP, version, sizeof version), STR("HTTP/1.1"));
    bool known = find_method(wsi, &r->method);
    int64_t length = content_length(wsi);
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        refuse(r, 501, CODE_BAD_REQUEST,
               "Transfer-Encoding is not supported; send the body with Content-Length.", NULL);
    else if (!known)
        refuse(r, 405, CODE_BAD_REQUEST, "This server knows GET, HEAD and POST.",
               "Allow: GET, HEAD, POST\r\n");
    else if (length < 0)
        refuse(r, 400, CODE_BAD_REQUEST, "Content-Length must stand once and be a number.", NULL);
    else if (lws_hdr_fragment_length(wsi, WSI_TOKEN_HOST, 1) > 0 ||
             (is_1_1 && lws_hdr_total_length(wsi, WSI_TOKEN_HOST) == 0))
        refuse(r, 400, CODE_BAD_REQUEST, "HTTP/1.1 needs exactly one Host header.", NULL);
    else if (r->method != HTTP_POST && length > 0)
        refuse(r, 400, CODE_BAD_REQUEST, "GET and HEAD are served without a body only.", NULL);
    else if (r->method == HTTP_POST && lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
        refuse(r, 411, CODE_BAD_REQUEST, "POST needs Content-Length (with curl: -d '').", NULL);
    else if (length > r->http->body_max_bytes)
        refuse(r, 413, CODE_TOO_LARGE, "The body is larger than this server takes.", NULL);
    return r->answered;
}

static int on_request(struct http *http, struct lws *wsi, struct http_request **slot, struct str path)
{
    CHECK(*slot == NULL);
    struct http_request *r = mem_alloc(sizeof *r);
    r->http = http;
    r->wsi = wsi;
    r->state = READING;
    r->body_coming = expects_body(wsi);
    r->reused = lws_get_opaque_user_data(wsi) != NULL;
    lws_set_opaque_user_data(wsi, http); /* any pointer will do */
    http->active++;
    *slot = r;
    if (refuse_bad_head(r))
        return 0;
    r->path = mem_copy(path.p, path.n);
    r->close = r->method == HTTP_POST || !keeps_alive(wsi);
    copy_arguments(r);
    copy_authorization(r);
    if (r->method == HTTP_POST)
        read_body(r);
    else
        hand_up(r);
    return 0;
}

static void on_body(struct http_request *r, struct str piece)
{
    if (r->state != READING)
        return;
    if (r->reused && r->body.len == 0 && piece.n >= 6 && memcmp(piece.p, "POST /", 6) == 0)
        refuse(r, 400, CODE_BAD_REQUEST, "POST must not be sent before the previous response has arrived.",
               NULL);
    else if (r->body.len + piece.n <= (size_t)r->http->body_max_bytes)
        buf_add_str(&r->body, piece);
}

static int on_body_complete(struct http_request *r, struct http_request **slot)
{
    r->body_coming = false;
    if (r->state == READING) {
        hand_up(r);
        return 0;
    }
    if (r->state == SENDING) /* it may be the last chance */
        return on_writeable(r, slot) != 0 || ++r->repeats > REPEATS_MAX ? -1 : 0;
    return r->state == LINGERING || ++r->repeats > REPEATS_MAX ? -1 : 0;
}

/* --- libwebsockets' callbacks
 * -------------------------------------------------------------------------------------- */

bool http_wants(int reason)
{
    switch (reason) {
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
        return true;
    default:
        return false;
    }
}

int http_callback(struct http *http, struct lws *wsi, int reason, struct http_request **slot, void *in,
                  size_t n)
{
    if (reason == LWS_CALLBACK_HTTP)
        return on_request(http, wsi, slot, (struct str){in, n});
    if (slot == NULL || *slot == NULL)
        return reason == LWS_CALLBACK_HTTP_BODY_COMPLETION ? -1 : 0;
    struct http_request *r = *slot;
    switch (reason) {
    case LWS_CALLBACK_HTTP_BODY:
        on_body(r, (struct str){in, n});
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_complete(r, slot);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writeable(r, slot);
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
        *slot = NULL;
        lost(r);
        return 0;
    default:
        return 0;
    }
}

/* --- for the handlers (http.h)
 * ------------------------------------------------------------------------------------- */

enum http_method http_method(const struct http_request *r)
{
    return r->method;
}

struct str http_path(const struct http_request *r)
{
    return str_of(r->path);
}

bool http_query(const struct http_request *r, const char *name, char *dst, size_t size)
{
    size_t name_size = strlen(name);
    for (size_t at = 0; at < r->arguments.len;) {
        struct str argument = str_of(r->arguments.data + at);
        at += argument.n + 1;
        bool bare = argument.n == name_size;
        if (argument.n < name_size || memcmp(argument.p, name, name_size) != 0 ||
            (!bare && argument.p[name_size] != '='))
            continue;
        size_t skip = bare ? name_size : name_size + 1;
        return str_copy(dst, size, (struct str){argument.p + skip, argument.n - skip});
    }
    return false;
}

struct str http_authorization(const struct http_request *r)
{
    return str_of(r->authorization);
}

struct str http_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

bool http_gone(const struct http_request *r)
{
    return r->wsi == NULL;
}
