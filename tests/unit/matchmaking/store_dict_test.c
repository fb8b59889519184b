/* Tests of the hash table: lookups, memory that follows the contents, and walks that survive resizing. */
#include "common/mem.h"
#include "matchmaking/store_dict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STAY = 500, NUMBERS_MAX = 9000 };

struct walk {
    struct store_dict dict;
    int seen[NUMBERS_MAX];
};

static struct str key_of(int i)
{
    static char text[16];
    return (struct str){text, (size_t)snprintf(text, sizeof text, "%d", i)};
}

static void fill(struct store_dict *d, int from, int to)
{
    for (int i = from; i < to; i++) {
        bool created;
        store_dict_put(d, key_of(i), &created)->value = d;
        assert_true(created);
    }
}

static void clear(struct store_dict *d, int from, int to)
{
    for (int i = from; i < to; i++) {
        void *value = NULL;
        assert_true(store_dict_remove(d, key_of(i), &value));
        assert_ptr_equal(value, d);
    }
}

static void lookups(void **state)
{
    struct store_dict d;
    (void)state;
    store_dict_init(&d, 5);
    assert_null(store_dict_find(&d, STR("a")));
    assert_false(store_dict_remove(&d, STR("a"), NULL));
    fill(&d, 0, 3000);
    fill(&d, -1, 0);
    assert_int_equal(d.count, 3001);
    for (int i = -1; i < 3000; i++)
        assert_true(str_eq(store_dict_key(store_dict_find(&d, key_of(i))), key_of(i)));
    assert_null(store_dict_find(&d, key_of(3000)));
    bool created = true;
    assert_ptr_equal(store_dict_put(&d, key_of(7), &created), store_dict_find(&d, key_of(7)));
    assert_false(created);
    store_dict_put(&d, STR("\0\0"), &created);
    assert_true(created); /* any bytes, also the empty key */
    store_dict_put(&d, STR("\0"), &created);
    assert_true(created);
    store_dict_put(&d, STR(""), &created);
    assert_true(created);
    store_dict_close(&d, NULL);
    assert_int_equal(mem_live_count(), 0);
}

static void size_follows(void **state)
{
    struct store_dict d;
    (void)state;
    store_dict_init(&d, 5);
    fill(&d, 0, 5000);
    assert_in_range(d.bucket_count, 5000, 10000);
    clear(&d, 100, 5000);
    assert_true(d.bucket_count <= 100 * 8 * 2);
    clear(&d, 0, 100);
    assert_null(d.buckets);
    assert_int_equal(mem_live_count(), 0);
}

/* The same seed gives the same order, another seed another one: buckets cannot be foreseen. */
static void seed_decides(void **state)
{
    struct store_dict a, b, c;
    struct store_dict_walk wa = {0}, wb = {0}, wc = {0};
    int differ = 0;
    (void)state;
    store_dict_init(&a, 1);
    store_dict_init(&b, 1);
    store_dict_init(&c, 2);
    fill(&a, 0, 100);
    fill(&b, 0, 100);
    fill(&c, 0, 100);
    for (int i = 0; i < 100; i++) {
        struct str key = store_dict_key(store_dict_next(&a, &wa));
        assert_true(str_eq(key, store_dict_key(store_dict_next(&b, &wb))));
        differ += !str_eq(key, store_dict_key(store_dict_next(&c, &wc)));
    }
    assert_null(store_dict_next(&a, &wa));
    assert_true(differ > 50);
    store_dict_close(&a, NULL);
    store_dict_close(&b, NULL);
    store_dict_close(&c, NULL);
}

static void note_seen(void *arg, struct store_dict_entry *e)
{
    int64_t number = -1;
    assert_true(str_to_int(store_dict_key(e), &number));
    ((struct walk *)arg)->seen[number]++;
}

/* Walks from a table of `before` numbers; at step `at` it becomes one of `after`. Those below STAY stay all
 * the time. */
static void walk_while_resizing(int before, int after, int at)
{
    static struct walk w;
    w = (struct walk){0};
    store_dict_init(&w.dict, 11);
    fill(&w.dict, 0, before);
    uint64_t cursor = 0;
    int steps = 0;
    do {
        cursor = store_dict_scan(&w.dict, cursor, note_seen, &w);
        if (++steps != at)
            continue;
        if (after > before)
            fill(&w.dict, before, after);
        else
            clear(&w.dict, after, before);
    } while (cursor != 0);
    assert_true(steps > at);
    for (int i = 0; i < STAY; i++)
        assert_true(w.seen[i] >= 1);
    store_dict_close(&w.dict, NULL);
}

static void walk_sees_each_once(void **state)
{
    static struct walk w;
    (void)state;
    store_dict_init(&w.dict, 11);
    assert_int_equal(store_dict_scan(&w.dict, 0, note_seen, &w), 0);
    fill(&w.dict, 0, 1000);
    for (uint64_t cursor = 0; (cursor = store_dict_scan(&w.dict, cursor, note_seen, &w)) != 0;)
        continue;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(w.seen[i], 1);
    store_dict_close(&w.dict, NULL);
}

static void walk_survives_resizing(void **state)
{
    (void)state;
    for (int at = 1; at < 500; at += 7) {
        walk_while_resizing(STAY, NUMBERS_MAX, at);
        walk_while_resizing(NUMBERS_MAX, STAY, at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups),
        cmocka_unit_test(size_follows),
        cmocka_unit_test(seed_decides),
        cmocka_unit_test(walk_sees_each_once),
        cmocka_unit_test(walk_survives_resizing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
