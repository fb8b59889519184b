/* The back end over Redis: its two links as one state, its channels, its calls. What both back ends must do
 * alike is in the conformance suite; here is what only Redis can do: go away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "common/err.h"
#include "matchmaking/backend.h"
#include "tests/lib/loop_wait.h"
#include "tests/lib/redis_probe.h"

#define SCRIPT(name, source) static const struct script name = {#name, source, sizeof(source) - 1, {0}}
SCRIPT(append, "#!lua\nreturn redis.call('RPUSH', KEYS[1], ARGV[1])\n");
SCRIPT(tell, "#!lua\nreturn redis.call('PUBLISH', ARGV[1], ARGV[2])\n");

struct gate { /* a probe for answers and messages, and a back end instead of its link */
    struct probe *probe;
    struct backend *backend;
    int ups, downs;
    char reason[16];
};

static struct gate gate;

static void on_state(void *arg, bool up, const char *reason)
{
    struct gate *g = arg;
    assert_int_equal(g->ups - g->downs, up ? 0 : 1);
    assert_true(g->backend->ops->up(g->backend) == up);
    assert_string_equal(g->backend->ops->reason(g->backend), reason);
    g->ups += up;
    g->downs += !up;
    assert_true(str_copy(g->reason, sizeof g->reason, str_of(reason)));
}

static void on_message(void *arg, struct str channel, struct str message)
{
    struct gate *g = arg;
    probe_on_message(g->probe, channel, message);
}

static int setup(void **state)
{
    probe_setup(state);
    struct probe *p = *state;
    gate = (struct gate){.probe = p};
    p->server = redis_server_reserve(NULL);
    struct backend_redis_options options = {.address = redis_server_address(p->server),
                                            .prefix = "{test}:",
                                            .instance_id = "me",
                                            .command_timeout_ms = 1000,
                                            .connect_timeout_ms = 300};
    gate.backend =
        backend_redis_new(p->loop, &options, &(struct backend_events){on_message, on_state, &gate, NULL});
    return 0;
}

static void free_backend(void)
{
    struct backend *b = gate.backend;
    gate.backend = NULL;
    if (b != NULL)
        b->ops->free(b);
}

static int teardown(void **state)
{
    free_backend();
    return probe_teardown(state);
}

static bool is_up(void *probe)
{
    (void)probe;
    return gate.ups > gate.downs;
}

static bool is_down(void *probe)
{
    return !is_up(probe);
}

static void run(struct probe *p, const struct script *s, const char *a, const char *b, redis_cb fn)
{
    struct str keys[] = {STR("{test}:list")}, args[] = {str_of(a), str_of(b)};
    p->inside = true;
    gate.backend->ops->run(gate.backend, s, keys, 1, args, 2, fn, probe_question(p));
    p->inside = false;
}

static bool has_end(void *arg)
{
    struct probe *p = arg;
    return p->messages.data != NULL && strstr(p->messages.data, "=end\n") != NULL;
}

static void publish(const char *channel, const char *message)
{
    gate.backend->ops->publish(gate.backend, str_of(channel), str_of(message));
}

static void test_messages(void **state)
{
    struct probe *p = *state;
    redis_server_restart(p->server, true);
    WAIT(p, is_up);
    assert_string_equal(gate.reason, "ok");
    assert_true(gate.backend->durable);
    assert_string_equal(gate.backend->prefix, "{test}:");
    publish("{test}:room_events", "to all");
    publish("{test}:room_events:other", "not to me");
    publish("room_events", "of another realm");
    run(p, &tell, "{test}:room_events:me", "from a script", probe_on_answer);
    probe_wait_in_order(p);
    assert_string_equal(p->text.data, "1\n");
    assert_string_equal(REDIS_ASK(p->server, "PUBLISH", "{test}:room_events", "end"), "1");
    WAIT(p, has_end);
    assert_string_equal(p->messages.data, "{test}:room_events=to all\n"
                                          "{test}:room_events:me=from a script\n"
                                          "{test}:room_events=end\n");
    redis_server_good(p->server);
}

