/* Tests of calls that wait for their turn: order, copies, and when one may go. */
#include "matchmaking/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/mem.h"

#include <cmocka.h>

static const struct script one_script = {"one", "", 0, {0}};

static bool wait_with(struct turns *t, char *text)
{
    struct str key = str_of(text), args[2] = {{0}, str_of(text)};
    return turns_wait(t, &one_script, &key, 1, args, 2, NULL, NULL);
}

static void the_first_come_first(void **state)
{
    (void)state;
    struct turns t;
    turns_init(&t);
    char text[] = "a";
    assert_false(turns_full(&t));
    t.under_way = TURNS_UNDER_WAY;
    assert_true(turns_full(&t));
    assert_null(turns_next(&t, true));
    for (; *text <= 'c'; (*text)++)
        assert_true(wait_with(&t, text)); /* the text changes afterwards */
    assert_null(turns_next(&t, false));
    t.under_way--;
    assert_true(turns_full(&t)); /* whoever comes now stands behind those who wait */
    for (int want = 'a'; want <= 'c'; want++) {
        struct turn *turn = turns_next(&t, false);
        assert_ptr_equal(turn->script, &one_script);
        assert_int_equal(turn->key_count, 1);
        assert_int_equal(turn->arg_count, 2);
        assert_true(turn->texts[0].n == 1 && *turn->texts[0].p == want);
        assert_int_equal(turn->texts[1].n, 0);
        assert_true(turn->texts[2].n == 1 && *turn->texts[2].p == want);
        mem_free(turn);
    }
    assert_false(turns_full(&t));
    assert_null(turns_next(&t, true));
}

static void at_the_end_all_go(void **state)
{
    (void)state;
    struct turns t;
    turns_init(&t);
    t.under_way = TURNS_UNDER_WAY;
    char text[] = "x";
    for (int i = 0; i < TURNS_WAITING_MAX; i++)
        assert_true(wait_with(&t, text));
    assert_false(wait_with(&t, text));
    int count = 0;
    for (struct turn *turn; (turn = turns_next(&t, true)) != NULL; mem_free(turn))
        count++;
    assert_int_equal(count, TURNS_WAITING_MAX);
    assert_int_equal(mem_live_count(), 0);
}

/* A batch takes as many places as there are calls in it, and gives them all back with its answer. */
static void a_batch_counts_by_its_calls(void **state)
{
    (void)state;
    struct turns t;
    turns_init(&t);
    char text[] = "x";
    for (int i = 0; i < TURNS_UNDER_WAY / 16 - 1; i++)
        turns_went(&t, 16);
    assert_false(turns_full(&t));
    turns_went(&t, 1);
    turns_went(&t, 15);
    assert_true(turns_full(&t));
    assert_true(wait_with(&t, text));
    assert_null(turns_next(&t, false));
    turns_came(&t);
    assert_int_equal(t.under_way, TURNS_UNDER_WAY - 16);
    struct turn *turn = turns_next(&t, false);
    assert_non_null(turn);
    mem_free(turn);
    for (int round = 0; round < 300; round++) { /* around the ring, and beyond its first size */
        turns_went(&t, (size_t)round % 7 + 1);
        turns_went(&t, 2);
        turns_came(&t);
    }
    while (t.size_count > 0)
        turns_came(&t);
    assert_int_equal(t.under_way, 0);
    turns_close(&t);
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_come_first),
        cmocka_unit_test(at_the_end_all_go),
        cmocka_unit_test(a_batch_counts_by_its_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
