/* room_events messages and deadlines entries: what is read, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/err.h"
#include "matchmaking/events.h"
#include "matchmaking/timers.h"

static const char full[] =
    "{\"roomId\":\"r_1\",\"event\":\"gameMessage\",\"data\":{\"message\":\"\\\"originInstanceId\\\":\\\"7-"
    "7\\\"\","
    "\"n\":1e999},\"originInstanceId\":\"12-34\",\"timestamp\":1731000000123,\"seq\":9,\"skip\":\"p1\","
    "\"place\":\"p1|12-34|s_1 p2|13-35|s_2\",\"requeued\":\"p2\"}";

static void reads_all_members(void **state)
{
    (void)state;
    struct room_event e;
    const char *why = NULL;
    assert_true(events_parse(str_of(full), &e, &why));
    assert_true(str_eq(e.room_id, STR("r_1")));
    assert_true(str_eq(e.event, STR("gameMessage")));
    assert_true(str_eq(e.data, STR("{\"message\":\"\\\"originInstanceId\\\":\\\"7-7\\\"\",\"n\":1e999}")));
    assert_true(str_eq(e.origin_instance_id, STR("12-34")));
    assert_int_equal(e.timestamp_ms, 1731000000123);
    assert_int_equal(e.seq, 9);
    assert_true(str_eq(e.skip_player_id, STR("p1")));
    assert_true(str_eq(e.requeued, STR("p2")));
    struct event_seat seat;
    assert_true(events_next_seat(&e.place, &seat));
    assert_true(str_eq(seat.player_id, STR("p1")) && str_eq(seat.instance_id, STR("12-34")) &&
                str_eq(seat.socket_id, STR("s_1")));
    assert_true(events_next_seat(&e.place, &seat));
    assert_true(str_eq(seat.player_id, STR("p2")));
    assert_false(events_next_seat(&e.place, &seat));
}

static void refuses_garbage(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "garbage",
        "[]",
        "{\"roomId\":\"r\"}",
        "{\"roomId\":\"r\",\"event\":5}",
        "{\"roomId\":7,\"event\":\"x\"}",
        "{\"roomId\":\"a b\",\"event\":\"x\"}",
        "{\"roomId\":\"r\",\"event\":\"a\\nb\"}",
        "{\"roomId\":\"r\",\"event\":\"x\",\"seq\":-1}",
        "{\"roomId\":\"r\",\"event\":\"x\",\"seq\":\"1\"}",
        "{\"roomId\":\"r\",\"event\":\"x\",\"timestamp\":1.5}",
        "{\"roomId\":\"r\",\"event\":\"x\",\"place\":[]}",
        "{\"roomId\":\"r\",\"event\":\"x\"} trailing",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct room_event e;
        const char *why = NULL;
        if (events_parse(str_of(bad[i]), &e, &why))
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(why);
    }
}

static void own_echo_is_seen_by_the_last_origin(void **state)
{
    (void)state;
    assert_true(events_from(str_of(full), "12-34"));
    assert_false(events_from(str_of(full), "7-7")); /* only inside the data */
    assert_false(events_from(str_of(full), "12-3"));
    assert_false(events_from(str_of(full), "12-345"));
    assert_false(events_from(STR(""), "12-34"));
    assert_false(events_from(STR("{\"roomId\":\"r\",\"event\":\"x\"}"), "12-34"));
}

static void reads_deadlines(void **state)
{
    (void)state;
    struct timer_entry t;
    assert_true(timers_parse(STR("confirm:r_1/2:1"), &t));
    assert_true(str_eq(t.kind, STR("confirm")) && str_eq(t.room_id, STR("r_1")) && t.level == 2 &&
                t.version == 1);
    assert_true(timers_parse(STR("grace:r_1/a:b.c-d_e:77"), &t));
    assert_true(str_eq(t.player_id, STR("a:b.c-d_e")) && t.version == 77);
    assert_true(timers_parse(STR("idle:r_1:1"), &t));
    assert_true(str_eq(t.kind, STR("idle")) && t.player_id.n == 0);
    assert_false(timers_parse(STR(""), &t));
    assert_false(timers_parse(STR("grace"), &t));
    assert_false(timers_parse(STR("grace:r_1/:1"), &t));
    assert_false(timers_parse(STR("grace:r_1/a:x"), &t));
    assert_false(timers_parse(STR("confirm:r_1/x:1"), &t));
    assert_false(timers_parse(STR("idle:r 1:1"), &t));
    assert_false(timers_parse(STR("dance:r_1:1"), &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_members),
        cmocka_unit_test(refuses_garbage),
        cmocka_unit_test(own_echo_is_seen_by_the_last_origin),
        cmocka_unit_test(reads_deadlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
