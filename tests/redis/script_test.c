/* Scripts by hash against a real server: loading, forgetting, order, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "common/err.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/redis/script.h"
#include "tests/lib/loop_wait.h"
#include "tests/lib/redis_probe.h"

#define SCRIPT(name, source) static const struct script name = {#name, source, sizeof(source) - 1, {0}}
SCRIPT(append, "#!lua\nreturn redis.call('RPUSH', KEYS[1], ARGV[1])\n");
SCRIPT(echo, "#!lua flags=no-writes\nreturn {KEYS, ARGV, {1, {{}}}}\n");
SCRIPT(wrong_type, "#!lua\nredis.call('SET', KEYS[1], 'x')\nreturn redis.call('LPUSH', KEYS[1], 'x')\n");
SCRIPT(fails, "#!lua\nerror('on purpose')\n");
SCRIPT(answers_error, "#!lua\nreturn redis.error_reply('STALE by 2')\n");
SCRIPT(no_lua, "#!lua\nreturn = 3\n");
SCRIPT(from_tomorrow, "#!lua flags=make-coffee\nreturn redis.call('RPUSH', KEYS[1], ARGV[1])\n");
SCRIPT(from_tomorrow_fails, "#!lua flags=make-coffee\n\nerror('in line three')\n");

static struct script_runner *runner;

static int setup(void **state)
{
    probe_setup(state);
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    p->link = redis_link_new(p->loop, &(struct redis_link_options){.address = redis_server_address(p->server),
                                                                   .name = "test",
                                                                   .command_timeout_ms = 1000,
                                                                   .connect_timeout_ms = 400,
                                                                   .on_state = probe_on_state,
                                                                   .arg = p});
    runner = script_runner_new(p->link);
    WAIT(p, probe_is_up);
    return 0;
}

static int teardown(void **state)
{
    script_runner_free(runner);
    return probe_teardown(state);
}

static void run(struct probe *p, const struct script *s, const char *key, const char *arg)
{
    struct str keys[] = {str_of(key)}, args[] = {str_of(arg)};
    p->inside = true;
    script_run(runner, s, keys, 1, args, 1, probe_on_answer, probe_question(p));
    p->inside = false;
}

static void run_numbers(struct probe *p, const struct script *s, int from, int to)
{
    char text[16];
    for (int i = from; i <= to; i++) {
        snprintf(text, sizeof text, "%d", i);
        run(p, s, "list", text);
    }
}

/* The list on the server is 1..to: everything was carried out, once, in the order of the calls. */
static void assert_list(struct probe *p, int to)
{
    struct buf expected = {0};
    for (int i = 1; i <= to; i++)
        buf_add_fmt(&expected, "%d\n", i);
    assert_string_equal(REDIS_ASK(p->server, "LRANGE", "list", "0", "-1"), expected.data);
    buf_close(&expected);
}

static long counted(struct probe *p, const char *command)
{
    char mark[64];
    snprintf(mark, sizeof mark, "cmdstat_%s:calls=", command);
    const char *at = strstr(REDIS_ASK(p->server, "INFO", "commandstats"), mark);
    return at ? strtol(at + strlen(mark), NULL, 10) : 0;
}

static void test_arguments_and_replies(void **state)
{
    struct probe *p = *state;
    const struct str keys[] = {STR("k1"), STR(""), {"a\0b", 3}}, args[] = {STR("x\r\ny"), {NULL, 0}};
    script_run(runner, &echo, keys, 3, args, 2, probe_on_answer, probe_question(p));
    script_run(runner, &echo, NULL, 0, NULL, 0, probe_on_answer, probe_question(p));
    script_run(runner, &echo, NULL, 0, args, 1, NULL, NULL); /* nobody waits for this one */
    run(p, &echo, "k", "v");
    probe_wait_in_order(p);
    assert_string_equal(p->text.data, "[[\"k1\",\"\",\"a\\u0000b\"],[\"x\\r\\ny\",\"\"],[1,[[]]]]\n"
                                      "[[],[],[1,[[]]]]\n"
                                      "[[\"k\"],[\"v\"],[1,[[]]]]\n");
    redis_server_good(p->server);
}

