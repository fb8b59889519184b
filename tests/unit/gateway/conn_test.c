/* Tests of gateway/conn.c without a socket: states, limits, deadlines, and what the owner is told. */
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/conn.h"
#include "gateway/conn_internal.h"
#include "proto/codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { PING_MS = 1000, PONG_WAIT_MS = 500, HELLO_MS = 800, LINGER_MS = 2000 };

static struct loop *loop;
static struct conn_env env;
static struct conn *c;
static char received[4096]; /* all messages, each followed by "|" */
static int closes, writes, close_code;
static char close_reason[256];
static size_t writes_take; /* frames the pretended socket takes at once */

static void on_open(void *arg, struct conn *opened, const struct conn_handshake *h)
{
    (void)arg;
    assert_string_equal(conn_address(opened), "192.0.2.1");
    assert_true(str_eq(h->path, STR("/ws")));
}

static void on_message(void *arg, struct conn *from, struct str text)
{
    (void)arg;
    assert_ptr_equal(from, c);
    assert_non_null(text.p);
    strncat(received, text.p, text.n);
    strcat(received, "|");
    if (str_eq(text, STR("close")))
        conn_close(c, CLOSE_KICKED, "on demand");
}

static void on_close(void *arg, struct conn *closed, int code, const char *reason)
{
    (void)arg;
    assert_int_equal(conn_state(closed), CONN_CLOSED);
    closes++;
    close_code = code;
    snprintf(close_reason, sizeof close_reason, "%s", reason);
}

static void write_now(struct conn *to)
{
    writes++;
    for (size_t i = 0; i < writes_take && to->outbox.count > 0; i++)
        outbox_take(&to->outbox, 1);
}

static int setup(void **state)
{
    const struct conn_rules rules = {.message_max_bytes = 100,
                                     .fragments_max = 4,
                                     .outbox_max_bytes = 100,
                                     .rate_burst = 10,
                                     .hello_ms = HELLO_MS,
                                     .ping_ms = PING_MS,
                                     .pong_wait_ms = PONG_WAIT_MS};
    const struct conn_events events = {.on_open = on_open, .on_message = on_message, .on_close = on_close};
    const struct conn_handshake h = {.path = STR("/ws"), .address = STR("192.0.2.1")};
    (void)state;
    log_setup(LOG_ERROR, LOG_TEXT, 2);
    loop = loop_new();
    conn_env_init(&env, loop, &rules, &events, write_now);
    received[0] = '\0';
    closes = writes = close_code = 0;
    writes_take = 0;
    c = conn_opened(&env, NULL, &h);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (!list_empty(&env.all))
        conn_closed(c);
    conn_env_close(&env);
    loop_free(loop);
    return metrics_get(METRIC_CONNECTIONS) == 0 ? 0 : -1;
}

static void start_over(void)
{
    assert_int_equal(teardown(NULL), 0);
    setup(NULL);
}

static void send_bytes(size_t n, enum conn_send_mode mode)
{
    char payload[256] = {0};
    struct frame *f = frame_text((struct str){payload, n - 2});
    conn_send(c, f, mode);
    frame_unref(f);
}

/* Time goes by without anything being heard. */
static void pass(uint64_t from_ms, uint64_t to_ms)
{
    uint64_t start = c->opened_at_ms;
    for (uint64_t t = from_ms; t <= to_ms; t += conn_env_tick_ms(&env))
        conn_env_tick(&env, start + t);
}

static void receive(const char *piece, uint64_t rest, bool final)
{
    conn_received(c, str_of(piece), rest, final);
}

static void test_messages_from_pieces(void **state)
{
    (void)state;
    receive("whole", 0, true);
    receive("", 0, true);
    receive("two re", 3, false); /* one frame, two reads */
    receive("ads", 0, true);
    receive("frag", 0, false);
    receive("", 0, false);
    receive("ments", 0, true);
    assert_string_equal(received, "whole||two reads|fragments|");
    assert_int_equal(conn_state(c), CONN_OPEN);
    assert_null(c->partial);
}

