/* room_events messages and deadlines entries: what is read, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

#include "common/err.h"
#include "common/id.h"
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

static bool same_event(const struct room_event *a, const struct room_event *b)
{
    return str_eq(a->text, b->text) && str_eq(a->room_id, b->room_id) && str_eq(a->event, b->event) &&
           str_eq(a->data, b->data) && str_eq(a->origin_instance_id, b->origin_instance_id) &&
           a->timestamp_ms == b->timestamp_ms && a->seq == b->seq && a->epoch == b->epoch &&
           a->from_epoch == b->from_epoch && str_eq(a->skip_player_id, b->skip_player_id) &&
           str_eq(a->place, b->place) && str_eq(a->requeued, b->requeued);
}

/* What instances write is split into what a scan finds in it. */
static void splits_as_it_parses(void **state)
{
    (void)state;
    static const char *const messages[] = {
        full,
        "{\"roomId\":\"r\",\"event\":\"x\",\"data\":1,\"originInstanceId\":\"1-2\"}",
        "{\"roomId\":\"\",\"event\":\"sessionReplaced\",\"data\":{},\"originInstanceId\":\"1-2\","
        "\"timestamp\":0}",
        "{\"roomId\":\"r\",\"event\":\"roomEpoch\",\"data\":{\"epoch\":2},\"originInstanceId\":\"1-2\","
        "\"timestamp\":5,"
        "\"seq\":8,\"epoch\":2,\"from\":1}",
        "{\"roomId\":\"r\",\"event\":\"roomCleanup\",\"data\":{},\"originInstanceId\":\"1-2\",\"timestamp\":"
        "5,\"seq\":8,"
        "\"members\":\"a b\"}",
        "{\"roomId\":\"r\",\"event\":\"x\",\"data\":{\"a\":1,\"originInstanceId\":\"9-9\"},"
        "\"originInstanceId\":\"1-2\"}",
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct room_event split, parsed;
        const char *why;
        assert_true(events_parse(str_of(messages[i]), &parsed, &why));
        assert_true(events_split(str_of(messages[i]), &split));
        assert_true(same_event(&split, &parsed));
    }
}

/* Other forms of the same, and what is none: not split. */
static void leaves_other_forms(void **state)
{
    (void)state;
#define HEAD "{\"roomId\":\"r\",\"event\":\"x\",\"data\":"
#define TAIL ",\"originInstanceId\":\"1-2\""
    static const char *const messages[] = {
        "",
        "garbage",
        TAIL,
        HEAD "1}",
        HEAD TAIL "}",
        HEAD "1" TAIL,
        HEAD "1" TAIL "} ",
        HEAD "1" TAIL ",}",
        HEAD "1" TAIL ",\"seq\":}",
        HEAD "1" TAIL ",\"seq\":-1}",
        HEAD "1" TAIL ",\"seq\":1}", /* numbered, and no object */
        HEAD "{" TAIL ",\"seq\":1}",
        HEAD "1" TAIL ",\"timestamp\":1.5}",
        HEAD "1" TAIL ",\"timestamp\":12345678901234567}",
        HEAD "1" TAIL ",\"place\":[]}",
        HEAD "1" TAIL ",\"place\":\"a\\\"b\"}",
        HEAD "1" TAIL ",\"other\":1}",
        HEAD "1" TAIL ",\"seq\":\"1\"}",
        "{\"roomId\":\"a b\",\"event\":\"x\",\"data\":1" TAIL "}",
        "{\"roomId\":\"r\",\"event\":\"\",\"data\":1" TAIL "}",
        "{\"roomId\":\"r\", \"event\":\"x\",\"data\":1" TAIL "}",
        "{\"event\":\"x\",\"roomId\":\"r\",\"data\":1" TAIL "}",
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct room_event e;
        if (events_split(str_of(messages[i]), &e))
            fail_msg("split: %s", messages[i]);
    }
}

/* Bytes changed, cut or doubled at random: no crash, no read behind the end, and no id that is none. */
static void splits_no_garbage(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 100000; round++) {
        size_t n = strlen(full) - (size_t)rand() % 40;
        char *copy = malloc(n);
        for (size_t i = 0; i < n; i++)
            copy[i] = full[i];
        for (int i = rand() % 4; i > 0; i--)
            copy[(size_t)rand() % n] = (char)rand();
        struct room_event e;
        if (events_split((struct str){copy, n}, &e)) {
            assert_true(id_valid(e.event) && id_valid(e.room_id));
            assert_true(e.data.p > copy && e.data.p + e.data.n < copy + n);
        }
        free(copy);
    }
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
        cmocka_unit_test(splits_as_it_parses),
        cmocka_unit_test(leaves_other_forms),
        cmocka_unit_test(splits_no_garbage),
        cmocka_unit_test(reads_deadlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
