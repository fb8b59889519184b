/* Tests of common/metrics.c: counting, labels and the exposition text. State is the process's, so names
 * differ by test. */
#include "common/mem.h"
#include "common/metrics.h"
#include "tests/unit/common/aborts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct buf out;

static bool printed(const char *line)
{
    return strstr(out.data, line) != NULL;
}

static int count_of(const char *needle)
{
    int n = 0;
    for (const char *at = out.data; (at = strstr(at, needle)) != NULL; at++)
        n++;
    return n;
}

static void print(const char *instance)
{
    buf_clear(&out);
    metrics_use(0, instance);
    metrics_print(&out, METRICS_EACH);
}

static void counters_and_gauges(void **state)
{
    (void)state;
    metrics_add(METRIC_MESSAGES_IN, 2);
    metrics_add(METRIC_MESSAGES_IN, 3);
    metrics_set(METRIC_CONNECTIONS, 9);
    metrics_add(METRIC_CONNECTIONS, -10);
    assert_int_equal(metrics_get(METRIC_MESSAGES_IN), 5);
    assert_int_equal(metrics_get(METRIC_CONNECTIONS), -1);
    print("");
    assert_true(printed("\nmatchgate_messages_received_total 5\n"));
    assert_true(printed("\nmatchgate_connections -1\n") ||
                printed("# TYPE matchgate_connections gauge\nmatchgate_connections -1\n"));
    assert_true(printed("\nmatchgate_queued_players 0\n")); /* shown before it is ever used */
}

static void head_lines_once_with_the_remedy(void **state)
{
    (void)state;
    metrics_add_for(METRIC_ERRORS, "A", 1);
    metrics_add_for(METRIC_ERRORS, "B", 1);
    print("");
    assert_int_equal(count_of("# HELP matchgate_errors_total "), 1);
    assert_int_equal(count_of("# TYPE matchgate_errors_total counter\n"), 1);
    assert_true(printed("Errors answered to clients, by code. Remedy: SERVICE_DEGRADED: Redis"));
    assert_true(printed("# HELP matchgate_messages_sent_total Messages queued to clients.\n"));
    assert_int_equal(count_of("# HELP "), METRIC_COUNT);
    assert_int_equal(count_of("# TYPE "), METRIC_COUNT);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    metrics_add_for(METRIC_HANDSHAKES_REFUSED, "a\"b\\c\nd", 4);
    print("i1");
    assert_true(
        printed("\nmatchgate_handshakes_refused_total{instance=\"i1\",reason=\"a\\\"b\\\\c\\nd\"} 4\n"));
    assert_true(printed("\nmatchgate_messages_received_total{instance=\"i1\"} 5\n"));
    print("");
    assert_true(printed("\nmatchgate_messages_received_total 5\n"));
}

static void too_many_label_values_become_other(void **state)
{
    char value[64];
    (void)state;
    for (int i = 0; i < 80; i++) {
        (void)snprintf(value, sizeof value, "v%d", i);
        metrics_add_for(METRIC_CONNECTIONS_CLOSED, value, 1);
    }
    metrics_add_for(METRIC_CONNECTIONS_CLOSED, "v3", 1);
    assert_int_equal(metrics_get(METRIC_CONNECTIONS_CLOSED), 81);
    print("");
    assert_true(printed("\nmatchgate_connections_closed_total{code=\"v3\"} 2\n"));
    assert_true(printed("\nmatchgate_connections_closed_total{code=\"v63\"} 1\n"));
    assert_false(printed("code=\"v64\""));
    assert_true(printed("\nmatchgate_connections_closed_total{code=\"other\"} 16\n"));
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    metrics_add_for(METRIC_SWEPT, value, 1);
    metrics_add_for(METRIC_SWEPT, value, 1); /* cut, and the same again */
    print("");
    assert_int_equal(count_of("matchgate_swept_total{"), 1);
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    metrics_observe_for(METRIC_SCRIPT_SECONDS, "join", 0.0001); /* a bound belongs to its bucket */
    metrics_observe_for(METRIC_SCRIPT_SECONDS, "join", 0.0042);
    metrics_observe_for(METRIC_SCRIPT_SECONDS, "join", 11);
    metrics_observe_for(METRIC_SCRIPT_SECONDS, "join", -1); /* counts as 0 */
    metrics_observe_for(METRIC_SCRIPT_SECONDS, "join", NAN);
    print("1");
    assert_true(printed("# TYPE matchgate_script_seconds histogram\n"));
    assert_true(
        printed("\nmatchgate_script_seconds_bucket{instance=\"1\",script=\"join\",le=\"0.0001\"} 3\n"));
    assert_true(
        printed("\nmatchgate_script_seconds_bucket{instance=\"1\",script=\"join\",le=\"0.002\"} 3\n"));
    assert_true(
        printed("\nmatchgate_script_seconds_bucket{instance=\"1\",script=\"join\",le=\"0.005\"} 4\n"));
    assert_true(printed("\nmatchgate_script_seconds_bucket{instance=\"1\",script=\"join\",le=\"10\"} 4\n"));
    assert_true(printed("\nmatchgate_script_seconds_bucket{instance=\"1\",script=\"join\",le=\"+Inf\"} 5\n"));
    assert_true(printed("\nmatchgate_script_seconds_sum{instance=\"1\",script=\"join\"} 11.004300\n"));
    assert_true(printed("\nmatchgate_script_seconds_count{instance=\"1\",script=\"join\"} 5\n"));
    metrics_observe(METRIC_ROOM_EVENT_LAG, 1);
    print("");
    assert_true(printed(
        "\nroom_event_lag_seconds_bucket{le=\"0.5\"} 0\nroom_event_lag_seconds_bucket{le=\"1\"} 1\n"));
    assert_true(printed("\nroom_event_lag_seconds_count 1\n"));
    assert_true(printed("\nmatchgate_join_to_match_seconds_count 0\n"));
}

static void observe_a_counter(void *arg)
{
    (void)arg;
    metrics_observe(METRIC_MESSAGES_IN, 1);
}

static void lower_a_counter(void *arg)
{
    (void)arg;
    metrics_add(METRIC_MESSAGES_IN, -1);
}

static void forget_the_label(void *arg)
{
    (void)arg;
    metrics_add(METRIC_ERRORS, 1);
}

static void label_without_need(void *arg)
{
    (void)arg;
    metrics_add_for(METRIC_MESSAGES_IN, "x", 1);
}

static void misuse_is_a_bug(void **state)
{
    (void)state;
    assert_true(aborts(observe_a_counter, NULL));
    assert_true(aborts(lower_a_counter, NULL));
    assert_true(aborts(forget_the_label, NULL));
    assert_true(aborts(label_without_need, NULL));
}

static int close_out(void **state)
{
    (void)state;
    buf_close(&out);
    return mem_live_count() == 0 ? 0 : -1; /* counting allocates nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges),       cmocka_unit_test(head_lines_once_with_the_remedy),
        cmocka_unit_test(labels_are_escaped),        cmocka_unit_test(too_many_label_values_become_other),
        cmocka_unit_test(histograms_are_cumulative), cmocka_unit_test(misuse_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, close_out);
}
