/* Tests of common/map.c, the last one against a plain array. */
#include "common/map.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void put_find_remove(void **state)
{
    struct map *m = map_new();
    char key[] = "player";
    int a, b;
    (void)state;
    assert_null(map_find(m, STR("player")));
    assert_null(map_remove(m, STR("player")));
    map_put(m, str_of(key), &a);
    key[0] = 'X'; /* keys are copied */
    assert_ptr_equal(map_find(m, STR("player")), &a);
    map_put(m, STR("player"), &b);
    assert_int_equal(map_count(m), 1);
    assert_ptr_equal(map_remove(m, STR("player")), &b);
    assert_int_equal(map_count(m), 0);
    map_free(m);
    map_free(NULL);
}

static void any_bytes_are_a_key(void **state)
{
    struct map *m = map_new();
    int values[5];
    struct str keys[] = {{NULL, 0}, {"a", 1}, {"a\0b", 3}, {"a\0c", 3}, {"a\0", 2}};
    (void)state;
    for (int i = 0; i < 5; i++)
        map_put(m, keys[i], &values[i]);
    assert_int_equal(map_count(m), 5);
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(map_find(m, keys[i]), &values[i]);
    assert_ptr_equal(map_find(m, STR("")), &values[0]);
    map_free(m);
}

struct walk {
    struct map *map;
    int sum;
};

static void remove_even(void *arg, struct str key, void *value)
{
    struct walk *w = arg;
    int n = *(int *)value;
    w->sum += n;
    if (n % 2 == 0)
        assert_ptr_equal(map_remove(w->map, key), value);
}

static void each_may_remove_what_it_got(void **state)
{
    struct walk w = {.map = map_new()};
    int values[100];
    (void)state;
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        values[i] = i;
        map_put(w.map, str_of(key), &values[i]);
    }
    map_each(w.map, remove_even, &w);
    assert_int_equal(w.sum, 99 * 100 / 2);
    assert_int_equal(map_count(w.map), 50);
    assert_null(map_find(w.map, STR("k4")));
    assert_ptr_equal(map_find(w.map, STR("k5")), &values[5]);
    map_free(w.map);
}

enum { KEYS = 3000, ROUNDS = 60000 };

static void agrees_with_a_plain_array(void **state)
{
    static int values[KEYS];
    void *model[KEYS] = {0};
    struct map *m = map_new();
    size_t count = 0;
    (void)state;
    srand(7);
    for (int round = 0; round < ROUNDS; round++) {
        int i = rand() % KEYS;
        char key[40];
        (void)snprintf(key, sizeof key, "%*d", 1 + i % 30,
                       i); /* all lengths around the hash's 8-byte words */
        assert_ptr_equal(map_find(m, str_of(key)), model[i]);
        if (rand() % 2) {
            count += model[i] == NULL;
            model[i] = &values[rand() % KEYS];
            map_put(m, str_of(key), model[i]);
        } else {
            count -= model[i] != NULL;
            assert_ptr_equal(map_remove(m, str_of(key)), model[i]);
            model[i] = NULL;
        }
        assert_int_equal(map_count(m), count);
    }
    map_free(m);
}

static int nothing_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_find_remove),
        cmocka_unit_test(any_bytes_are_a_key),
        cmocka_unit_test(each_may_remove_what_it_got),
        cmocka_unit_test(agrees_with_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_left);
}
