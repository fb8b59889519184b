/* Tests of common/metrics.c among several processes: each counts for itself, anybody prints for all. */
#include "common/mem.h"
#include "common/metrics.h"
#include "tests/unit/common/aborts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct buf out;

static bool printed(int process, const char *line)
{
    buf_clear(&out);
    metrics_print(&out, process);
    return strstr(out.data, line) != NULL;
}

/* A child that counts as `process` and has ended when this returns. */
static void work(int process, const char *instance, int64_t messages, const char *code, double seconds)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        metrics_use(process, instance);
        metrics_add(METRIC_MESSAGES_IN, messages);
        metrics_set(METRIC_CONNECTIONS, messages);
        metrics_add_for(METRIC_ERRORS, code, 1);
        metrics_observe(METRIC_MATCH_SECONDS, seconds);
        _exit(EXIT_SUCCESS);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void each_for_itself(void **state)
{
    (void)state;
    work(0, "one", 3, "BUSY", 0.0001);
    work(2, "three", 4, "BUSY", 3);
    work(2, "three", 0, "INTERNAL", 3);
    assert_int_equal(metrics_processes(), 3);
    assert_string_equal(metrics_instance(0), "one");
    assert_string_equal(metrics_instance(1), "");
    assert_int_equal(metrics_get_of(2, METRIC_MESSAGES_IN), 4);
    assert_true(printed(METRICS_EACH,
                        "\nmatchgate_messages_received_total{instance=\"one\",worker=\"0\"} 3\n"
                        "matchgate_messages_received_total{instance=\"three\",worker=\"2\"} 4\n"));
    assert_false(printed(METRICS_EACH, "worker=\"1\""));
    assert_true(printed(0, "{instance=\"one\",worker=\"0\"} 3\n"));
    assert_false(printed(0, "instance=\"three\""));
}

static void the_sum(void **state)
{
    (void)state;
    assert_true(printed(METRICS_SUM, "\nmatchgate_messages_received_total 7\n"));
    assert_true(printed(METRICS_SUM, "\nmatchgate_errors_total{code=\"BUSY\"} 2\n"));
    assert_true(printed(METRICS_SUM, "\nmatchgate_errors_total{code=\"INTERNAL\"} 1\n"));
    assert_true(printed(METRICS_SUM, "\nmatchgate_join_to_match_seconds_bucket{le=\"0.0001\"} 1\n"));
    assert_true(printed(METRICS_SUM, "\nmatchgate_join_to_match_seconds_bucket{le=\"5\"} 3\n"));
    assert_true(printed(METRICS_SUM, "\nmatchgate_join_to_match_seconds_sum 6.000100\n"));
    assert_true(printed(METRICS_SUM, "\nmatchgate_matches_total 0\n"));
}

static void who_ended_leaves_his_counters(void **state)
{
    (void)state;
    work(1, "two", 5, "BUSY", 1);
    assert_true(printed(METRICS_SUM, "\nmatchgate_messages_received_total 12\n"));
    metrics_ended(1);
    assert_string_equal(metrics_instance(1), "");
    assert_true(printed(METRICS_SUM, "\nmatchgate_messages_received_total 12\n"));
    assert_int_equal(metrics_get_of(1, METRIC_CONNECTIONS), 0);
    assert_false(printed(METRICS_EACH, "instance=\"two\""));
    work(1, "four", 1, "BUSY", 1); /* its successor goes on from there */
    assert_true(printed(1, "\nmatchgate_messages_received_total{instance=\"four\",worker=\"1\"} 6\n"));
}

static void use_a_fourth(void *arg)
{
    (void)arg;
    metrics_use(3, "x");
}

static void only_as_many_as_were_announced(void **state)
{
    (void)state;
    assert_true(aborts(use_a_fourth, NULL));
}

static int close_out(void **state)
{
    (void)state;
    buf_close(&out);
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_for_itself),
        cmocka_unit_test(the_sum),
        cmocka_unit_test(who_ended_leaves_his_counters),
        cmocka_unit_test(only_as_many_as_were_announced),
    };
    metrics_share(3);
    return cmocka_run_group_tests(tests, NULL, close_out);
}
