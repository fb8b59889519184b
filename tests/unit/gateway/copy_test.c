/* The copy of a room's truth: made, kept up by events, and given up as soon as it has missed one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/mem.h"
#include "gateway/copy.h"
#include "matchmaking/events.h"

static struct copy *fresh(size_t seats)
{
    static const char *const names[] = {"a", "b", "c"};
    struct str ids[3];
    for (size_t i = 0; i < seats; i++)
        ids[i] = str_of(names[i]);
    return copy_fresh(ids, seats, 2);
}

/* "seq epoch version turn gameData | player state version result | ..." */
static const char *text(const struct copy *c)
{
    static char out[1024];
    int n = snprintf(out, sizeof out, "%lld %lld %lld %lld %s", (long long)c->seq, (long long)c->epoch,
                     (long long)c->version, (long long)c->turn, c->game_data);
    for (size_t i = 0; i < c->seat_count; i++) {
        const struct copy_seat *s = &c->seats[i];
        n += snprintf(out + n, sizeof out - (size_t)n, " | %s %s %lld %s", s->player_id, s->state,
                      (long long)s->version, s->result ? s->result : "-");
    }
    return out;
}

/* The event, as it would come; epoch and from as in events.h (from 0: none). */
static bool apply_in(struct copy *c, int64_t seq, int64_t epoch, int64_t from, const char *event,
                     const char *data)
{
    char json[1024];
    int n =
        snprintf(json, sizeof json,
                 "{\"roomId\":\"r\",\"event\":\"%s\",\"data\":%s,\"originInstanceId\":\"i\",\"timestamp\":1,"
                 "\"seq\":%lld",
                 event, data, (long long)seq);
    if (epoch != 1)
        n += snprintf(json + n, sizeof json - (size_t)n, ",\"epoch\":%lld", (long long)epoch);
    if (from)
        n += snprintf(json + n, sizeof json - (size_t)n, ",\"from\":%lld", (long long)from);
    n += snprintf(json + n, sizeof json - (size_t)n, "}");
    struct room_event e;
    const char *why = "";
    assert_true(events_parse((struct str){json, (size_t)n}, &e, &why));
    return copy_apply(c, &e);
}

static bool apply(struct copy *c, int64_t seq, const char *event, const char *data)
{
    return apply_in(c, seq, 1, 0, event, data);
}

static void a_room_that_has_just_started(void **state)
{
    (void)state;
    struct copy *c = fresh(3);
    assert_string_equal(text(c), "2 1 0 0 {} | a {} 0 - | b {} 0 - | c {} 0 -");
    copy_free(c);
    copy_free(NULL);
}

static struct reply txt(const char *t)
{
    return (struct reply){.type = REPLY_STR, .str = str_of(t)};
}

static struct reply number(int64_t n)
{
    return (struct reply){.type = REPLY_INT, .integer = n};
}

static struct copy *read_answer(struct reply *seats, size_t count)
{
    struct reply all[8] = {txt("OK"), number(9),        number(77), number(4),
                           number(6), txt("{\"x\":1}"), txt("250"), {.type = REPLY_ARRAY}};
    all[7].items = seats;
    all[7].count = count;
    const struct reply answer = {.type = REPLY_ARRAY, .items = all, .count = 8};
    return copy_read(&answer);
}

static void as_the_store_says(void **state)
{
    (void)state;
    struct reply seats[] = {txt("a"), txt("[1]"), txt("3"), number(1), txt("null"),
                            txt("b"), txt("{}"),  txt("0"), number(0), txt("")};
    struct copy *c = read_answer(seats, 10);
    assert_string_equal(text(c), "9 77 4 6 {\"x\":1} | a [1] 3 null | b {} 0 -");
    assert_int_equal(copy_turn_left_ms(c, 0), -1);
    struct buf state_text = {0};
    copy_state(c, &state_text);
    assert_string_equal(state_text.data, "9 77 4 a:3 b:0");
    buf_close(&state_text);
    copy_free(c);
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    struct reply one[] = {txt("a"), txt("{}"), txt("0"), number(0), txt("")};
    assert_null(read_answer(one, 5)); /* nobody plays alone */
    struct reply two[] = {
        txt("a"),  txt("{}"),
        txt("0"),  number(0),
        txt(""),   txt("an id that is too long, so that somebody else must have written it to the store"),
        txt("{}"), txt("0"),
        number(0), txt("")};
    assert_null(read_answer(two, 10));
}