static void test_calls(void **state)
{
    struct probe *p = *state;
    struct redis_link_stats commands, events;
    redis_server_restart(p->server, true);
    WAIT(p, is_up);
    for (int i = 0; i < 10; i++)
        run(p, &append, i % 2 ? "b" : "a", "", probe_on_answer);
    gate.backend->ops->run(gate.backend, &append, &STR("{test}:list"), 1, &STR("c"), 1, NULL, NULL);
    probe_wait_in_order(p);
    assert_string_equal(p->text.data, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
    buf_clear(&p->text);
    p->inside = true;
    gate.backend->ops->info(gate.backend, probe_on_answer, probe_question(p));
    p->inside = false;
    probe_wait_in_order(p);
    assert_non_null(strstr(p->text.data, "maxmemory_policy:noeviction"));
    assert_non_null(strstr(p->text.data, "aof_enabled:1"));
    assert_non_null(strstr(p->text.data, "config_save:"));
    assert_string_equal(REDIS_ASK(p->server, "LLEN", "{test}:list"), "11");
    assert_true(backend_is_redis(gate.backend));
    backend_redis_stats(gate.backend, &commands, &events);
    assert_int_equal(commands.calls, 14); /* with SCRIPT LOAD, INFO and CONFIG GET save */
    assert_int_equal(events.calls, 0);
    assert_int_equal(commands.failures + commands.waiting + commands.reconnects + events.reconnects, 0);
    redis_server_good(p->server);
}

static void test_outage(void **state)
{
    struct probe *p = *state;
    run(p, &append, "0", "", probe_on_answer); /* the server is not there yet */
    publish("{test}:room_events", "lost");
    probe_wait_in_order(p);
    assert_int_equal(p->answers[0].err, ERR_UNAVAILABLE);
    assert_int_equal(gate.ups + gate.downs, 0);
    redis_server_restart(p->server, true);
    WAIT(p, is_up);
    run(p, &append, "1", "", probe_on_answer);
    probe_wait_in_order(p);
    redis_server_freeze(p->server);
    run(p, &append, "2", "", probe_on_answer);
    WAIT(p, is_down);
    assert_string_equal(gate.reason, "timeout");
    probe_wait_in_order(p);
    assert_int_equal(p->answers[2].err, ERR_TIMEOUT);
    redis_server_restart(p->server, false); /* empty: neither data nor scripts nor subscribers */
    WAIT(p, is_up);
    run(p, &append, "3", "", probe_on_answer);
    publish("{test}:room_events", "end");
    probe_wait_in_order(p);
    WAIT(p, has_end);
    assert_string_equal(p->messages.data, "{test}:room_events=end\n");
    assert_string_equal(REDIS_ASK(p->server, "LRANGE", "{test}:list", "0", "-1"), "3\n");
    redis_server_good(p->server);
}

static void test_event_link_alone(void **state)
{
    struct probe *p = *state;
    struct redis_link_stats commands, events;
    redis_server_restart(p->server, true);
    WAIT(p, is_up);
    assert_string_equal(REDIS_ASK(p->server, "CLIENT", "KILL", "TYPE", "pubsub"), "1");
    WAIT(p, is_down);
    assert_string_equal(gate.reason, "closed");
    run(p, &append, "1", "", probe_on_answer); /* calls still work */
    probe_wait_in_order(p);
    assert_int_equal(p->answers[0].err, ERR_NONE);
    WAIT(p, is_up);
    assert_string_equal(REDIS_ASK(p->server, "PUBLISH", "{test}:room_events:me", "end"), "1");
    WAIT(p, has_end);
    backend_redis_stats(gate.backend, &commands, &events);
    assert_int_equal(commands.reconnects, 0);
    assert_int_equal(events.reconnects, 1);
    redis_server_good(p->server);
}

/* An answer that asks again, as long as there is a back end. */
static void ask_again(void *arg, int err, const struct reply *reply)
{
    struct probe *p = gate.probe;
    probe_on_answer(arg, err, reply);
    if (p->asked < 8)
        run(p, &append, "again", "", ask_again);
    if (p->asked < 8)
        gate.backend->ops->info(gate.backend, probe_on_answer, probe_question(p));
}

static void test_freed_with_calls_under_way(void **state)
{
    struct probe *p = *state;
    redis_server_restart(p->server, true);
    WAIT(p, is_up);
    run(p, &append, "1", "", ask_again);
    run(p, &append, "2", "", ask_again);
    struct backend *b = gate.backend;
    b->ops->free(b); /* gate.backend stays, for the calls made by the answers */
    gate.backend = NULL;
    assert_int_equal(p->asked, 8);
    probe_wait_in_order(p);
    assert_int_equal(p->answers[0].err, ERR_UNKNOWN);
    assert_int_equal(p->answers[1].err, ERR_UNKNOWN);
    for (int i = 2; i < 8; i++)
        assert_int_equal(p->answers[i].err, ERR_UNAVAILABLE);
    redis_server_good(p->server);
}

static void free_inside(void *arg, int err, const struct reply *reply)
{
    probe_on_answer(arg, err, reply);
    free_backend();
}

static void test_freed_inside_an_answer(void **state)
{
    struct probe *p = *state;
    redis_server_restart(p->server, true);
    WAIT(p, is_up);
    run(p, &append, "1", "", free_inside);
    run(p, &append, "2", "", probe_on_answer);
    gate.backend->ops->info(gate.backend, probe_on_answer, probe_question(p));
    probe_wait_in_order(p);
    assert_null(gate.backend);
    assert_int_equal(p->answers[0].err, ERR_NONE);
    assert_int_equal(p->answers[1].err, ERR_UNKNOWN);
    assert_int_equal(p->answers[2].err, ERR_UNKNOWN);
    redis_server_good(p->server);
}

int main(void)
{
    probe_setup_log();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_messages),
        TEST(test_calls),
        TEST(test_outage),
        TEST(test_event_link_alone),
        TEST(test_freed_with_calls_under_way),
        TEST(test_freed_inside_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
