/* A server that is the edge alone, for the edge_*.test.mjs: echoes, closes, floods and answers HTTP as the
 * messages tell it.
 *
 * Arguments are name=value (see set_option). Prints "listening PORT" and then a line per event. Messages:
 * "close CODE [reason]", "close-later CODE" (from a timer), "close-deferred CODE", "bye N" (N messages, then
 * close 4200), "flood N SIZE", "burst N SIZE" (volatile), "mixed N SIZE" (volatile, then as many reliable),
 * "ready", "ping-every MS", "hold" (keep the closed connection, and touch it at the end), "close-all";
 * anything else is echoed. SIGTERM ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/server.h"

static struct loop *loop;
static struct server *server;
static struct conn *held;
static struct server_options options = {.host = "127.0.0.1",
                                        .message_max_bytes = 16384,
                                        .fragments_max = 64,
                                        .outbox_max_bytes = 1 << 20,
                                        .connections_max = 2000,
                                        .hello_ms = 60000,
                                        .ping_ms = 60000,
                                        .pong_wait_ms = 10000,
                                        .rate_burst = 100,
                                        .http_body_max_bytes = 4096};

struct later {
    struct loop_timer *timer;
    struct conn *conn;
    struct http_request *request;
    int code;
};

static void say(const char *event, uint64_t number, int code, const char *text)
{
    printf("%s %llu %d %s\n", event, (unsigned long long)number, code, text);
    fflush(stdout);
}

static void on_open(void *arg, struct conn *c, const struct conn_handshake *h)
{
    struct buf b = {0};
    (void)arg;
    if (h->over_capacity) {
        conn_close(c, 4100, NULL);
        return;
    }
    buf_add_text(&b, "welcome ");
    const struct str parts[] = {h->path, h->token, h->player_id, h->address};
    for (size_t i = 0; i < 4; i++) {
        buf_add_json(&b, parts[i]);
        buf_add_text(&b, " ");
    }
    buf_add_text(&b, h->wait_for_hello ? "hello" : "no-hello");
    conn_send_text(c, buf_str(&b));
    buf_close(&b);
    if (str_eq(h->player_id, STR("closed-at-open")))
        conn_close(c, 4001, "not today");
    if (!h->wait_for_hello)
        conn_ready(c);
}

static void send_many(struct conn *c, int n, size_t size, enum conn_send_mode mode, char fill)
{
    struct buf b = {0};
    for (int i = 0; i < n; i++) {
        buf_clear(&b);
        buf_add_fmt(&b, "%d ", i);
        while (b.len < size)
            buf_add(&b, &fill, 1);
        struct frame *f = frame_text(buf_str(&b));
        conn_send(c, f, mode);
        frame_unref(f);
    }
    buf_close(&b);
}

static void close_later(void *arg)
{
    struct later *l = arg;
    conn_close(l->conn, l->code, "later");
    conn_close(l->conn, 4006, "a second close changes nothing");
    conn_release(l->conn);
    loop_timer_free(l->timer);
    mem_free(l);
}

static void start_later(struct conn *c, int code, bool by_timer)
{
    struct later *l = mem_alloc(sizeof *l);
    conn_hold(c);
    l->conn = c;
    l->code = code;
    if (!by_timer) {
        loop_defer(loop, close_later, l);
        return;
    }
    l->timer = loop_timer_new(loop, close_later, l);
    loop_timer_start(l->timer, 10, 0);
}

static void close_one(void *arg, struct conn *c)
{
    (void)arg;
    conn_close(c, 4200, NULL);
}

/* "name a b rest": numbers are 0 where there are none. */
static void on_command(struct conn *c, struct str text)
{
    struct str rest = text, name = str_cut(&rest, ' '), after = rest;
    int64_t a = 0, b = 0;
    bool closes =
        str_eq(name, STR("close")) || str_eq(name, STR("close-later")) || str_eq(name, STR("close-deferred"));
    bool numbered = str_to_int(str_cut(&after, ' '), &a);
    if (closes && (a < 4000 || a >= 5000))
        return;
    if (numbered) {
        char reason[64];
        rest = after;
        str_to_int(after, &b);
        if (str_eq(name, STR("close")))
            conn_close(c, (int)a, str_copy(reason, sizeof reason, rest) && rest.n > 0 ? reason : NULL);
    }
    if (str_eq(name, STR("close-later")) || str_eq(name, STR("close-deferred"))) {
        start_later(c, (int)a, str_eq(name, STR("close-later")));
    } else if (str_eq(name, STR("bye"))) {
        send_many(c, (int)a, 100, CONN_RELIABLE, 'b');
        conn_close(c, 4200, NULL);
    } else if (str_eq(name, STR("flood"))) {
        send_many(c, (int)a, (size_t)b, CONN_RELIABLE, 'r');
    } else if (str_eq(name, STR("burst"))) {
        send_many(c, (int)a, (size_t)b, CONN_VOLATILE, 'v');
    } else if (str_eq(name, STR("mixed"))) {
        send_many(c, (int)a, (size_t)b, CONN_VOLATILE, 'v');
        send_many(c, (int)a, (size_t)b, CONN_RELIABLE, 'r');
    } else if (str_eq(name, STR("ping-every")) && a > 0) {
        conn_ping_every(c, (uint64_t)a);
    } else if (str_eq(name, STR("ready"))) {
        conn_ready(c);
    } else if (str_eq(name, STR("close-all"))) {
        server_each(server, close_one, NULL);
    } else if (str_eq(name, STR("hold")) && held == NULL) {
        conn_hold(held = c);
    } else if (!str_eq(name, STR("close"))) {
        conn_send_text(c, text);
    }
}

