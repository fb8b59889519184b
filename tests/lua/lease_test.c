/* Instances: leases and their epochs, seats that must agree, outages. */
#include "tests/lib/play.h"

static void a_lease(struct fleet_world *w)
{
    int64_t before = fleet_world_now_ms(w), ends;
    (void)play_beat(w, 4, 0, true);
    assert_string_equal(play_epoch(w), "OK 1");
    assert_in_range(reply_int(w->reply, 2), before, before + 2000);
    assert_int_equal(reply_at(w->reply, 3)->count, 0);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "instances", "i4")), &ends));
    assert_in_range(ends, before + w->realm[4].rules.lease_ms, before + w->realm[4].rules.lease_ms + 2000);
    assert_string_equal(RAW(w, "HGET", "instance_info", "i4"), "{\"host\":\"h\",\"seats\":2}");
    assert_string_equal(RAW(w, "HGET", "instance_epochs", "i4"), "1");
    for (int i = 0; i < 3; i++) {
        (void)play_beat(w, 4, 1, false);
        assert_string_equal(play_epoch(w), "OK 1");
    }
    fleet_world_settled(w);
}

/* A store that gave out fences and forgot them: it says so once, and gives none of them out again. */
static void fences_lost_are_skipped(struct fleet_world *w)
{
    struct presence_beat b = {.info = STR("{\"host\":\"h\",\"seats\":2}"), .fence = 1000007};
    (void)ASK(w, presence_heartbeat(&w->realm[4], &b, ANSWER(w)));
    assert_true(reply_int(w->reply, 6) > 0);
    assert_string_equal(RAW(w, "GET", "fence"), "1000007");
    (void)ASK(w, presence_heartbeat(&w->realm[4], &b, ANSWER(w)));
    assert_int_equal(reply_int(w->reply, 6), 0);
    b.fence = 5; /* less than the store's: nothing was lost */
    (void)ASK(w, presence_heartbeat(&w->realm[4], &b, ANSWER(w)));
    assert_int_equal(reply_int(w->reply, 6), 0);
    assert_string_equal(RAW(w, "GET", "fence"), "1000007");
}

/* A lost reply of the first heartbeat: the second one says the same epoch. */
static void first_beat_twice(struct fleet_world *w)
{
    (void)play_beat(w, 4, 0, true);
    struct buf before = fleet_world_dump(w);
    (void)play_beat(w, 4, 0, true);
    assert_string_equal(play_epoch(w), "OK 1");
    fleet_world_same(w, &before, "a second first heartbeat");
}

static void a_lost_lease_shows_in_the_epoch(struct fleet_world *w)
{
    (void)play_beat(w, 4, 0, true);
    fleet_world_pass(w, w->realm[4].rules.lease_ms - 5000);
    (void)play_beat(w, 4, 1, false);
    assert_string_equal(play_epoch(w), "OK 1"); /* in time */
    fleet_world_pass(w, w->realm[4].rules.lease_ms);
    (void)play_beat(w, 4, 1, false);
    assert_string_equal(play_epoch(w), "OK 2");
    /* The reply that said so was lost: it is a level, so it is said again, as long as it takes. */
    (void)play_beat(w, 4, 1, false);
    assert_string_equal(play_epoch(w), "OK 2");
    (void)play_beat(w, 4, 1, false);
    assert_string_equal(play_epoch(w), "OK 2");
}

static void an_empty_store_is_a_lost_lease(struct fleet_world *w)
{
    for (int i = 0; i < 4; i++) {
        fleet_world_die(w, 1);
        fleet_world_beat(w, 1);
    }
    assert_string_equal(play_epoch(w), "OK 5");
    fleet_world_empty(w);
    (void)play_beat(w, 1, 5, false);
    assert_string_equal(play_epoch(w), "OK 6");
    (void)play_beat(w, 1, 6, false);
    assert_string_equal(play_epoch(w), "OK 6");
}

/* Retired by a sweep while it was away: the epoch it knows is not given out again. */
static void back_after_retirement(struct fleet_world *w)
{
    (void)play_beat(w, 4, 0, true);
    fleet_world_die(w, 4);
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    (void)play_beat(w, 4, 1, false);
    assert_string_equal(play_epoch(w), "OK 2");
    fleet_world_settled(w);
}

