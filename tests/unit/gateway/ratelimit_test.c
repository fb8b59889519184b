/* The token bucket: burst, long-run rate, honest waiting times, changed settings and extreme numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "gateway/ratelimit.h"

static void burst_passes_then_refuses(void **state)
{
    (void)state;
    struct ratelimit r;
    int64_t wait_ms = -1;
    ratelimit_init(&r, 100, 5000);
    for (int i = 0; i < 100; i++) {
        assert_true(ratelimit_take(&r, 50, 100, 5000, &wait_ms));
        assert_int_equal(wait_ms, 0);
    }
    assert_false(ratelimit_take(&r, 50, 100, 5000, &wait_ms));
    assert_int_equal(wait_ms, 20);
}

static void waiting_time_is_exact(void **state)
{
    (void)state;
    for (int64_t per_s = 1; per_s <= 3000; per_s += 7) {
        struct ratelimit r;
        int64_t wait_ms, again_ms;
        ratelimit_init(&r, 1, 0);
        assert_true(ratelimit_take(&r, per_s, 1, 0, &wait_ms));
        assert_false(ratelimit_take(&r, per_s, 1, 0, &wait_ms));
        assert_true(wait_ms >= 1);
        if (wait_ms > 1)
            assert_false(ratelimit_take(&r, per_s, 1, (uint64_t)wait_ms - 1, &again_ms));
        assert_true(ratelimit_take(&r, per_s, 1, (uint64_t)wait_ms, &again_ms));
    }
}

static void long_run_rate_holds(void **state)
{
    (void)state;
    struct ratelimit r;
    int64_t wait_ms;
    int passed = 0;
    ratelimit_init(&r, 10, 0);
    for (uint64_t now_ms = 0; now_ms <= 60000; now_ms++)
        passed += ratelimit_take(&r, 50, 10, now_ms, &wait_ms);
    assert_int_equal(passed, 10 + 60 * 50);
}

static void refused_counts_in_a_row(void **state)
{
    (void)state;
    struct ratelimit r;
    int64_t wait_ms;
    ratelimit_init(&r, 1, 0);
    assert_true(ratelimit_take(&r, 1, 1, 0, &wait_ms));
    for (uint32_t i = 1; i <= 200; i++) {
        assert_false(ratelimit_take(&r, 1, 1, 0, &wait_ms));
        assert_int_equal(r.refused, i);
    }
    assert_true(ratelimit_take(&r, 1, 1, 1000, &wait_ms));
    assert_int_equal(r.refused, 0);
    r.refused = UINT32_MAX;
    assert_false(ratelimit_take(&r, 1, 1, 1000, &wait_ms));
    assert_int_equal(r.refused, UINT32_MAX);
}

static void no_limit_and_changed_settings(void **state)
{
    (void)state;
    struct ratelimit r;
    int64_t wait_ms;
    ratelimit_init(&r, 1, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(ratelimit_take(&r, 0, 1, 0, &wait_ms));
    ratelimit_init(&r, 1000, 0); /* a smaller burst counts at once */
    assert_true(ratelimit_take(&r, 10, 2, 0, &wait_ms));
    assert_true(ratelimit_take(&r, 10, 2, 0, &wait_ms));
    assert_false(ratelimit_take(&r, 10, 2, 0, &wait_ms));
    ratelimit_init(&r, 0, 0); /* burst 0 would let nothing pass for ever */
    assert_true(ratelimit_take(&r, 10, 0, 0, &wait_ms));
    assert_false(ratelimit_take(&r, 10, 0, 0, &wait_ms));
    assert_true(ratelimit_take(&r, 10, 0, 100, &wait_ms));
}

static void extreme_numbers_do_not_overflow(void **state)
{
    (void)state;
    struct ratelimit r;
    int64_t wait_ms;
    ratelimit_init(&r, 1, 0);
    assert_true(ratelimit_take(&r, INT64_MAX / 2000, INT64_MAX, UINT64_MAX, &wait_ms));
    ratelimit_init(&r, 1, UINT64_MAX);
    assert_true(
        ratelimit_take(&r, 1, 1, 5, &wait_ms)); /* a clock that went back gives nothing and takes nothing */
    assert_false(ratelimit_take(&r, 1, 1, 4, &wait_ms));
    ratelimit_init(&r, 2, 0);
    assert_true(ratelimit_take(&r, 1, 2, 0, &wait_ms));
    assert_true(ratelimit_take(&r, 1, 2, 0, &wait_ms));
    assert_true(
        ratelimit_take(&r, 1, 2, UINT64_MAX - 1, &wait_ms)); /* half an eternity fills two tokens, not more */
    assert_true(ratelimit_take(&r, 1, 2, UINT64_MAX - 1, &wait_ms));
    assert_false(ratelimit_take(&r, 1, 2, UINT64_MAX - 1, &wait_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_passes_then_refuses),     cmocka_unit_test(waiting_time_is_exact),
        cmocka_unit_test(long_run_rate_holds),           cmocka_unit_test(refused_counts_in_a_row),
        cmocka_unit_test(no_limit_and_changed_settings), cmocka_unit_test(extreme_numbers_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
