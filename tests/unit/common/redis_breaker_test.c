/* The circuit breaker: when it opens, what it lets through, how it closes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "common/redis/breaker.h"

static const struct breaker_options usual = {3, 60, 10000, 30000, 10};

static struct breaker fresh(void)
{
    struct breaker b;
    breaker_init(&b, &usual, 1000);
    return b;
}

static struct breaker opened(uint64_t at_ms)
{
    struct breaker b = fresh();
    for (int i = 0; i < 3; i++)
        (void)breaker_count(&b, false, at_ms);
    assert_int_equal(b.state, BREAKER_OPEN);
    return b;
}

static void test_opens_at_the_third_failure(void **state)
{
    (void)state;
    struct breaker b = fresh();
    assert_false(breaker_count(&b, false, 1000));
    assert_false(breaker_count(&b, false, 1001));
    assert_true(breaker_allow(&b, 1001));
    assert_true(breaker_count(&b, false, 1002));
    assert_false(breaker_allow(&b, 1002));
}

static void test_needs_sixty_percent(void **state)
{
    (void)state;
    struct breaker b = fresh();
    for (int i = 0; i < 4; i++)
        assert_false(breaker_count(&b, true, 1000));
    for (int i = 0; i < 5; i++)
        assert_false(breaker_count(&b, false, 1000)); /* 5 of 9 */
    assert_true(breaker_count(&b, false, 1000));      /* 6 of 10 */
}

static void test_old_failures_are_forgotten(void **state)
{
    (void)state;
    struct breaker b = fresh();
    assert_false(breaker_count(&b, false, 1000));
    assert_false(breaker_count(&b, false, 10999));
    assert_false(breaker_count(&b, false, 11000)); /* the first of a new interval */
    assert_int_equal(b.failures, 1);
}

static void test_half_open_lets_ten_through_and_closes(void **state)
{
    (void)state;
    struct breaker b = opened(2000);
    assert_false(breaker_allow(&b, 31999));
    for (int i = 0; i < 10; i++)
        assert_true(breaker_allow(&b, 32000));
    assert_false(breaker_allow(&b, 32000));
    for (int i = 0; i < 9; i++)
        assert_false(breaker_count(&b, true, 32001));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_true(breaker_count(&b, true, 32001));
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void test_half_open_falls_back_on_one_failure(void **state)
{
    (void)state;
    struct breaker b = opened(2000);
    assert_true(breaker_allow(&b, 32000));
    assert_true(breaker_count(&b, false, 32500));
    assert_false(breaker_allow(&b, 62499));
    assert_true(breaker_allow(&b, 62500));
}

static void test_probes_without_outcome_do_not_lock_it(void **state)
{
    (void)state;
    struct breaker b = opened(2000);
    for (int i = 0; i < 10; i++)
        assert_true(breaker_allow(&b, 32000));
    assert_false(breaker_allow(&b, 61999));
    assert_true(breaker_allow(&b, 62000));
}

static void test_late_answers_do_not_matter_while_open(void **state)
{
    (void)state;
    struct breaker b = opened(2000);
    assert_false(breaker_count(&b, true, 3000));
    assert_false(breaker_count(&b, false, 3000));
    assert_false(breaker_allow(&b, 31999));
    assert_true(breaker_allow(&b, 32000));
}

static void test_the_heartbeat_closes_it(void **state)
{
    (void)state;
    struct breaker b = opened(2000);
    assert_true(breaker_close(&b, 2500));
    assert_false(breaker_close(&b, 2500));
    assert_true(breaker_allow(&b, 2500));
    assert_false(breaker_count(&b, false, 2600)); /* counts from nothing again */
    assert_string_equal(breaker_state_name(b.state), "closed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_at_the_third_failure),
        cmocka_unit_test(test_needs_sixty_percent),
        cmocka_unit_test(test_old_failures_are_forgotten),
        cmocka_unit_test(test_half_open_lets_ten_through_and_closes),
        cmocka_unit_test(test_half_open_falls_back_on_one_failure),
        cmocka_unit_test(test_probes_without_outcome_do_not_lock_it),
        cmocka_unit_test(test_late_answers_do_not_matter_while_open),
        cmocka_unit_test(test_the_heartbeat_closes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