static void test_loaded_once_per_connection(void **state)
{
    struct probe *p = *state;
    run_numbers(p, &append, 1, 50);
    probe_wait_in_order(p);
    run_numbers(p, &append, 51, 100);
    probe_wait_in_order(p);
    assert_int_equal(counted(p, "script|load"), 1);
    assert_int_equal(counted(p, "evalsha"), 100);
    redis_server_restart(p->server, true); /* the data stays, the scripts go */
    WAIT(p, probe_is_down);
    WAIT(p, probe_is_up);
    run_numbers(p, &append, 101, 120);
    probe_wait_in_order(p);
    assert_int_equal(counted(p, "script|load"), 1);
    assert_int_equal(counted(p, "evalsha"), 20);
    assert_list(p, 120);
    redis_server_good(p->server);
}

static void test_flush_keeps_order(void **state)
{
    struct probe *p = *state;
    run_numbers(p, &append, 1, 1);
    run(p, &echo, "k", "v");
    probe_wait_in_order(p);
    REDIS_ASK(p->server, "SCRIPT", "FLUSH");
    run_numbers(p, &append, 2, 40); /* all come back with NOSCRIPT */
    WAIT(p, probe_all_answered);
    assert_list(p, 40);
    REDIS_ASK(p->server, "SCRIPT", "FLUSH");
    for (int i = 41; i <= 240; i++) { /* new calls while the old ones come back */
        run_numbers(p, &append, i, i);
        if (i % 7 == 0)
            loop_turn(p->loop);
    }
    probe_wait_in_order(p);
    assert_list(p, 240);
    for (int i = 0; i < p->answered; i++)
        assert_int_equal(p->answers[i].err, ERR_NONE);
    redis_server_good(p->server);
}

static void test_errors(void **state)
{
    struct probe *p = *state;
    int64_t failures = metrics_get(METRIC_SCRIPT_FAILURES);
    run(p, &wrong_type, "k", "");
    run(p, &fails, "k", "");
    run(p, &answers_error, "k", "");
    run(p, &no_lua, "k", "");
    run(p, &no_lua, "k", "");
    run(p, &append, "list", "1");
    probe_wait_in_order(p);
    for (int i = 0; i < 5; i++)
        assert_int_equal(p->answers[i].err, ERR_SCRIPT);
    assert_int_equal(p->answers[5].err, ERR_NONE);
    assert_non_null(strstr(p->text.data, "ERROR WRONGTYPE"));
    assert_non_null(strstr(p->text.data, "on purpose"));
    assert_non_null(strstr(p->text.data, "ERROR STALE by 2\n"));
    assert_non_null(strstr(p->text.data, "unexpected symbol near '='"));
    assert_null(strstr(p->text.data, "NOSCRIPT"));
    assert_int_equal(metrics_get(METRIC_SCRIPT_FAILURES) - failures, 5);
    assert_int_equal(p->downs, 0);
    redis_server_good(p->server);
}

/* What a server older than the shebang line does, shown by a flag that this one does not know. */
static void test_shebang_unknown(void **state)
{
    struct probe *p = *state;
    run_numbers(p, &from_tomorrow, 1, 20);
    probe_wait_in_order(p);
    run_numbers(p, &from_tomorrow, 21, 30);
    run(p, &from_tomorrow_fails, "k", "");
    run_numbers(p, &append, 31, 31); /* from now on all are sent without it */
    probe_wait_in_order(p);
    assert_list(p, 31);
    for (int i = 0; i < p->answered; i++)
        assert_int_equal(p->answers[i].err, i == 30 ? ERR_SCRIPT : ERR_NONE);
    assert_non_null(strstr(p->text.data, ":3: in line three")); /* the line numbers are the file's */
    assert_int_equal(counted(p, "script|load"), 4);
    redis_server_good(p->server);
}

