/* For the tests of gateway/health.h: requests of the test's own (this defines the functions of
 * gateway/http.h), and the in-memory store behind a gate that counts calls, holds answers back, or says it is
 * down. Code in a header because the definitions must not be in a library, where they would compete with the
 * real ones. */
#ifndef TESTS_UNIT_GATEWAY_HEALTH_WORLD_H
#define TESTS_UNIT_GATEWAY_HEALTH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/health.h"
#include "tests/lib/loop_wait.h"

#define P "x:"

/* --- requests ----------------------------------------------------------------------------------------------
 */

struct http_request {
    enum http_method method;
    const char *path, *query_name, *query_value, *authorization;
    int answers, status;
    char *body, *headers, *content_type;
};

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
    return r->query_name && strcmp(name, r->query_name) == 0 && str_copy(dst, size, str_of(r->query_value));
}
struct str http_authorization(const struct http_request *r)
{
    return str_of(r->authorization);
}
void http_respond(struct http_request *r, const struct http_response *response)
{
    assert_int_equal(r->answers, 0);
    r->answers++;
    r->status = response->status;
    r->body = mem_copy(response->body.p, response->body.n);
    r->headers = mem_copy(response->headers ? response->headers : "",
                          response->headers ? strlen(response->headers) : 0);
    r->content_type = mem_copy(response->content_type, strlen(response->content_type));
}

static inline void forget(struct http_request *r)
{
    mem_free(r->body);
    mem_free(r->headers);
    mem_free(r->content_type);
    *r = (struct http_request){0};
}

/* --- the gate before the store -----------------------------------------------------------------------------
 */

enum { HELD_MAX = 16 };
struct gate {
    struct backend base;
    struct backend *inner;
    bool down, hang;
    const char *info_text;
    size_t calls, infos, held_count;
    struct held {
        struct gate *gate;
        backend_cb fn;
        void *arg;
    } held[HELD_MAX];
};

static inline struct gate *gate_of(const struct backend *b)
{
    return (struct gate *)(uintptr_t)b;
}
static inline void gate_run(struct backend *b, const struct script *s, const struct str *keys,
                            size_t key_count, const struct str *args, size_t arg_count, backend_cb fn,
                            void *arg)
{
    struct gate *g = gate_of(b);
    g->calls++;
    if (g->hang) {
        assert_true(g->held_count < HELD_MAX);
        g->held[g->held_count++] = (struct held){g, fn, arg};
        return;
    }
    g->inner->ops->run(g->inner, s, keys, key_count, args, arg_count, fn, arg);
}
static inline bool gate_up(const struct backend *b)
{
    return !gate_of(b)->down;
}
static const char *gate_reason(const struct backend *b)
{
    return gate_of(b)->down ? "refused" : "ok";
}
static inline void gate_info(struct backend *b, backend_cb fn, void *arg)
{
    struct gate *g = gate_of(b);
    g->infos++;
    fn(arg, ERR_NONE, &(struct reply){.type = REPLY_STR, .str = str_of(g->info_text)});
}
static const struct backend_ops gate_ops = {.run = gate_run, .up = gate_up, .reason = gate_reason};
static const struct backend_ops gate_ops_info = {
    .run = gate_run, .up = gate_up, .reason = gate_reason, .info = gate_info};

static inline void gate_release(struct gate *g, int err)
{
    g->hang = false;
    size_t count = g->held_count;
    g->held_count = 0;
    for (size_t i = 0; i < count; i++)
        g->held[i].fn(g->held[i].arg, err, NULL);
}

/* --- the world ---------------------------------------------------------------------------------------------
 */

struct world {
    struct loop *loop;
    struct gate gate;
    struct realm realm;
    struct health_local local;
    struct health *health;
    struct http_request request; /* the last one */
    bool answered;
};

static inline void fill_local(void *arg, struct health_local *out)
{
    *out = ((const struct world *)arg)->local;
}

static inline void make_health(struct world *w, const char *admin_token, const char *page)
{
    w->health = health_new(&(struct health_options){.loop = w->loop,
                                                    .realm = &w->realm,
                                                    .admin_token = admin_token,
                                                    .demo_page = str_of(page),
                                                    .local = fill_local,
                                                    .arg = w});
}

static inline int open_world(void **state)
{
    struct world *w = mem_alloc(sizeof *w);
    const struct realm_rules rules = {
        .seats = 2, .lease_ms = 60000, .log_max = 256, .record_max_bytes = 65536, .events_mode = "remote"};
    w->loop = loop_new();
    w->gate.inner = backend_memory_new(w->loop, &(struct backend_memory_options){.prefix = P},
                                       &(struct backend_events){0});
    w->gate.base = (struct backend){.ops = &gate_ops, .durable = true, .prefix = P};
    w->gate.info_text = "";
    realm_init(&w->realm, &w->gate.base, &rules, P, "A");
    metrics_use(0, "A");
    w->local = (struct health_local){.version = "1.2.3",
                                     .instance_id = w->realm.instance_id,
                                     .started_at_ms = clock_wall_ms(),
                                     .connections = 7,
                                     .ready = true};
    make_health(w, "a-long-secret", "<p>play</p>");
    *state = w;
    return 0;
}

static inline int close_world(void **state)
{
    struct world *w = *state;
    health_free(w->health);
    w->gate.inner->ops->free(w->gate.inner);
    loop_stop(w->loop);
    loop_run(w->loop);
    loop_free(w->loop);
    forget(&w->request);
    mem_free(w);
    return 0;
}

static inline bool is_answered(void *arg)
{
    return ((const struct http_request *)arg)->answers > 0;
}

/* One request to its end; the answer is in w->request. */
static inline const struct http_request *ask(struct world *w, struct http_request question)
{
    forget(&w->request);
    w->request = question;
    health_http(w->health, &w->request);
    assert_true(loop_wait(w->loop, is_answered, &w->request, LOOP_WAIT_MS));
    return &w->request;
}
static inline const struct http_request *get(struct world *w, const char *path)
{
    return ask(w, (struct http_request){.method = HTTP_GET, .path = path});
}

static inline void on_raw(void *arg, int err, const struct reply *reply)
{
    (void)reply;
    assert_int_equal(err, 0);
    *(bool *)arg = true;
}
static inline bool is_true(void *arg)
{
    return *(bool *)arg;
}
/* One Redis command past the gate. */
static inline void raw(struct world *w, const char *line)
{
    static const char text[] = "#!lua\nreturn redis.call(unpack(ARGV))";
    static const struct script script = {"raw", text, sizeof text - 1, {0}};
    struct str words[8], rest = str_of(line);
    size_t n = 0;
    bool done = false;
    while (rest.n > 0)
        words[n++] = str_cut(&rest, ' ');
    w->gate.inner->ops->run(w->gate.inner, &script, NULL, 0, words, n, on_raw, &done);
    assert_true(loop_wait(w->loop, is_true, &done, LOOP_WAIT_MS));
}

static inline void expect(const struct http_request *r, int status, const char *body)
{
    assert_string_equal(r->body, body);
    assert_int_equal(r->status, status);
}
static inline void expect_part(const struct http_request *r, int status, const char *part)
{
    if (strstr(r->body, part) == NULL)
        print_error("%s\n", r->body);
    assert_non_null(strstr(r->body, part));
    assert_int_equal(r->status, status);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

#endif