static void test_message_limits(void **state)
{
    (void)state;
    char hundred[101] = {0};
    memset(hundred, 'x', 100);
    receive(hundred, 0, true);
    receive("x", 99, false);
    assert_int_equal(conn_state(c), CONN_OPEN);
    receive("x", UINT64_MAX / 2, false);
    assert_int_equal(c->close_code, CLOSE_TOO_BIG);
    receive("late", 0, true);
    assert_int_equal(strlen(received), 101);
}

static void test_fragments(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        receive("a", 0, false);
    receive("b", 0, true); /* the fourth and last one allowed */
    assert_string_equal(received, "aaab|");
    for (int i = 0; i < 5; i++)
        receive("", 0, false);
    assert_int_equal(c->close_code, CLOSE_POLICY);
}

static void test_half_characters(void **state)
{
    (void)state;
    receive("\xe2\x82\xac", 0, true);
    receive("\xf0\x9f\x98\x80", 0, true);
    receive("\xc3\xa9", 0, true);
    assert_int_equal(conn_state(c), CONN_OPEN);
    receive("ab\xf0\x9f\x98", 0, false);
    receive("", 0, true);
    assert_int_equal(c->close_code, CLOSE_UTF8);
}

static void test_close_in_the_callback(void **state)
{
    (void)state;
    receive("close", 0, true);
    conn_close(c, CLOSE_NORMAL, "too late");
    receive("after", 0, true);
    assert_string_equal(received, "close|");
    assert_int_equal(conn_state(c), CONN_CLOSING);
    assert_int_equal(closes, 0); /* never before return */
    assert_ptr_equal(env.ending.next, &c->flush);
    conn_closed(c);
    assert_int_equal(closes, 1);
    assert_int_equal(close_code, CLOSE_KICKED);
    assert_string_equal(close_reason, "on demand");
}

static void test_reasons(void **state)
{
    (void)state;
    char text[200] = "x"; /* and 61 characters of two bytes: exactly 123 */
    for (int i = 0; i < 80; i++)
        strcat(text, "\xc3\xa9");
    conn_close(c, CLOSE_TOKEN_EXPIRED, text);
    assert_int_equal(conn_close_sentence(c).n, 123);
    start_over();
    conn_close(c, CLOSE_TOKEN_EXPIRED, text + 1); /* the 62nd character would be cut in the middle */
    assert_int_equal(conn_close_sentence(c).n, 122);
    start_over();
    conn_close(c, CLOSE_TOKEN_EXPIRED, NULL);
    assert_true(str_eq(conn_close_sentence(c), str_of(close_text(CLOSE_TOKEN_EXPIRED))));
}

static void test_ends_by_others(void **state)
{
    (void)state;
    conn_ends(c, 4321, STR("bye"));
    assert_int_equal(conn_state(c), CONN_CLOSING);
    assert_true(c->transport_closing);
    conn_close(c, CLOSE_KICKED, NULL);
    conn_closed(c);
    assert_int_equal(close_code, 4321);
    assert_string_equal(close_reason, "bye");
    start_over();
    conn_close(c, CLOSE_KICKED, "ours first");
    conn_ends(c, 1000, STR("the peer's answer"));
    conn_closed(c);
    assert_int_equal(close_code, CLOSE_KICKED);
    start_over();
    conn_closed(c); /* without a word */
    assert_int_equal(close_code, CLOSE_ABNORMAL);
}

static void test_full_outbox(void **state)
{
    (void)state;
    send_bytes(60, CONN_RELIABLE);
    assert_ptr_equal(env.dirty.next, &c->flush);
    send_bytes(50, CONN_VOLATILE);
    assert_int_equal(metrics_get(METRIC_MESSAGES_DROPPED), 1);
    assert_int_equal(writes, 1); /* the socket was given a chance */
    writes_take = 1;
    send_bytes(50, CONN_RELIABLE);
    assert_int_equal(conn_state(c), CONN_OPEN);
    assert_int_equal(c->outbox.bytes, 50);
    writes_take = 0;
    send_bytes(51, CONN_RELIABLE);
    assert_int_equal(c->close_code, CLOSE_TOO_SLOW);
    assert_int_equal(c->outbox.bytes, 50); /* what was queued may still go out */
    send_bytes(10, CONN_RELIABLE);
    assert_int_equal(c->outbox.bytes, 50);
    assert_true(list_empty(&env.dirty));
}

