/* A room's copy follows its events, and is thrown away when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/copy.h"
#include "matchmaking/events.h"

/* from: the epoch that ended before it, 0 = none did. */
static bool apply(struct copy *c, int64_t epoch, int64_t seq, int64_t from, const char *event,
                  const char *data)
{
    char text[256];
    int n = snprintf(text, sizeof text,
                     "{\"roomId\":\"r\",\"event\":\"%s\",\"data\":%s,\"seq\":%lld,\"epoch\":%lld", event,
                     data, (long long)seq, (long long)epoch);
    if (from)
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"from\":%lld", (long long)from);
    n += snprintf(text + n, sizeof text - (size_t)n, "}");
    struct room_event e;
    const char *why;
    assert_true(events_parse((struct str){text, (size_t)n}, &e, &why));
    return copy_apply(c, &e);
}

static struct copy *fresh(void)
{
    static const struct str players[] = {{"a", 1}, {"b", 1}};
    return copy_fresh(players, 2, 2);
}

static void it_follows(void **state)
{
    (void)state;
    struct copy *c = fresh();
    assert_true(apply(c, 1, 3, 0, "gameDataUpdated", "{\"gameData\":[1],\"turn\":4,\"version\":1}"));
    assert_true(apply(c, 1, 4, 0, "playerStateUpdated", "{\"playerId\":\"b\",\"state\":{},\"version\":1}"));
    assert_true(apply(c, 9, 5, 1, "roomEpoch", "{}"));
    assert_true(apply(c, 9, 6, 0, "gameDataUpdated", "{\"turn\":5,\"version\":2}"));
    assert_true(apply(c, 9, 5, 1, "roomEpoch", "{}")); /* heard before */
    assert_string_equal(c->game_data, "[1]");
    assert_int_equal(c->turn, 5);
    assert_int_equal(c->version, 2);
    assert_int_equal(c->seats[1].version, 1);
    assert_int_equal(c->epoch, 9);
    assert_int_equal(c->seq, 6);
    copy_free(c);
}

static void a_limit_passes_once(void **state)
{
    (void)state;
    struct copy *c = fresh();
    copy_limit_turn(c, 0, 1000);
    assert_int_equal(copy_turn_left_ms(c, 400), 600);
    assert_true(apply(c, 1, 3, 0, "turnTimeout", "{\"turn\":0,\"version\":0}"));
    assert_int_equal(copy_turn_left_ms(c, 1100), -1);
    copy_limit_turn(c, 0, 2000);
    assert_int_equal(copy_turn_left_ms(c, 1100), 900);
    assert_true(apply(c, 1, 4, 0, "gameDataUpdated", "{\"turn\":5,\"version\":1}"));
    assert_int_equal(copy_turn_left_ms(c, 1100), -1);
    copy_free(c);
}

static void it_cannot_follow(void **state)
{
    (void)state;
    struct copy *c = fresh();
    assert_false(apply(c, 1, 4, 0, "gameMessage", "{}")); /* a gap */
    copy_free(c);
    c = fresh();
    assert_false(apply(c, 1, 3, 0, "gameDataUpdated", "{\"gameData\":1}"));
    copy_free(c);
}

/* The store came back with older data: what the copy contains has never been. */
static void it_is_of_another_store(void **state)
{
    (void)state;
    struct copy *c = fresh();
    assert_true(apply(c, 1, 3, 0, "gameDataUpdated", "{\"gameData\":\"lost\",\"version\":1}"));
    assert_false(apply(c, 9, 3, 1, "roomEpoch", "{}")); /* behind 1/2 */
    copy_free(c);
    c = fresh();
    assert_true(apply(c, 1, 3, 0, "gameDataUpdated", "{\"gameData\":\"lost\",\"version\":1}"));
    assert_false(apply(c, 9, 4, 0, "gameMessage", "{}")); /* the very next number, of another history */
    copy_free(c);
    c = fresh();
    assert_false(apply(c, 9, 3, 5, "roomEpoch", "{}")); /* of an epoch it never knew */
    copy_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows),
        cmocka_unit_test(a_limit_passes_once),
        cmocka_unit_test(it_cannot_follow),
        cmocka_unit_test(it_is_of_another_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