static void on_message(void *arg, struct conn *c, struct str text)
{
    (void)arg;
    on_command(c, text);
}

static void on_close(void *arg, struct conn *c, int code, const char *reason)
{
    (void)arg;
    CHECK(conn_state(c) == CONN_CLOSED);
    conn_send_text(c, STR("into the void"));
    conn_close(c, 4006, NULL);
    say("closed", conn_number(c), code, reason);
}

static void respond(struct http_request *r, int status, const char *type, struct str body)
{
    const struct http_response response = {.status = status, .content_type = type, .body = body};
    http_respond(r, &response);
}

static void respond_later(void *arg)
{
    struct later *l = arg;
    say(http_gone(l->request) ? "gone" : "answered", 0, 0, "");
    respond(l->request, 200, "application/json", STR("{\"later\":true}"));
    loop_timer_free(l->timer);
    mem_free(l);
}

static void answer_page(struct http_request *r, size_t size)
{
    struct buf b = {0};
    while (b.len < size)
        buf_add_fmt(&b, "%07zu\n", b.len);
    respond(r, 200, "text/html; charset=utf-8", buf_str(&b));
    buf_close(&b);
}

static void on_http(void *arg, struct http_request *r)
{
    char value[1024] = "";
    struct str path = http_path(r);
    struct buf b = {0};
    (void)arg;
    if (str_eq(path, STR("/page"))) {
        answer_page(r, http_query(r, "size", value, sizeof value) ? strtoul(value, NULL, 10) : 0);
    } else if (str_eq(path, STR("/query"))) {
        bool found = http_query(r, "name", value, sizeof value);
        buf_add_json(&b, found ? str_of(value) : STR("(none)"));
        buf_add_json(&b, http_authorization(r));
        respond(r, 200, "application/json", buf_str(&b));
    } else if (str_eq(path, STR("/echo")) && http_method(r) == HTTP_POST) {
        respond(r, 200, "text/plain", http_body(r));
    } else if (str_eq(path, STR("/later"))) {
        struct later *l = mem_alloc(sizeof *l);
        l->request = r;
        l->timer = loop_timer_new(loop, respond_later, l);
        loop_timer_start(l->timer, http_query(r, "ms", value, sizeof value) ? strtoul(value, NULL, 10) : 20,
                         0);
    } else if (str_eq(path, STR("/metrics"))) {
        metrics_print(&b, METRICS_EACH);
        respond(r, 200, "text/plain; version=0.0.4", buf_str(&b));
    } else {
        bool known = str_eq(path, STR("/health"));
        respond(r, known ? 200 : 404, "application/json", known ? STR("{\"ok\":true}") : STR("{}"));
    }
    buf_close(&b);
}

static void on_closed_all(void *arg)
{
    (void)arg;
    say("all-closed", server_connections(server), 0, "");
    loop_stop(loop);
}

static void on_term(void *arg)
{
    (void)arg;
    server_close(server, on_closed_all, NULL);
}

static void on_usr1(void *arg)
{
    (void)arg;
    server_stop_accepting(server);
    say("stopped", 0, 0, "");
}

static void set_option(const char *argument)
{
    static const struct {
        const char *name;
        int64_t *value;
    } numbers[] = {
        {"message_max_bytes", &options.message_max_bytes},
        {"fragments_max", &options.fragments_max},
        {"outbox_max_bytes", &options.outbox_max_bytes},
        {"connections_max", &options.connections_max},
        {"connections_per_address_max", &options.connections_per_address_max},
        {"http_body_max_bytes", &options.http_body_max_bytes},
        {"hello_ms", (int64_t *)&options.hello_ms},
        {"ping_ms", (int64_t *)&options.ping_ms},
        {"pong_wait_ms", (int64_t *)&options.pong_wait_ms},
    };
    struct str value = str_of(argument), name = str_cut(&value, '=');
    int64_t port;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (str_eq(name, str_of(numbers[i].name)) && str_to_int(value, numbers[i].value))
            return;
    if (str_eq(name, STR("host")))
        options.host = value.p;
    else if (str_eq(name, STR("port")) && str_to_int(value, &port))
        options.port = (int)port;
    else if (str_eq(name, STR("allowed_origins")))
        options.allowed_origins = value.p;
    else {
        printf("unknown option %s\n", argument);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    const struct server_events events = {
        .on_open = on_open, .on_message = on_message, .on_close = on_close, .on_http = on_http};
    char err[256];
    log_setup(LOG_DEBUG, LOG_TEXT, 2);
    for (int i = 1; i < argc; i++)
        set_option(argv[i]);
    loop = loop_new();
    server = server_new(loop, &options, &events, err, sizeof err);
    if (server == NULL) {
        printf("refused %s\n", err);
        loop_free(loop);
        return 1;
    }
    loop_on_signal(loop, SIGTERM, on_term, NULL);
    loop_on_signal(loop, SIGUSR1, on_usr1, NULL);
    say("listening", 0, server_port(server), "");
    loop_run(loop);
    server_free(server);
    if (held != NULL) {
        conn_send_text(held, STR("still safe"));
        conn_release(held);
    }
    loop_free(loop);
    return 0;
}
