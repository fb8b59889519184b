/* The link to Redis against a real server that comes, dies, freezes, refuses and loads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "tests/lib/loop_wait.h"
#include "tests/lib/redis_probe.h"

static struct redis_link *new_link(struct probe *p, uint64_t command_timeout_ms)
{
    return redis_link_new(p->loop, &(struct redis_link_options){.address = redis_server_address(p->server),
                                                                .name = "test",
                                                                .command_timeout_ms = command_timeout_ms,
                                                                .connect_timeout_ms = 300,
                                                                .on_state = probe_on_state,
                                                                .on_message = probe_on_message,
                                                                .arg = p});
}

enum { PATIENT_MS = 5000 };

static void start_link(struct probe *p, uint64_t command_timeout_ms)
{
    p->link = new_link(p, command_timeout_ms);
    assert_int_equal(p->ups, 0); /* nothing is reported before return */
    assert_int_equal(redis_link_reason(p->link), REDIS_CONNECTING);
}

static bool failed_often(void *arg)
{
    struct probe *p = arg;
    return redis_link_failures(p->link) >= 4;
}

static void test_replies(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    start_link(p, PATIENT_MS);
    WAIT(p, probe_is_up);
    assert_int_equal(redis_link_reason(p->link), REDIS_OK);
    ASK(p, "SET", "k", "v \"x\"");
    ASK(p, "GET", "k");
    ASK(p, "GET", "none");
    ASK(p, "INCRBY", "n", "-9223372036854775808");
    ASK(p, "LPUSH", "k", "x");
    ASK(p, "EVAL", "return {1, {2, 'x', {3, {}}, false}, 'y', {{4}}, {err = 'BAD x'}}", "0");
    ASK(p, "LRANGE", "none", "0", "-1");
    ASK(p, "SET", "", "");
    ASK(p, "GET", "");
    probe_wait_in_order(p);
    assert_string_equal(p->text.data,
                        "\"OK\"\n"
                        "\"v \\\"x\\\"\"\n"
                        "nil\n"
                        "-9223372036854775808\n"
                        "ERROR WRONGTYPE Operation against a key holding the wrong kind of value\n"
                        "[1,[2,\"x\",[3,[]],nil],\"y\",[[4]],ERROR BAD x]\n"
                        "[]\n"
                        "\"OK\"\n"
                        "\"\"\n");
    struct redis_link_stats s;
    redis_link_stats(p->link, &s);
    assert_int_equal(s.calls, 9);
    assert_int_equal(s.failures, 0);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.out_bytes, 0);
    assert_int_equal(s.reconnects, 0);
    assert_true(s.avg_us > 0 && s.max_us >= s.avg_us);
    redis_server_good(p->server);
}

static void test_one_write_per_pass(void **state)
{
    struct probe *p = *state;
    struct redis_link_stats s;
    long reads[2];
    p->server = redis_server_start(NULL);
    start_link(p, PATIENT_MS);
    WAIT(p, probe_is_up);
    for (int round = 0; round < 2; round++) {
        const char *info = REDIS_ASK(p->server, "INFO", "stats");
        reads[round] = strtol(strstr(info, "total_reads_processed:") + 22, NULL, 10);
        for (int i = 0; i < 200 && round == 0; i++)
            ASK(p, "INCR", "n");
        redis_link_stats(p->link, &s);
        assert_int_equal(s.waiting, round ? 0 : 200);
        assert_int_equal(s.out_bytes, round ? 0 : 200 * strlen("*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"));
        probe_wait_in_order(p);
    }
    assert_in_range(reads[1] - reads[0], 2, 4); /* ours, and those of asking */
    redis_server_good(p->server);
}

static void test_big(void **state)
{
    struct probe *p = *state;
    enum { BIG = 12 << 20 };
    p->server = redis_server_start(NULL);
    start_link(p, PATIENT_MS);
    WAIT(p, probe_is_up);
    char *big = mem_alloc(BIG + 1);
    memset(big, 'x', BIG);
    ASK(p, "SET", "big", big);
    for (int i = 0; i < 20; i++)
        ASK(p, "SETRANGE", "big", "0", "yy"); /* behind a write that blocks */
    ASK(p, "STRLEN", "big");
    probe_wait_in_order(p);
    assert_non_null(strstr(p->text.data, "\n12582912\n12582912\n"));
    buf_clear(&p->text);
    ASK(p, "GET", "big");
    ASK(p, "PING");
    probe_wait_in_order(p);
    assert_int_equal(p->text.len, BIG + strlen("\"\"\n"));
    mem_free(big);
    redis_server_good(p->server);
}