static void test_lost_link(void **state)
{
    struct probe *p = *state;
    run_numbers(p, &append, 1, 1);
    probe_wait_in_order(p);
    redis_server_freeze(p->server);
    run_numbers(p, &append, 2, 4);
    probe_wait_in_order(p); /* the deadline */
    run(p, &append, "list", "5");
    run(p, &echo, "list", "5");
    probe_wait_in_order(p);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(p->answers[i].err, ERR_TIMEOUT);
    assert_int_equal(p->answers[4].err, ERR_UNAVAILABLE);
    assert_int_equal(p->answers[5].err, ERR_UNAVAILABLE);
    redis_server_thaw(p->server);
    WAIT(p, probe_is_up);
    run(p, &echo, "k", "v");
    probe_wait_in_order(p);
    assert_int_equal(p->answers[6].err, ERR_NONE);
    redis_server_good(p->server);
}

/* The link goes while calls are held because the script must be loaded again. */
static void test_lost_while_reloading(void **state)
{
    struct probe *p = *state;
    run_numbers(p, &append, 1, 1);
    probe_wait_in_order(p);
    REDIS_ASK(p->server, "SCRIPT", "FLUSH");
    run_numbers(p, &append, 2, 3);
    loop_flush(p->loop);
    REDIS_ASK(p->server, "PING"); /* it has seen them: the NOSCRIPTs are on their way */
    redis_server_kill(p->server);
    run_numbers(p, &append, 4, 6);
    probe_wait_in_order(p);
    for (int i = 1; i < 6; i++)
        assert_true(p->answers[i].err == ERR_UNKNOWN || p->answers[i].err == ERR_UNAVAILABLE);
    redis_server_restart(p->server, true);
    WAIT(p, probe_is_up);
    assert_list(p, 1);
    redis_server_good(p->server);
}

static void free_runner(void *arg, int err, const struct reply *reply)
{
    probe_on_answer(arg, err, reply);
    script_runner_free(runner);
    runner = NULL;
}

static void test_runner_freed(void **state)
{
    struct probe *p = *state;
    ASK(p, "PING");
    probe_wait_in_order(p);
    size_t blocks = mem_live_count();
    run_numbers(p, &append, 1, 3);
    script_runner_free(runner); /* before the answers; they still come from the server, to nobody */
    probe_wait_in_order(p);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(p->answers[i].err, ERR_UNKNOWN);
    ASK(p, "PING");
    probe_wait_in_order(p);
    assert_int_equal(mem_live_count(), blocks - 1);

    runner = script_runner_new(p->link);
    script_run(runner, &append, &STR("list"), 1, &STR("4"), 1, free_runner, probe_question(p));
    run_numbers(p, &append, 5, 5);
    probe_wait_in_order(p);
    assert_null(runner);
    assert_int_equal(p->answers[5].err, ERR_NONE);
    assert_int_equal(p->answers[6].err, ERR_UNKNOWN);
    ASK(p, "PING");
    probe_wait_in_order(p);
    assert_list(p, 5);
    redis_server_good(p->server);
}

static void test_link_freed_first(void **state)
{
    struct probe *p = *state;
    run_numbers(p, &append, 1, 3);
    redis_link_free(p->link);
    p->link = NULL;
    assert_int_equal(p->answered, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(p->answers[i].err, ERR_UNKNOWN);
    redis_server_good(p->server);
}

static void test_measured(void **state)
{
    struct probe *p = *state;
    struct buf text = {0};
    run_numbers(p, &append, 1, 2);
    run(p, &echo, "k", "v");
    probe_wait_in_order(p);
    metrics_print(&text, METRICS_EACH);
    assert_non_null(strstr(text.data, "matchgate_script_seconds_count{script=\"append\"}"));
    assert_non_null(strstr(text.data, "matchgate_script_seconds_count{script=\"echo\"}"));
    buf_close(&text);
    redis_server_good(p->server);
}

int main(void)
{
    probe_setup_log();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_arguments_and_replies), TEST(test_loaded_once_per_connection),
        TEST(test_flush_keeps_order),     TEST(test_errors),
        TEST(test_shebang_unknown),       TEST(test_lost_link),
        TEST(test_lost_while_reloading),  TEST(test_runner_freed),
        TEST(test_link_freed_first),      TEST(test_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
