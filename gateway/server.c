/* The listening edge: one port, one libwebsockets context on the process's loop, and the way up and down for
 * both. */
#include "gateway/server.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/handshake.h"
#include "gateway/http_internal.h"
#include "gateway/ws.h"
#include "proto/codes.h"

/* We accept ourselves and hand the sockets to libwebsockets: its own listener cannot share a port between
 * processes, and the options below must be set before the first byte. TCP_NOTSENT_LOWAT keeps the kernel from
 * hiding megabytes of a client that does not read; what waits then waits in our outbox, where it is counted.
 *
 * libwebsockets runs on our loop without timers or pings of its own in the steady state: its validity checks
 * are a sorted list, on by default, and make accepting slow; the wheel of conn.c does that work. Its check
 * of UTF-8 goes byte by byte; conn.c looks at whole messages instead. HTTP/2 stays off: our prepared frames
 * would be wrong there. Compression is off unless asked for: on libwebsockets 4.1 one valid compressed
 * message ends the process (its issue 2120), so that versions before 4.3 are refused. What we send is never
 * compressed: a frame is shared by all who get it.
 *
 * Stopping takes three steps. server_close stops accepting, closes every connection with a Close frame and
 * waits for the peers, at most CLOSE_DEADLINE_MS; then the context is destroyed inside the loop, which ends
 * what is left; and when the loop has run out, server_free destroys the context again, which frees it. */

enum {
    BACKLOG = 4096,
    ACCEPTS_PER_EVENT = 64,
    ACCEPT_PAUSE_MS = 100,
    UNSENT_MAX = 65536,
    RECEIVE_SIZE = 1024, /* 16 small messages per read; the sweet spot between memory and speed */
    WRITE_SIZE = 65536,
    SERVICE_SIZE = 32768,
    HEADERS_SIZE = 8192,
    HANDSHAKES_MAX = 4096, /* at once, 8 KiB each while they last */
    HANDSHAKE_S = 10,
    KEEP_ALIVE_S = 30,
    CLOSE_DEADLINE_MS = 3000,
};

struct socket_data { /* what libwebsockets keeps for us per socket; all zero at first */
    struct conn *conn;
    struct http_request *request;
};

struct server {
    struct loop *loop;
    struct server_events events;
    struct ws ws;
    struct http http;
    struct lws_context *context; /* NULL again when it is freed */
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];
    int listen_fd, port;
    uv_poll_t *listener; /* NULL when not accepting any more */
    struct loop_timer *tick, *accept_again, *deadline;
    bool closing, destroyed;
    void (*on_closed)(void *arg);
    void *on_closed_arg;
};

/* --- libwebsockets' side
 * ------------------------------------------------------------------------------------------- */

/* One line of libwebsockets' own log. Clients provoke most of them. */
static void on_library_log(int level, const char *line)
{
    struct str text = str_of(line);
    while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    if (level & LLL_ERR)
        log_limited(LOG_WARN, "lws.error", KV_STR("text", text));
    else
        log_limited(LOG_DEBUG, "lws.message", KV_STR("text", text));
}

static int on_event(struct server *s, struct lws *wsi, int reason, struct socket_data *data, void *in,
                    size_t n)
{
    if (ws_wants(reason))
        return ws_callback(&s->ws, wsi, reason, data ? &data->conn : NULL, in, n);
    if (http_wants(reason))
        return http_callback(&s->http, wsi, reason, data ? &data->request : NULL, in, n);
    switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT: a connection outside of all rules */
    case LWS_CALLBACK_RAW_CONNECTED:
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_PROXY_SRV_ADOPT:
        return -1;
    default:
        return 0;
    }
}

static int on_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
    struct server *s = lws_context_user(lws_get_context(wsi));
    s->ws.callbacks++;
    int result = on_event(s, wsi, (int)reason, user, in, n);
    s->ws.callbacks--;
    return result;
}

bool server_can_inflate(void)
{
    return LWS_LIBRARY_VERSION_NUMBER >= 4003000;
}

static size_t handshakes_max(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < HANDSHAKES_MAX)
        return files.rlim_cur;
    return HANDSHAKES_MAX;
}

