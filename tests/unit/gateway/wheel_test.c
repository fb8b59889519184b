/* Tests of gateway/wheel.c: never early, at most a tick late, far times, removal, and a random walk. */
#include "gateway/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>

enum { TICK = 100, START = 12345 };

struct item {
    struct wheel_entry entry;
    uint64_t at_ms, fired_at_ms;
};

static struct wheel wheel;

static int setup(void **state)
{
    (void)state;
    wheel_init(&wheel, TICK, START);
    return 0;
}

static void set(struct item *item, uint64_t at_ms)
{
    item->at_ms = at_ms;
    item->fired_at_ms = 0;
    wheel_set(&wheel, &item->entry, at_ms);
}

static int fire(uint64_t now_ms)
{
    int n = 0;
    for (struct wheel_entry *e; (e = wheel_next_due(&wheel, now_ms)) != NULL; n++)
        OWNER(e, struct item, entry)->fired_at_ms = now_ms;
    return n;
}

static void test_not_early_and_not_late(void **state)
{
    (void)state;
    struct item item;
    wheel_entry_init(&item.entry);
    set(&item, START + 1000);
    uint64_t now = START;
    for (; now < START + 1000; now++)
        assert_int_equal(fire(now), 0);
    while (fire(now) == 0)
        now++;
    assert_true(now <= START + 1000 + TICK);
    assert_int_equal(fire(now + 100000), 0); /* once */
}

static void test_past_and_present(void **state)
{
    (void)state;
    struct item past, now;
    wheel_entry_init(&past.entry);
    wheel_entry_init(&now.entry);
    set(&past, 5);
    set(&now, START);
    assert_int_equal(fire(START), 0);
    assert_int_equal(fire(START + TICK), 2);
}

static void test_moves_and_removals(void **state)
{
    (void)state;
    struct item a, b;
    wheel_entry_init(&a.entry);
    wheel_entry_init(&b.entry);
    wheel_remove(&a.entry); /* not set: harmless */
    set(&a, START + 300);
    set(&a, START + 900);
    set(&b, START + 300);
    wheel_remove(&b.entry);
    assert_int_equal(fire(START + 800), 0);
    assert_int_equal(fire(START + 1000), 1);
    assert_int_equal(a.fired_at_ms, START + 1000);
}

static void test_removal_while_others_fire(void **state)
{
    (void)state;
    struct item items[3];
    for (int i = 0; i < 3; i++) {
        wheel_entry_init(&items[i].entry);
        set(&items[i], START + 500);
    }
    struct wheel_entry *first = wheel_next_due(&wheel, START + 700);
    assert_ptr_equal(first, &items[0].entry);
    wheel_remove(&items[1].entry);
    set(&items[0], START + 700); /* again, from its own call: comes in a later tick */
    assert_ptr_equal(wheel_next_due(&wheel, START + 700), &items[2].entry);
    assert_null(wheel_next_due(&wheel, START + 700));
    assert_int_equal(fire(START + 900), 1);
}

static void test_several_turns_and_sleep(void **state)
{
    (void)state;
    struct item far, near;
    uint64_t turn = (uint64_t)WHEEL_SLOTS * TICK;
    wheel_entry_init(&far.entry);
    wheel_entry_init(&near.entry);
    set(&far, START + 3 * turn + 50);
    for (uint64_t now = START; now < START + 3 * turn; now += TICK)
        assert_int_equal(fire(now), 0);
    set(&near, START + 3 * turn + 20);
    assert_int_equal(fire(START + 3 * turn + 2 * TICK), 2);
    set(&far, START + 5 * turn);
    set(&near, START + 50 * turn);
    assert_int_equal(fire(START + 40 * turn), 1); /* the process slept for 37 turns */
    assert_int_equal(fire(START + 51 * turn), 1);
}

static void test_random_walk(void **state)
{
    (void)state;
    static struct item items[500];
    uint64_t now = START;
    srand(11);
    for (int i = 0; i < 500; i++) {
        wheel_entry_init(&items[i].entry);
        set(&items[i], now + (uint64_t)(rand() % 60000));
    }
    for (int step = 0; step < 3000; step++) {
        now += (uint64_t)(rand() % 60);
        fire(now);
        for (int i = 0; i < 500; i++) {
            struct item *item = &items[i];
            assert_true(item->fired_at_ms == 0 || item->fired_at_ms >= item->at_ms);
            assert_true(item->fired_at_ms != 0 || now < item->at_ms + TICK + 60);
        }
        struct item *moved = &items[rand() % 500];
        set(moved, now + (uint64_t)(rand() % 60000));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_not_early_and_not_late),  TEST(test_past_and_present),
        TEST(test_moves_and_removals),      TEST(test_removal_while_others_fire),
        TEST(test_several_turns_and_sleep), TEST(test_random_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
