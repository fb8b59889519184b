/* Tests of gateway/estimate.c: what a level's matches took, smoothed, and which levels are known. */
#include "gateway/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_mean(void **state)
{
    (void)state;
    struct estimate *e = estimate_new(10);
    assert_int_equal(estimate_get(e, 3), -1);
    estimate_add(e, 3, 0); /* matched at once is known, too */
    assert_int_equal(estimate_get(e, 3), 0);
    estimate_add(e, 3, 800);
    assert_int_equal(estimate_get(e, 3), 100); /* an eighth of the way */
    estimate_add(e, 11, 5);
    estimate_add(e, -1, 5);
    assert_int_equal(estimate_get(e, 11), -1);
    assert_int_equal(estimate_get(e, -1), -1);
    estimate_free(e);
}

static void test_levels(void **state)
{
    (void)state;
    struct estimate *e = estimate_new(10);
    assert_int_equal(estimate_next(e, -1), -1);
    estimate_add(e, 10, 5);
    estimate_add(e, 0, 5);
    assert_int_equal(estimate_next(e, -1), 0);
    assert_int_equal(estimate_next(e, 0), 10);
    assert_int_equal(estimate_next(e, 10), -1);
    estimate_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mean), cmocka_unit_test(test_levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