static void seats_must_agree(struct fleet_world *w)
{
    w->realm[4].rules.seats = 3;
    struct buf before = fleet_world_dump(w);
    (void)play_beat(w, 4, 0, true);
    struct str word = reply_str(w->reply, 0), seats = reply_str(w->reply, 1), other = reply_str(w->reply, 2);
    assert_true(str_eq(word, STR("SEATS")) && str_eq(seats, STR("2")));
    assert_true(other.n == 2 && other.p[0] == 'i' && other.p[1] >= '1' && other.p[1] <= '3');
    fleet_world_same(w, &before, "a refused start");
    /* Only the living count, and only at the start. */
    for (int i = 1; i <= 3; i++)
        fleet_world_die(w, i);
    (void)play_beat(w, 4, 0, true);
    assert_string_equal(play_epoch(w), "OK 1");
    (void)play_beat(w, 1, 1, false);
    assert_string_equal(play_epoch(w), "OK 2");
    (void)play_beat(w, 1, 2, true);
    assert_true(str_eq(reply_str(w->reply, 0), STR("SEATS")));
    (void)play_beat(w, 4, 1, true); /* its own line is no obstacle, the other's is */
    assert_true(str_eq(reply_str(w->reply, 2), STR("i1")));
    fleet_world_beat(w, 2);
    fleet_world_beat(w, 3);
}

static void seats_are_compared_as_numbers(struct fleet_world *w)
{
    (void)RAW(w, "HSET", "instance_info", "i1", "{\"seats\":21}");
    (void)RAW(w, "HSET", "instance_info", "i2", "{}");
    fleet_world_die(w, 2);
    fleet_world_die(w, 3);
    (void)play_beat(w, 4, 0, true);
    assert_true(str_eq(reply_str(w->reply, 0), STR("SEATS")) && str_eq(reply_str(w->reply, 1), STR("21")));
    fleet_world_die(w, 1);
    fleet_world_beat(w, 2);
    (void)RAW(w, "HSET", "instance_info", "i2", "{}");
    (void)play_beat(w, 4, 0, true);
    assert_true(str_eq(reply_str(w->reply, 0), STR("SEATS")) && reply_str(w->reply, 1).n == 0);
}

/* Who beats learns of the dead, a few at a time. */
static void the_dead_are_named(struct fleet_world *w)
{
    fleet_world_die(w, 2);
    fleet_world_die(w, 3);
    (void)play_beat(w, 1, 1, false);
    assert_non_null(strstr(w->text.data, " [i2 i3] [i1]"));
    for (int i = 0; i < 20; i++)
        (void)RAW(w, "ZADD", "instances", "7", fleet_text("x%02d", i));
    (void)play_beat(w, 1, 1, false);
    assert_int_equal(reply_at(w->reply, 3)->count, 8);
    for (int i = 0; i < 20; i++)
        (void)RAW(w, "ZREM", "instances", fleet_text("x%02d", i));
}

/* Nobody lived for a while: all deadlines get that time, once, and the audit has nothing against it. */
static void an_outage_moves_the_deadlines(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    play_waiting_room(w, p, 2, 3);
    const char *entry = fleet_text("confirm:%s/3:1", p[0].room);
    int64_t planned, moved, again;
    fleet_world_pass(w, w->realm[1].rules.lease_ms + 20000);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", entry)), &planned));
    assert_string_equal(ASK(w, timers_due(&w->realm[1], 10, ANSWER(w))), entry);
    (void)play_beat(w, 1, 1, false);
    int64_t by = reply_int(w->reply, 5);
    assert_in_range(by, w->realm[1].rules.lease_ms + 20000, w->realm[1].rules.lease_ms + 25000);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", entry)), &moved));
    assert_int_equal(moved, planned + by);
    (void)play_beat(w, 2, 1, false);
    assert_int_equal(reply_int(w->reply, 5), 0);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", entry)), &again));
    assert_int_equal(again, moved);
    assert_string_equal(play_fire(w, 1, "confirm"), "EARLY");
    fleet_world_beat(w, 3);
    fleet_world_settled(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_lease),
        BOTH(first_beat_twice),
        BOTH(fences_lost_are_skipped),
        BOTH(a_lost_lease_shows_in_the_epoch),
        BOTH(an_empty_store_is_a_lost_lease),
        BOTH(back_after_retirement),
        BOTH(seats_must_agree),
        BOTH(seats_are_compared_as_numbers),
        BOTH(the_dead_are_named),
        BOTH(an_outage_moves_the_deadlines),
    };
    return FLEET_WORLD_RUN(tests);
}