static void it_follows_every_event(void **state)
{
    (void)state;
    struct copy *c = fresh(3);
    assert_true(apply(c, 3, "gameMessage", "{\"roomId\":\"r\",\"playerId\":\"a\",\"message\":1}"));
    assert_true(apply(c, 4, "playerStateUpdated",
                      "{\"roomId\":\"r\",\"playerId\":\"b\",\"state\":{\"hp\": 1e999},\"version\":1}"));
    assert_true(apply(c, 5, "gameDataUpdated",
                      "{\"roomId\":\"r\",\"playerId\":\"a\",\"gameData\":[ 1 ],\"turn\":7,\"version\":1}"));
    assert_string_equal(text(c), "5 1 1 7 [ 1 ] | a {} 0 - | b {\"hp\": 1e999} 1 - | c {} 0 -");
    assert_true(
        apply(c, 6, "gameDataUpdated", "{\"roomId\":\"r\",\"playerId\":\"a\",\"turn\":8,\"version\":2}"));
    assert_true(
        apply(c, 7, "gameDataUpdated", "{\"roomId\":\"r\",\"playerId\":\"a\",\"gameData\":0,\"version\":3}"));
    assert_string_equal(text(c), "7 1 3 8 0 | a {} 0 - | b {\"hp\": 1e999} 1 - | c {} 0 -");
    assert_true(apply(c, 8, "opponentDisconnected", "{\"roomId\":\"r\",\"playerId\":\"c\",\"graceMs\":1}"));
    assert_true(apply(c, 9, "opponentReconnected", "{\"roomId\":\"r\",\"playerId\":\"c\"}"));
    assert_true(apply(c, 10, "turnTimeout", "{\"roomId\":\"r\",\"turn\":8,\"version\":3}"));
    assert_true(apply(c, 11, "playerLeft", "{\"roomId\":\"r\",\"playerId\":\"a\",\"reason\":\"left\"}"));
    assert_true(apply(c, 12, "playerLeft", "{\"roomId\":\"r\",\"playerId\":\"nobody\",\"reason\":\"left\"}"));
    assert_string_equal(text(c), "12 1 3 8 0 | b {\"hp\": 1e999} 1 - | c {} 0 -");
    copy_free(c);
}

static void what_it_knows_already_changes_nothing(void **state)
{
    (void)state;
    struct copy *c = fresh(2);
    assert_true(apply(c, 3, "gameDataUpdated", "{\"playerId\":\"a\",\"gameData\":1,\"version\":1}"));
    assert_true(apply(c, 2, "gameDataUpdated", "{\"playerId\":\"a\",\"gameData\":0,\"version\":9}"));
    assert_true(apply(c, 3, "gameDataUpdated", "{\"playerId\":\"a\",\"gameData\":0,\"version\":9}"));
    assert_string_equal(text(c), "3 1 1 0 1 | a {} 0 - | b {} 0 -");
    copy_free(c);
}

static void of_no_use_any_more(void **state)
{
    (void)state;
    struct copy *c = fresh(2);
    assert_false(apply(c, 4, "gameMessage", "{}")); /* one is missing */
    assert_false(apply(c, 3, "gameDataUpdated", "{\"playerId\":\"a\",\"gameData\":1}"));
    copy_free(c);
    c = fresh(2);
    assert_false(apply(c, 3, "playerStateUpdated", "{\"playerId\":\"nobody\",\"state\":1,\"version\":1}"));
    copy_free(c);
    c = fresh(2);
    assert_false(apply(c, 3, "playerStateUpdated", "{\"playerId\":\"a\",\"version\":1}"));
    copy_free(c);
    c = fresh(2);
    assert_false(apply(c, 3, "playerLeft", "{\"roomId\":\"r\"}"));
    copy_free(c);
}