static void test_refused_then_appears(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_reserve(NULL);
    start_link(p, PATIENT_MS);
    ASK(p, "PING"); /* not even connecting yet */
    WAIT(p, failed_often);
    ASK(p, "PING");
    ASK(p, "PING");
    probe_wait_in_order(p);
    for (int i = 0; i < 3; i++)
        assert_int_equal(p->answers[i].err, ERR_UNAVAILABLE);
    assert_int_equal(redis_link_reason(p->link), REDIS_REFUSED);
    assert_int_equal(p->ups + p->downs, 0); /* it has not been up, so it did not go down */
    redis_server_restart(p->server, true);
    WAIT(p, probe_is_up);
    assert_int_equal(p->ups, 1);
    assert_int_equal(redis_link_failures(p->link), 0);
    assert_int_equal(redis_link_epoch(p->link), 1);
    redis_server_good(p->server);
}

static void test_kill(void **state)
{
    struct probe *p = *state;
    int64_t reconnects = metrics_get(METRIC_REDIS_RECONNECTS);
    p->server = redis_server_start(NULL);
    start_link(p, PATIENT_MS);
    WAIT(p, probe_is_up);
    ASK(p, "SET", "k", "1");
    probe_wait_in_order(p);
    redis_server_freeze(p->server);
    for (int i = 0; i < 50; i++)
        ASK(p, "INCR", "k");
    redis_server_kill(p->server);
    probe_wait_in_order(p);
    for (int i = 1; i <= 50; i++)
        assert_int_equal(p->answers[i].err, ERR_UNKNOWN);
    assert_int_equal(p->downs, 1);
    assert_int_equal(p->reason, REDIS_CLOSED);
    WAIT(p, failed_often);
    assert_int_equal(redis_link_reason(p->link), REDIS_REFUSED);
    redis_server_restart(p->server, true);
    WAIT(p, probe_is_up);
    buf_clear(&p->text);
    ASK(p, "EXISTS", "k");
    probe_wait_in_order(p);
    assert_string_equal(p->text.data, "1\n"); /* the AOF was kept */
    redis_server_restart(p->server, false);
    WAIT(p, probe_is_down);
    WAIT(p, probe_is_up);
    ASK(p, "EXISTS", "k");
    probe_wait_in_order(p);
    assert_string_equal(p->text.data, "1\n0\n");
    assert_int_equal(redis_link_epoch(p->link), 3);
    struct redis_link_stats s;
    redis_link_stats(p->link, &s);
    assert_int_equal(s.reconnects, 2);
    assert_int_equal(s.failures, 50);
    assert_int_equal(metrics_get(METRIC_REDIS_RECONNECTS) - reconnects, 2);
    redis_server_good(p->server);
}

static bool is_past(void *arg)
{
    return clock_mono_ms() >= *(uint64_t *)arg;
}

static void test_freeze(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    start_link(p, 1000);
    WAIT(p, probe_is_up);
    redis_server_freeze(p->server);
    uint64_t start_ms = clock_mono_ms(), later_ms = start_ms + 500;
    ASK(p, "INCR", "k");
    ASK(p, "INCR", "k");
    assert_true(loop_wait(p->loop, is_past, &later_ms, LOOP_WAIT_MS));
    ASK(p, "INCR", "k");
    assert_int_equal(p->answered, 0);
    probe_wait_in_order(p);
    assert_in_range(clock_mono_ms() - start_ms, 1000,
                    1499); /* the first one's deadline, not the last one's */
    assert_int_equal(p->answers[0].err, ERR_TIMEOUT);
    assert_int_equal(p->answers[1].err, ERR_TIMEOUT);
    assert_int_equal(p->answers[2].err, ERR_UNKNOWN);
    assert_int_equal(p->downs, 1);
    assert_int_equal(p->reason, REDIS_TIMEOUT);
    WAIT(p, failed_often); /* connects succeed, greetings are not answered */
    assert_int_equal(redis_link_reason(p->link), REDIS_TIMEOUT);
    ASK(p, "INCR", "k");
    probe_wait_in_order(p);
    assert_int_equal(p->answers[3].err, ERR_UNAVAILABLE);
    redis_server_thaw(p->server);
    WAIT(p, probe_is_up);
    ASK(p, "GET", "k");
    probe_wait_in_order(p);
    assert_int_equal(p->answers[4].err, ERR_NONE);
    assert_int_equal(p->answered, 5);
    redis_server_good(p->server);
}