static void test_ping_and_no_pong(void **state)
{
    (void)state;
    conn_ready(c);
    pass(0, PING_MS - 1);
    assert_int_equal(c->outbox.count, 0);
    pass(PING_MS, PING_MS + 2 * conn_env_tick_ms(&env));
    assert_true(c->pinged);
    assert_int_equal(c->outbox.count, 1);
    pass(PING_MS, PING_MS + PONG_WAIT_MS - 1);
    assert_int_equal(conn_state(c), CONN_OPEN);
    pass(PING_MS + PONG_WAIT_MS, PING_MS + PONG_WAIT_MS + 3 * conn_env_tick_ms(&env));
    assert_int_equal(c->close_code, CLOSE_NO_PONG);
}

static void test_pong(void **state)
{
    (void)state;
    conn_ready(c);
    pass(0, PING_MS + 2 * conn_env_tick_ms(&env));
    assert_true(c->pinged);
    conn_heard(c);
    c->heard_at_ms = c->opened_at_ms + PING_MS + 300; /* this test's time */
    pass(PING_MS + 300, 2 * PING_MS + 200);
    assert_false(c->pinged);
    pass(2 * PING_MS + 300, 2 * PING_MS + 300 + 4 * conn_env_tick_ms(&env));
    assert_true(c->pinged);
    assert_int_equal(conn_state(c), CONN_OPEN);
}

static void test_missing_hello(void **state)
{
    (void)state;
    pass(0, HELLO_MS - 1);
    assert_int_equal(conn_state(c), CONN_OPEN);
    pass(HELLO_MS, HELLO_MS + 2 * conn_env_tick_ms(&env));
    assert_int_equal(c->close_code, CLOSE_NO_HELLO);
}

/* The process was busy for less than a stall: what came in time may still lie in the socket. */
static void test_read_before_it_is_judged(void **state)
{
    (void)state;
    uint64_t tick_ms = conn_env_tick_ms(&env);
    conn_env_tick(&env, c->opened_at_ms + HELLO_MS + tick_ms);
    assert_int_equal(conn_state(c), CONN_OPEN);
    conn_ready(c); /* it was there */
    pass(HELLO_MS + 2 * tick_ms, PING_MS + 2 * tick_ms);
    assert_true(c->pinged);
    conn_env_tick(&env, c->pinged_at_ms + PONG_WAIT_MS + tick_ms);
    assert_int_equal(conn_state(c), CONN_OPEN);
    conn_heard(c);                                             /* and so was the pong */
    c->heard_at_ms = c->pinged_at_ms + PONG_WAIT_MS + tick_ms; /* this test's time */
    conn_env_tick(&env, c->pinged_at_ms + PONG_WAIT_MS + 2 * tick_ms);
    assert_int_equal(conn_state(c), CONN_OPEN);
    assert_false(c->overdue);
}

static void test_frozen_process(void **state)
{
    (void)state;
    conn_ready(c);
    pass(0, PING_MS + 200);
    assert_true(c->pinged);
    conn_env_tick(&env, c->opened_at_ms + 60000);
    assert_int_equal(conn_state(c), CONN_OPEN);
    pass(60000, 60000 + PONG_WAIT_MS + 3 * conn_env_tick_ms(&env));
    assert_int_equal(c->close_code, CLOSE_NO_PONG);
}

static void test_lingering_close_is_killed(void **state)
{
    (void)state;
    conn_close(c, CLOSE_KICKED, NULL);
    list_remove(&c->flush); /* as ws.c does when it has begun the close */
    pass(0, LINGER_MS - 400);
    assert_false(c->kill);
    pass(LINGER_MS - 400, LINGER_MS + conn_env_tick_ms(&env));
    assert_true(c->kill);
    assert_ptr_equal(env.ending.next, &c->flush);
}

static void test_starved_close_gets_longer(void **state)
{
    (void)state;
    conn_close(c, CLOSE_KICKED, NULL);
    conn_env_tick(&env, c->opened_at_ms + 10000);
    assert_false(c->kill);
    pass(10000 + conn_env_tick_ms(&env), 10800);
    assert_true(c->kill);
}