static void epochs(void **state)
{
    (void)state;
    struct copy *c = fresh(2);
    assert_true(apply_in(c, 3, 50, 1, "roomEpoch", "{\"roomId\":\"r\",\"epoch\":50}"));
    assert_true(apply_in(c, 4, 50, 0, "gameMessage", "{}"));
    assert_string_equal(text(c), "4 50 0 0 {} | a {} 0 - | b {} 0 -");
    assert_false(apply_in(c, 5, 60, 0, "gameMessage", "{}")); /* how did it come to 60? */
    assert_false(apply_in(c, 5, 60, 1, "roomEpoch", "{\"roomId\":\"r\",\"epoch\":60}"));
    assert_true(apply_in(c, 5, 60, 50, "roomEpoch", "{\"roomId\":\"r\",\"epoch\":60}"));
    /* The store came back with older data: what the copy contains is no more. */
    assert_false(apply_in(c, 4, 70, 1, "roomEpoch", "{\"roomId\":\"r\",\"epoch\":70}"));
    copy_free(c);
}

static void votes(void **state)
{
    (void)state;
    struct copy *c = fresh(3);
    copy_vote(c, STR("a"), STR("\"x\""));
    copy_vote(c, STR("b"), STR("1"));
    copy_vote(c, STR("b"), STR("2")); /* the last one counts */
    copy_vote(c, STR("nobody"), STR("3"));
    assert_string_equal(text(c), "2 1 0 0 {} | a {} 0 \"x\" | b {} 0 2 | c {} 0 -");
    assert_true(apply(c, 3, "playerLeft", "{\"roomId\":\"r\",\"playerId\":\"a\",\"reason\":\"grace\"}"));
    assert_string_equal(text(c), "3 1 0 0 {} | b {} 0 2 | c {} 0 -");
    assert_true(apply(c, 4, "error", "{\"roomId\":\"r\",\"code\":\"RESULT_DISPUTED\"}"));
    assert_string_equal(text(c), "4 1 0 0 {} | b {} 0 - | c {} 0 -");
    copy_free(c);
}

static void a_turns_limit(void **state)
{
    (void)state;
    struct copy *c = fresh(2);
    assert_int_equal(copy_turn_left_ms(c, 1000), -1);
    copy_limit_turn(c, 0, 5000);
    assert_int_equal(copy_turn_left_ms(c, 1000), 4000);
    assert_int_equal(copy_turn_left_ms(c, 5000), 0);
    assert_int_equal(copy_turn_left_ms(c, 9000), 0);
    assert_true(apply(c, 3, "playerStateUpdated", "{\"playerId\":\"a\",\"state\":1,\"version\":1}"));
    assert_int_equal(copy_turn_left_ms(c, 1000), 4000);
    assert_true(apply(c, 4, "gameDataUpdated", "{\"playerId\":\"a\",\"turn\":1,\"version\":1}"));
    assert_int_equal(copy_turn_left_ms(c, 1000), -1); /* made in time */
    copy_limit_turn(c, 1, 7000);
    assert_int_equal(copy_turn_left_ms(c, 1000), 6000);
    copy_free(c);
}

static void a_limit_passes_once(void **state)
{
    (void)state;
    struct copy *c = fresh(2);
    copy_limit_turn(c, 0, 1000);
    assert_int_equal(copy_turn_left_ms(c, 400), 600);
    assert_true(apply(c, 3, "turnTimeout", "{\"turn\":0,\"version\":0}"));
    assert_int_equal(copy_turn_left_ms(c, 1100), -1);
    copy_limit_turn(c, 0, 2000);
    assert_int_equal(copy_turn_left_ms(c, 1100), 900);
    copy_free(c);
}

static int nothing_is_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_room_that_has_just_started, nothing_is_left),
        cmocka_unit_test_teardown(as_the_store_says, nothing_is_left),
        cmocka_unit_test_teardown(what_cannot_be_read, nothing_is_left),
        cmocka_unit_test_teardown(it_follows_every_event, nothing_is_left),
        cmocka_unit_test_teardown(what_it_knows_already_changes_nothing, nothing_is_left),
        cmocka_unit_test_teardown(of_no_use_any_more, nothing_is_left),
        cmocka_unit_test_teardown(epochs, nothing_is_left),
        cmocka_unit_test_teardown(votes, nothing_is_left),
        cmocka_unit_test_teardown(a_turns_limit, nothing_is_left),
        cmocka_unit_test_teardown(a_limit_passes_once, nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