/* This process stands still longer than the deadline while the answer is already here. */
static void test_late_reader(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    start_link(p, 300);
    WAIT(p, probe_is_up);
    ASK(p, "INCR", "k");
    loop_flush(p->loop);
    for (uint64_t end_ms = clock_mono_ms() + 400; clock_mono_ms() < end_ms;)
        while (strcmp(REDIS_ASK(p->server, "GET", "k"), "1") != 0)
            ;
    probe_wait_in_order(p);
    assert_int_equal(p->answers[0].err, ERR_NONE);
    assert_int_equal(p->downs, 0);
    redis_server_good(p->server);
}

static bool is_loading(void *arg)
{
    struct probe *p = arg;
    return redis_link_reason(p->link) == REDIS_LOADING;
}

static void test_loading(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(
        (const char *const[]){"--key-load-delay", "150", "--aof-use-rdb-preamble", "no", NULL});
    start_link(p, PATIENT_MS);
    WAIT(p, probe_is_up);
    REDIS_ASK(p->server, "EVAL", "for i = 1, 6000 do redis.call('SET', 'k' .. i, 'x') end", "0");
    redis_server_relaunch(p->server, true);
    WAIT(p, is_loading);
    WAIT(p, probe_is_up);
    ASK(p, "DBSIZE");
    probe_wait_in_order(p);
    assert_string_equal(p->text.data, "6000\n");
    redis_server_good(p->server);
}

static void test_readonly(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    start_link(p, PATIENT_MS);
    WAIT(p, probe_is_up);
    REDIS_ASK(p->server, "REPLICAOF", "127.0.0.1", "1");
    ASK(p, "SET", "k", "v");
    ASK(p, "SET", "k", "v");
    ASK(p, "PING");
    probe_wait_in_order(p);
    assert_int_equal(p->answers[0].err, PROBE_ERROR_REPLY); /* passed on; then the link is left */
    assert_int_equal(p->answers[1].err, ERR_UNKNOWN);
    assert_int_equal(p->answers[2].err, ERR_UNKNOWN);
    assert_int_equal(p->reason, REDIS_READONLY);
    REDIS_ASK(p->server, "REPLICAOF", "NO", "ONE");
    WAIT(p, probe_is_up);
    redis_server_good(p->server);
}

static int open_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

enum { FLEET = 10, FLEET_ROUNDS = 10 };

static bool all_in_epoch(struct redis_link *const *links, uint64_t epoch)
{
    for (int i = 0; i < FLEET; i++)
        if (redis_link_epoch(links[i]) != epoch || !redis_link_up(links[i]))
            return false;
    return true;
}

struct fleet {
    struct redis_link *links[FLEET];
    uint64_t epoch;
};

static bool fleet_is_up(void *arg)
{
    struct fleet *f = arg;
    return all_in_epoch(f->links, f->epoch);
}

static void test_hundred_reconnects(void **state)
{
    struct probe *p = *state;
    struct fleet f = {.epoch = 1};
    size_t blocks = 0;
    int fds = 0;
    p->server = redis_server_start(NULL);
    for (int i = 0; i < FLEET; i++) {
        f.links[i] =
            redis_link_new(p->loop, &(struct redis_link_options){.address = redis_server_address(p->server),
                                                                 .name = "test",
                                                                 .command_timeout_ms = 5000,
                                                                 .connect_timeout_ms = 5000});
        redis_subscribe(f.links[i], STR("c")); /* the longer way up */
    }
    assert_true(loop_wait(p->loop, fleet_is_up, &f, LOOP_WAIT_MS));
    while (f.epoch <= FLEET_ROUNDS) {
        assert_string_equal(REDIS_ASK(p->server, "CLIENT", "KILL", "TYPE", "pubsub"), "10");
        f.epoch++;
        assert_true(loop_wait(p->loop, fleet_is_up, &f, LOOP_WAIT_MS));
        if (f.epoch == 3) {
            blocks = mem_live_count();
            fds = open_fds();
        }
    }
    assert_int_equal(mem_live_count(), blocks);
    assert_int_equal(open_fds(), fds);
    assert_string_equal(REDIS_ASK(p->server, "PUBSUB", "NUMSUB", "c"), "c\n10\n");
    for (int i = 0; i < FLEET; i++)
        redis_link_free(f.links[i]);
    redis_server_good(p->server);
}

static bool has_three(void *arg)
{
    struct probe *p = arg;
    return p->messages.data != NULL && strstr(p->messages.data, "three\n") != NULL;
}

