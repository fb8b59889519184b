/* The stock of mem_take, which the sanitizer's builds are otherwise without. */
#define MEM_STOCK 1
#include "common/mem.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void empty_stock(void)
{
    for (size_t i = 0; i < SIZES; i++) {
        for (struct kept *k; (k = stock[i].first) != NULL;) {
            stock[i].first = k->next;
            free(k);
        }
        stock[i].bytes = 0;
    }
}

static int teardown(void **state)
{
    (void)state;
    empty_stock();
    return mem_live_count() == 0 ? 0 : -1;
}

/* Takes a block, writes to all of it, gives it back; says where it was. */
static uintptr_t visit(size_t bytes)
{
    char *block = mem_take(bytes);
    uintptr_t at = (uintptr_t)block;
    memset(block, 'v', bytes);
    mem_give(block, bytes);
    return at; /* NOLINT(clang-analyzer-unix.Malloc): where it was, not what is there */
}

static void the_last_one_comes_first(void **state)
{
    (void)state;
    char *a = mem_take(100);
    uintptr_t first = (uintptr_t)a, last = visit(128);
    assert_int_not_equal(first, last);
    assert_int_equal(mem_live_count(), 1);
    mem_give(a, 100);
    assert_int_equal(mem_live_count(), 0);
    a = mem_take(128); /* sizes are rounded up */
    assert_int_equal((uintptr_t)a, first);
    assert_int_equal(visit(65), last);
    assert_int_equal(mem_live_count(), 1);
    mem_give(a, 128);
}

static void sizes_do_not_mix(void **state)
{
    (void)state;
    uintptr_t small = visit(STEP), next = visit(STEP + 1), largest = visit((size_t)SIZES * STEP);
    assert_int_not_equal(small, next);
    assert_int_not_equal(next, largest);
    assert_int_equal(visit(1), small);
    assert_int_equal(visit((size_t)2 * STEP), next);
    assert_int_equal(visit((size_t)SIZES * STEP - STEP + 1), largest);
}

static void what_is_larger_is_not_kept(void **state)
{
    (void)state;
    mem_give(mem_take((size_t)SIZES * STEP + 1), (size_t)SIZES * STEP + 1);
    mem_give(mem_take(0), 0);
    for (size_t i = 0; i < SIZES; i++)
        assert_null(stock[i].first);
}

static void the_stock_is_bounded(void **state)
{
    enum { COUNT = STOCK_BYTES_MAX / STEP + 50 };
    static char *blocks[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        blocks[i] = mem_take(STEP);
    for (size_t i = 0; i < COUNT; i++)
        mem_give(blocks[i], STEP);
    assert_int_equal(stock[0].bytes, STOCK_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_last_one_comes_first, teardown),
        cmocka_unit_test_teardown(sizes_do_not_mix, teardown),
        cmocka_unit_test_teardown(what_is_larger_is_not_kept, teardown),
        cmocka_unit_test_teardown(the_stock_is_bounded, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