static void test_hold(void **state)
{
    (void)state;
    conn_hold(c);
    conn_closed(c);
    assert_int_equal(conn_state(c), CONN_CLOSED);
    assert_int_equal(conn_number(c), 1);
    conn_send_text(c, STR("x"));
    conn_close(c, CLOSE_KICKED, NULL);
    conn_ping_every(c, 5);
    conn_release(c);
}

static void as_socketio(void)
{
    c->dialect = DIALECT_SOCKETIO;
    metrics_add_for(METRIC_CONNECTIONS_BY_DIALECT, "native", -1);
    metrics_add_for(METRIC_CONNECTIONS_BY_DIALECT, "socketio", 1);
}

/* Its clients wait for pings, whatever else they hear and say. */
static void test_socketio_pings(void **state)
{
    (void)state;
    as_socketio();
    conn_ready(c);
    c->heard_at_ms = c->opened_at_ms + PING_MS - 1;
    pass(0, PING_MS + 2 * conn_env_tick_ms(&env)); /* a look may be that late */
    assert_true(c->pinged);
    assert_memory_equal(frame_bytes(env.socketio_ping).p,
                        "\x81\x01"
                        "2",
                        3);
    uint64_t first_ms = c->pinged_at_ms;
    c->pinged = false; /* the pong */
    pass(PING_MS + 200, 2 * PING_MS + 300);
    assert_true(c->pinged_at_ms > first_ms);
    conn_ping_every(c, 10 * PING_MS); /* not more seldom than it was told */
    assert_int_equal(c->ping_ms, PING_MS);
    conn_ping_every(c, PING_MS / 2);
    assert_int_equal(c->ping_ms, PING_MS / 2);
    pass(2 * PING_MS + 400, 2 * PING_MS + 600 + PONG_WAIT_MS);
    assert_int_equal(c->close_code, 4201);
}

static void test_binary(void **state)
{
    (void)state;
    as_socketio();
    conn_skip_binary(c, 2);
    conn_received_binary(c, 60, false);
    conn_received_binary(c, 40, true);
    conn_received_binary(c, 0, true);
    assert_int_equal(conn_state(c), CONN_OPEN);
    conn_received_binary(c, 1, true);
    assert_int_equal(c->close_code, 1003);
    assert_non_null(strstr(conn_close_sentence(c).p, "parser"));
    start_over();
    conn_skip_binary(c, 1);
    conn_received_binary(c, 60, false);
    conn_received_binary(c, 41, false);
    assert_int_equal(c->close_code, 1009);
    assert_string_equal(received, "");
}

static void test_await_hello(void **state)
{
    (void)state;
    conn_ready(c);
    conn_await_hello(c);
    c->opened_at_ms = loop_now_ms(loop);
    pass(0, HELLO_MS + 300);
    assert_int_equal(c->close_code, 4004);
}

static void test_idle_memory(void **state)
{
    (void)state;
    conn_ready(c);
    for (uint32_t i = 0; i <= OUTBOX_FIRST; i++)
        send_bytes(10, CONN_RELIABLE);
    outbox_take(&c->outbox, OUTBOX_FIRST + 1);
    pass(0, PING_MS + 200);
    outbox_take(&c->outbox, c->outbox.count); /* the ping */
    assert_non_null(c->outbox.ring);
    conn_heard(c);
    c->heard_at_ms = c->opened_at_ms + PING_MS + 300;
    pass(PING_MS + 300, 2 * PING_MS + 200);
    assert_null(c->outbox.ring);
    assert_true(sizeof(struct conn) <= 384);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_messages_from_pieces),
        TEST(test_message_limits),
        TEST(test_fragments),
        TEST(test_half_characters),
        TEST(test_close_in_the_callback),
        TEST(test_reasons),
        TEST(test_ends_by_others),
        TEST(test_full_outbox),
        TEST(test_ping_and_no_pong),
        TEST(test_pong),
        TEST(test_missing_hello),
        TEST(test_read_before_it_is_judged),
        TEST(test_frozen_process),
        TEST(test_lingering_close_is_killed),
        TEST(test_starved_close_gets_longer),
        TEST(test_hold),
        TEST(test_socketio_pings),
        TEST(test_binary),
        TEST(test_await_hello),
        TEST(test_idle_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