static bool start_context(struct server *s, bool inflate, char *err, size_t err_size)
{
    static const struct lws_extension extensions[] = {
        {"permessage-deflate", lws_extension_callback_pm_deflate,
         "permessage-deflate; client_no_context_takeover; server_no_context_takeover"},
        {NULL, NULL, NULL}};
    static const lws_retry_bo_t no_validity_checks = {0};
    void *loops[] = {loop_uv(s->loop)};
    s->protocols[0] = (struct lws_protocols){.name = HANDSHAKE_SUBPROTOCOL,
                                             .callback = on_callback,
                                             .per_session_data_size = sizeof(struct socket_data),
                                             .rx_buffer_size = RECEIVE_SIZE,
                                             .tx_packet_size = WRITE_SIZE};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = loops,
        .pcontext = &s->context,
        .user = s,
        .uid = -1,
        .gid = -1,
        .protocols = s->protocols,
        .extensions = inflate ? extensions : NULL,
        .vhost_name = "default",
        .alpn = "http/1.1",
        .pt_serv_buf_size = SERVICE_SIZE,
        .max_http_header_data2 = HEADERS_SIZE,
        .max_http_header_pool2 = (unsigned)handshakes_max(),
        .timeout_secs = HANDSHAKE_S,
        .timeout_secs_ah_idle = HANDSHAKE_S,
        .keepalive_timeout = KEEP_ALIVE_S,
        .retry_and_idle_policy = &no_validity_checks,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, on_library_log);
    s->context = lws_create_context(&info);
    if (s->context == NULL) {
        snprintf(err, err_size,
                 "libwebsockets does not start; is its libuv plugin installed (libwebsockets-evlib-uv)?");
        return false;
    }
    s->vhost = lws_create_vhost(s->context, &info);
    CHECK(s->vhost != NULL);
    return true;
}

/* --- accepting
 * ----------------------------------------------------------------------------------------------------- */

static void on_listener_closed(uv_handle_t *h)
{
    mem_free(h);
}

static void adopt(struct server *s, int fd)
{
    if (lws_adopt_socket_vhost(s->vhost, fd) == NULL) /* closes fd itself */
        log_limited(LOG_WARN, "conn.refused",
                    KV("text", "libwebsockets could not take a connection; it is closed"));
}

static void on_connections(uv_poll_t *listener, int status, int events)
{
    struct server *s = listener->data;
    (void)status, (void)events; /* accept4 says what is wrong, if anything */
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            adopt(s, fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (errno == EAGAIN)
                return;
            log_limited(
                LOG_ERROR, "accept.failed", KV("reason", strerror(errno)),
                KV("text", "accepting again in 100 ms; if files ran out, raise the limit (ulimit -n)"));
            uv_poll_stop(listener); /* the socket stays readable: without a pause the loop would spin */
            loop_timer_start(s->accept_again, ACCEPT_PAUSE_MS, 0);
            return;
        }
    }
}

static void on_accept_again(void *arg)
{
    struct server *s = arg;
    if (s->listener != NULL)
        uv_poll_start(s->listener, UV_READABLE, on_connections);
}

