/* The local room: events in order, held ones released without a gap, places, and who waits for which number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/mem.h"
#include "gateway/room.h"
#include "gateway/session.h"

static struct rooms *rooms;
static struct room *room;
static struct loop *loop;
static unsigned gaps;

static void count_gap(void *arg, struct room *r)
{
    (void)arg;
    assert_ptr_equal(r, room);
    gaps++;
}

static int setup(void **state)
{
    (void)state;
    gaps = 0;
    loop = loop_new();
    rooms = rooms_new(loop, "1-1", count_gap, NULL);
    room = rooms_get(rooms, STR("r_1"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rooms_remove(rooms, room);
    rooms_free(rooms);
    loop_stop(loop);
    loop_run(loop);
    loop_free(loop);
    return 0;
}

static void order_is_told(void **state)
{
    (void)state;
    room->at.seq = 5;
    assert_int_equal(room_order(room, 6), ROOM_DELIVER);
    assert_int_equal(room_order(room, 5), ROOM_DROP);
    assert_int_equal(room_order(room, 1), ROOM_DROP);
    assert_int_equal(room_order(room, 7), ROOM_HOLD);
    for (int64_t seq = 7; seq < 7 + ROOM_HELD_MAX; seq++)
        room_hold(room, seq, STR("x"));
    assert_int_equal(room_order(room, 7 + ROOM_HELD_MAX), ROOM_OVERFLOW);
}

static void held_events_come_out_in_order_and_once(void **state)
{
    (void)state;
    static const int64_t arrival[] = {9, 4, 3, 9, 7, 4};
    for (size_t i = 0; i < sizeof arrival / sizeof *arrival; i++)
        room_hold(room, arrival[i], STR("event"));
    assert_int_equal(room->held_count, 4);
    room->at.seq = 1;
    assert_null(room_next_held(room)); /* 2 is missing */
    room->at.seq = 2;
    for (int64_t seq = 3; seq <= 4; seq++) {
        struct room_held *h = room_next_held(room);
        assert_non_null(h);
        assert_int_equal(h->seq, seq);
        assert_int_equal(h->bytes, 5);
        room->at.seq = seq;
        mem_free(h);
    }
    assert_null(room_next_held(room)); /* 5 is missing */
    room->at.seq = 8;                  /* the log gave 5-8: the held 7 is old now */
    struct room_held *h = room_next_held(room);
    assert_non_null(h);
    assert_int_equal(h->seq, 9);
    mem_free(h);
    assert_int_equal(room->held_count, 0);
}

static void a_gap_is_reported_once_and_not_after_the_room(void **state)
{
    (void)state;
    room_gap(room);
    room_gap(room);
    while (gaps == 0)
        loop_turn(loop);
    assert_int_equal(gaps, 1);
    room_gap(room); /* teardown frees the room with its timer running */
}

static void places_tell_whether_somebody_is_elsewhere(void **state)
{
    (void)state;
    room_place_set(room, STR("a"), STR("1-1"));
    assert_false(room_has_remote(room));
    room_place_set(room, STR("b"), STR("2-2"));
    assert_true(room_has_remote(room));
    room_place_set(room, STR("b"), STR("")); /* in grace: nobody to tell */
    assert_false(room_has_remote(room));
    room_place_set(room, STR("b"), STR("2-2"));
    room_place_drop(room, STR("b"));
    assert_false(room_has_remote(room));
    assert_int_equal(room->place_count, 1);
    for (int i = 0; i < 2; i++) { /* counted once, however often it is said */
        room_place_set(room, STR("b"), STR("2-2"));
        room_place_set(room, STR("c"), STR("3-3"));
    }
    room_place_drop(room, STR("b"));
    assert_true(room_has_remote(room));
    room_place_set(room, STR("c"), STR("1-1"));
    assert_false(room_has_remote(room));
    room_place_set(room, STR("c"), STR("3-3"));
    room_places_clear(room);
    assert_false(room_has_remote(room));
    assert_int_equal(room->place_count, 0);
}

static void a_reply_waits_for_its_number(void **state)
{
    (void)state;
    struct session ann = {.holds = 1}, bob = {.holds = 1};
    room->at = (struct history_position){.epoch = 1, .seq = 5};
    room_wait(room, (struct history_position){1, 7}, &ann, 3, STR("{}"));
    assert_true(room_waits(room, &ann, (struct history_position){1, 7}));
    assert_false(room_waits(room, &ann, (struct history_position){1, 6}));
    assert_false(room_waits(room, &bob, (struct history_position){1, 7}));
    assert_false(room_waits(room, &ann, (struct history_position){2, 7}));
    room->at.seq = 6;
    assert_null(room_next_waiter(room, false));
    room->at.seq = 7;
    struct room_waiter *w = room_next_waiter(room, false);
    assert_int_equal(w->request_id, 3);
    assert_false(room_waits(room, &ann, (struct history_position){1, 7}));
    mem_free(w);
}

static void the_registry_finds_and_forgets(void **state)
{
    (void)state;
    assert_ptr_equal(rooms_find(rooms, STR("r_1")), room);
    assert_null(rooms_find(rooms, STR("r_2")));
    struct room *other = rooms_get(rooms, STR("r_2"));
    assert_int_equal(rooms_count(rooms), 2);
    rooms_remove(rooms, other);
    assert_null(rooms_find(rooms, STR("r_2")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(held_events_come_out_in_order_and_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gap_is_reported_once_and_not_after_the_room, setup, teardown),
        cmocka_unit_test_setup_teardown(places_tell_whether_somebody_is_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reply_waits_for_its_number, setup, teardown),
        cmocka_unit_test_setup_teardown(the_registry_finds_and_forgets, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
