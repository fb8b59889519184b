/* Tests of the list: both ends, the ring's wrap and size, removal from either end. */
#include "common/mem.h"
#include "matchmaking/store_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The list holds the numbers head..tail-1. */
struct numbers {
    struct store_list list;
    int head, tail;
};

static void push(struct numbers *n, bool at_head)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%d", at_head ? --n->head : n->tail++);
    store_list_push(&n->list, at_head, (struct str){text, (size_t)length});
}

static void drop(struct numbers *n, bool at_head)
{
    if (n->head == n->tail)
        return;
    store_list_drop(&n->list, at_head, 1);
    if (at_head)
        n->head++;
    else
        n->tail--;
}

static void check(const struct numbers *n)
{
    const struct store_list *l = &n->list;
    assert_int_equal(l->count, n->tail - n->head);
    assert_true(l->size <= 4 || l->count > l->size / 4);
    for (size_t i = 0; i < l->count; i += 1 + l->count / 5) {
        int64_t number = 0;
        assert_true(str_to_int(store_list_at(l, i), &number));
        assert_int_equal(number, n->head + (int)i);
    }
}

/* Grows and shrinks in turns, at both ends, so that the ring wraps and changes its size many times. */
static void ring(void **state)
{
    struct numbers n = {0};
    size_t longest = 0;
    (void)state;
    srand(3);
    for (int step = 0; step < 20000; step++) {
        bool growing = step % 4000 < 2000;
        if ((rand() % 4 > 0) == growing)
            push(&n, rand() % 2);
        else
            drop(&n, rand() % 2);
        check(&n);
        longest = n.list.count > longest ? n.list.count : longest;
    }
    assert_true(longest > 500);
    store_list_close(&n.list);
    assert_int_equal(mem_live_count(), 0);
}

static void fill(struct store_list *l, const char *letters)
{
    *l = (struct store_list){0};
    for (size_t i = 0; letters[i] != 0; i++)
        store_list_push(l, i % 2, (struct str){letters + i, 1});
}

static void expect(const struct store_list *l, const char *letters)
{
    assert_int_equal(l->count, strlen(letters));
    for (size_t i = 0; i < l->count; i++)
        assert_int_equal(store_list_at(l, i).p[0], letters[i]);
}

static void removal(void **state)
{
    struct store_list l;
    (void)state;
    fill(&l, "dxcxbxax"); /* x x x x d c b a */
    expect(&l, "xxxxdcba");
    assert_int_equal(store_list_remove(&l, STR("x"), 1, true), 1);
    expect(&l, "xxxdcba");
    store_list_push(&l, false, STR("x"));
    assert_int_equal(store_list_remove(&l, STR("x"), 2, false), 2);
    expect(&l, "xxdcba");
    assert_int_equal(store_list_remove(&l, STR("q"), SIZE_MAX, true), 0);
    assert_int_equal(store_list_remove(&l, STR("x"), SIZE_MAX, false), 2);
    expect(&l, "dcba");
    store_list_drop(&l, true, 1);
    store_list_drop(&l, false, 2);
    expect(&l, "c");
    assert_int_equal(store_list_remove(&l, STR("c"), SIZE_MAX, true), 1);
    assert_null(l.ring);
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring),
        cmocka_unit_test(removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