static void test_subscriber(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    p->link = new_link(p, PATIENT_MS);
    redis_subscribe(p->link, STR("room_events"));
    redis_subscribe(p->link, STR("room_events:me"));
    WAIT(p, probe_is_up);
    assert_string_equal(REDIS_ASK(p->server, "PUBLISH", "room_events", "one"), "1"); /* up = confirmed */
    assert_string_equal(REDIS_ASK(p->server, "PUBLISH", "room_events:me", "two"), "1");
    assert_string_equal(REDIS_ASK(p->server, "PUBLISH", "room_events", "three"), "1");
    WAIT(p, has_three);
    assert_string_equal(p->messages.data, "room_events=one\nroom_events:me=two\nroom_events=three\n");
    redis_server_restart(p->server, false);
    WAIT(p, probe_is_down);
    WAIT(p, probe_is_up);
    buf_clear(&p->messages);
    assert_string_equal(REDIS_ASK(p->server, "PUBLISH", "room_events:me", "four"), "1");
    assert_string_equal(REDIS_ASK(p->server, "PUBLISH", "room_events", "three"), "1");
    WAIT(p, has_three);
    assert_string_equal(p->messages.data, "room_events:me=four\nroom_events=three\n");
    redis_server_good(p->server);
}

static bool link_is_free(void *arg)
{
    struct probe *p = arg;
    return p->link == NULL && p->answered == p->asked;
}

static void test_free_inside_callbacks(void **state)
{
    struct probe *p = *state;
    enum { IN_REPLY, IN_MESSAGE, AFTER_LOSS, IN_REFUSAL, ROUNDS };
    p->server = redis_server_start(NULL);
    for (int round = 0; round < ROUNDS; round++) {
        p->ups = p->downs = 0;
        p->free_in_callback = false;
        p->link = new_link(p, PATIENT_MS);
        if (round == IN_MESSAGE)
            redis_subscribe(p->link, STR("c"));
        WAIT(p, probe_is_up);
        if (round == IN_REFUSAL) {
            redis_server_kill(p->server);
            WAIT(p, probe_is_down);
        }
        p->free_in_callback = true;
        if (round == AFTER_LOSS)
            redis_server_freeze(p->server);
        for (int i = 0; i < 3 && round != IN_MESSAGE; i++)
            ASK(p, "PING"); /* the first answer frees, the others follow from there */
        if (round == AFTER_LOSS)
            redis_server_restart(p->server, true);
        if (round == IN_MESSAGE) /* two in one read */
            REDIS_ASK(p->server, "EVAL", "redis.call('PUBLISH', 'c', 'x') redis.call('PUBLISH', 'c', 'y')",
                      "0");
        WAIT(p, link_is_free);
    }
    probe_wait_in_order(p);
    static const int expected[] = {ERR_NONE,        ERR_UNKNOWN,     ERR_UNKNOWN, /* IN_REPLY */
                                   ERR_UNKNOWN,     ERR_UNKNOWN,     ERR_UNKNOWN, /* AFTER_LOSS */
                                   ERR_UNAVAILABLE, ERR_UNAVAILABLE, ERR_UNAVAILABLE};
    assert_int_equal(p->answered, 9);
    for (int i = 0; i < 9; i++)
        assert_int_equal(p->answers[i].err, expected[i]);
    assert_string_equal(p->messages.data, "c=x\n");
    redis_server_good(p->server);
}

/* At any moment of its life, with calls under way. */
static void test_free_at_any_time(void **state)
{
    struct probe *p = *state;
    bool was_up = false;
    p->server = redis_server_start(NULL);
    for (int turns = 0; !was_up || turns % 20 != 0; turns++) {
        p->ups = p->downs = 0;
        p->link = new_link(p, PATIENT_MS);
        if (turns % 2)
            redis_subscribe(p->link, STR("c"));
        for (int i = 0; i < turns / 2 && !redis_link_up(p->link); i++)
            loop_turn(p->loop);
        was_up = redis_link_up(p->link);
        ASK(p, "PING");
        redis_link_free(p->link);
        p->link = NULL;
        assert_int_equal(p->answered, p->asked);
    }
    probe_wait_in_order(p);
    assert_int_equal(p->answers[0].err, ERR_UNAVAILABLE); /* before the first pass */
    assert_int_equal(p->answers[p->answered - 1].err, ERR_UNKNOWN);
    redis_server_good(p->server);
}

int main(void)
{
    probe_setup_log();
    const struct CMUnitTest tests[] = {
        PROBE_TEST(test_replies),
        PROBE_TEST(test_one_write_per_pass),
        PROBE_TEST(test_big),
        PROBE_TEST(test_refused_then_appears),
        PROBE_TEST(test_kill),
        PROBE_TEST(test_freeze),
        PROBE_TEST(test_late_reader),
        PROBE_TEST(test_loading),
        PROBE_TEST(test_readonly),
        PROBE_TEST(test_hundred_reconnects),
        PROBE_TEST(test_subscriber),
        PROBE_TEST(test_free_inside_callbacks),
        PROBE_TEST(test_free_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