static int bind_to(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0, unsent_max = UNSENT_MAX;
    if (fd < 0)
        return -1;
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 && /* those accepted inherit these */
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static int bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t size = sizeof bound;
    CHECK(getsockname(fd, &bound.any, &size) == 0);
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

static bool start_listening(struct server *s, const struct server_options *o, char *err, size_t err_size)
{
    char port[16];
    struct addrinfo *address = NULL,
                    hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    snprintf(port, sizeof port, "%d", o->port);
    int problem = getaddrinfo(o->host, port, &hints, &address);
    if (problem != 0) {
        snprintf(err, err_size, "HOST %s is not an address to listen on: %s", o->host, gai_strerror(problem));
        return false;
    }
    s->listen_fd = bind_to(address);
    if (s->listen_fd < 0)
        snprintf(err, err_size, "cannot listen on HOST %s, PORT %d: %s", o->host, o->port, strerror(errno));
    else
        s->port = bound_port(s->listen_fd);
    freeaddrinfo(address);
    return s->listen_fd >= 0;
}

static void start_accepting(struct server *s)
{
    s->listener = mem_alloc(sizeof *s->listener);
    CHECK(uv_poll_init(loop_uv(s->loop), s->listener, s->listen_fd) == 0);
    s->listener->data = s;
    uv_poll_start(s->listener, UV_READABLE, on_connections);
}

/* --- up and down
 * --------------------------------------------------------------------------------------------------- */

static void on_tick(void *arg)
{
    struct server *s = arg;
    conn_env_tick(&s->ws.conns, loop_now_ms(s->loop));
}

static void check_closed(void *arg);

/* Everything is closed, or the deadline has passed. */
static void finish(void *arg)
{
    struct server *s = arg;
    if (s->destroyed)
        return;
    s->destroyed = true;
    loop_timer_free(s->tick);
    loop_timer_free(s->accept_again);
    loop_timer_free(s->deadline);
    loop_off_flush(s->loop, ws_flush, &s->ws);
    loop_off_flush(s->loop, check_closed, s);
    lws_context_destroy(s->context); /* ends every connection that is left: on_close fires */
    s->on_closed(s->on_closed_arg);
}

/* At the end of each pass: was that the last one? */
static void check_closed(void *arg)
{
    struct server *s = arg;
    if (s->closing && !s->destroyed && s->ws.conns.count == 0 && s->http.active == 0)
        loop_defer(s->loop, finish, s);
}

static void set_rules(struct server *s, const struct server_options *o)
{
    const struct conn_rules rules = {.message_max_bytes = o->message_max_bytes,
                                     .fragments_max = o->fragments_max,
                                     .outbox_max_bytes = o->outbox_max_bytes,
                                     .rate_burst = o->rate_burst,
                                     .hello_ms = o->hello_ms,
                                     .ping_ms = o->ping_ms,
                                     .pong_wait_ms = o->pong_wait_ms};
    const struct conn_events events = {.arg = s->events.arg,
                                       .on_open = s->events.on_open,
                                       .on_message = s->events.on_message,
                                       .on_close = s->events.on_close};
    ws_init(&s->ws, s->loop, &rules, &events);
    s->ws.allowed_origins = o->allowed_origins;
    s->ws.socketio = o->socketio;
    s->ws.connections_max = (size_t)o->connections_max;
    s->ws.address_connections_max = (size_t)o->connections_per_address_max;
    if (o->connections_per_address_max > 0)
        s->ws.addresses = addresses_new();
    s->http = (struct http){.loop = s->loop,
                            .body_max_bytes = o->http_body_max_bytes,
                            .arg = s->events.arg,
                            .on_request = s->events.on_http};
}

struct server *server_new(struct loop *l, const struct server_options *options,
                          const struct server_events *events, char *err, size_t err_size)
{
    struct server *s = mem_alloc(sizeof *s);
    s->loop = l;
    s->events = *events;
    s->listen_fd = -1;
    set_rules(s, options);
    if (!start_listening(s, options, err, err_size) ||
        !start_context(s, options->permessage_deflate, err, err_size)) {
        if (s->listen_fd >= 0)
            close(s->listen_fd);
        ws_close(&s->ws);
        mem_free(s);
        return NULL;
    }
    s->tick = loop_timer_new(l, on_tick, s);
    loop_timer_start(s->tick, conn_env_tick_ms(&s->ws.conns), conn_env_tick_ms(&s->ws.conns));
    s->accept_again = loop_timer_new(l, on_accept_again, s);
    s->deadline = loop_timer_new(l, finish, s);
    loop_on_flush(l, ws_flush, &s->ws);
    loop_on_flush(l, check_closed, s);
    start_accepting(s);
    return s;
}

int server_port(const struct server *s)
{
    return s->port;
}

size_t server_connections(const struct server *s)
{
    return s->ws.conns.count;
}

void server_each(struct server *s, void (*fn)(void *arg, struct conn *c), void *arg)
{
    LIST_EACH(it, &s->ws.conns.all)
    {
        struct conn *c = OWNER(it, struct conn, all);
        if (c->state == CONN_OPEN)
            fn(arg, c);
    }
}

void server_stop_accepting(struct server *s)
{
    s->ws.stopping = s->http.stopping = true;
    if (s->listener == NULL)
        return;
    on_connections(s->listener, 0, UV_READABLE); /* who stands in line gets an answer, not a reset */
    if (s->listener == NULL)
        return;
    uv_close((uv_handle_t *)s->listener, on_listener_closed);
    s->listener = NULL;
    close(s->listen_fd);
}

static void close_one(void *arg, struct conn *c)
{
    (void)arg;
    conn_close(c, CLOSE_GOING_AWAY, NULL);
}

void server_close(struct server *s, void (*on_closed)(void *arg), void *arg)
{
    CHECK(!s->closing);
    s->closing = true;
    s->on_closed = on_closed;
    s->on_closed_arg = arg;
    server_stop_accepting(s);
    server_each(s, close_one, NULL);
    loop_timer_start(s->deadline, CLOSE_DEADLINE_MS, 0);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    CHECK(s->destroyed);
    if (s->context != NULL)
        lws_context_destroy(s->context);
    ws_close(&s->ws);
    mem_free(s);
}
