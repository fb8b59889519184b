/* When the store counts as up: write probes, refusals to write, the circuit breaker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "common/err.h"
#include "matchmaking/backend.h"
#include "tests/lib/loop_wait.h"
#include "tests/lib/redis_probe.h"

#define SCRIPT(name, source) static const struct script name = {#name, source, sizeof(source) - 1, {0}}
SCRIPT(append, "#!lua\nreturn redis.call('RPUSH', KEYS[1], ARGV[1])\n");
SCRIPT(refuse, "#!lua\nreturn redis.error_reply(ARGV[1])\n");

static struct {
    struct probe *probe;
    struct backend *backend;
    int ups, downs, wanted; /* wanted: times a probe was asked for */
} gate;

static void on_state(void *arg, bool up, const char *reason)
{
    (void)arg;
    (void)reason;
    gate.ups += up;
    gate.downs += !up;
}

static void on_probe(void *arg)
{
    (void)arg;
    gate.wanted++;
}

static void open_backend(struct probe *p, bool probes)
{
    gate.probe = p;
    gate.ups = gate.downs = gate.wanted = 0;
    p->server = redis_server_start(NULL);
    struct backend_redis_options options = {.address = redis_server_address(p->server),
                                            .prefix = "",
                                            .instance_id = "me",
                                            .command_timeout_ms = 1000,
                                            .connect_timeout_ms = 1000,
                                            .breaker = {3, 60, 10000, 30000, 10}};
    gate.backend = backend_redis_new(
        p->loop, &options, &(struct backend_events){NULL, on_state, NULL, probes ? on_probe : NULL});
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

static void call(bool as_probe, const struct script *s, const char *arg, redis_cb fn)
{
    struct probe *p = gate.probe;
    const struct backend_ops *ops = gate.backend->ops;
    struct str key = STR("list"), text = str_of(arg);
    p->inside = true;
    (as_probe ? ops->probe : ops->run)(gate.backend, s, &key, 1, &text, 1, fn, probe_question(p));
    p->inside = false;
}

static bool is_wanted(void *probe)
{
    (void)probe;
    return gate.wanted > 0;
}

static bool is_up(void *probe)
{
    (void)probe;
    return gate.ups > gate.downs;
}

static bool is_down(void *probe)
{
    (void)probe;
    return gate.downs > 0;
}

static void test_nothing_goes_before_the_probe(void **state)
{
    struct probe *p = *state;
    open_backend(p, true);
    WAIT(p, is_wanted);
    call(false, &append, "no", probe_on_answer);
    probe_wait_in_order(p);
    assert_int_equal(p->answers[0].err, ERR_UNAVAILABLE);
    assert_int_equal(gate.ups, 0);
    call(true, &append, "probe", probe_on_answer);
    WAIT(p, is_up);
    assert_int_equal(p->answers[1].err, ERR_NONE);
    call(false, &append, "yes", probe_on_answer);
    probe_wait_in_order(p);
    assert_string_equal(REDIS_ASK(p->server, "LRANGE", "list", "0", "-1"), "probe\nyes\n");
    redis_server_good(p->server);
}

static void test_refused_calls_do_not_wait_for_a_silent_probe(void **state)
{
    struct probe *p = *state;
    open_backend(p, true);
    WAIT(p, is_wanted);
    redis_server_freeze(p->server);
    struct str key = STR("list"), text = STR("probe");
    gate.backend->ops->probe(gate.backend, &append, &key, 1, &text, 1, NULL, NULL);
    call(false, &append, "no", probe_on_answer);
    uint64_t before_ms = loop_now_ms(p->loop);
    WAIT(p, probe_all_answered);
    assert_true(loop_now_ms(p->loop) - before_ms < 500); /* the probe itself may take 1,000 */
    redis_server_thaw(p->server);
    redis_server_good(p->server);
}

static void test_a_full_store_is_not_up_but_calls_go(void **state)
{
    struct probe *p = *state;
    open_backend(p, true);
    WAIT(p, is_wanted);
    call(true, &append, "probe", probe_on_answer);
    WAIT(p, is_up);
    call(true, &refuse, "OOM command not allowed", probe_on_answer);
    WAIT(p, is_down);
    assert_string_equal(gate.backend->ops->reason(gate.backend), "oom");
    call(false, &append, "freed", probe_on_answer);
    probe_wait_in_order(p);
    assert_int_equal(p->answers[2].err, ERR_NONE);
    call(true, &append, "probe", probe_on_answer);
    WAIT(p, is_up);
    redis_server_good(p->server);
}

static void test_breaker(void **state)
{
    struct probe *p = *state;
    open_backend(p, true);
    WAIT(p, is_wanted);
    call(true, &append, "probe", probe_on_answer);
    WAIT(p, is_up);
    for (int i = 0; i < 3; i++)
        call(false, &refuse, "BUSY not now", probe_on_answer); /* with the probe: 3 of 4 */
    probe_wait_in_order(p);
    call(false, &append, "spared", probe_on_answer);
    probe_wait_in_order(p);
    assert_int_equal(p->answers[4].err, ERR_UNAVAILABLE);
    call(true, &append, "probe", probe_on_answer); /* bypasses and closes it */
    probe_wait_in_order(p);
    call(false, &append, "again", probe_on_answer);
    probe_wait_in_order(p);
    assert_int_equal(p->answers[5].err, ERR_NONE);
    assert_int_equal(p->answers[6].err, ERR_NONE);
    redis_server_good(p->server);
}

static void free_inside(void *arg, int err, const struct reply *reply)
{
    probe_on_answer(arg, err, reply);
    free_backend();
}

static void test_freed_inside_the_probes_answer(void **state)
{
    struct probe *p = *state;
    open_backend(p, true);
    WAIT(p, is_wanted);
    call(true, &append, "probe", free_inside);
    probe_wait_in_order(p);
    assert_null(gate.backend);
    assert_int_equal(gate.ups, 0);
    redis_server_good(p->server);
}

int main(void)
{
    probe_setup_log();
#define TEST(name) cmocka_unit_test_setup_teardown(name, probe_setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_goes_before_the_probe),
        TEST(test_refused_calls_do_not_wait_for_a_silent_probe),
        TEST(test_a_full_store_is_not_up_but_calls_go),
        TEST(test_breaker),
        TEST(test_freed_inside_the_probes_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
