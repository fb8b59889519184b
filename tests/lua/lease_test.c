/* Instances: leases and their epochs, seats that must agree, outages. */
#include <stdio.h>

#include "common/clock.h"
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

static void beat_until(struct fleet_world *w, int64_t not_after_ms)
{
    struct presence_beat b = {
        .info = STR("{\"host\":\"h\",\"seats\":2}"), .known_epoch = 1, .not_after_ms = not_after_ms};
    (void)ASK(w, presence_heartbeat(&w->realm[1], &b, ANSWER(w)));
}

/* A beat that lay somewhere for too long is only a probe: it says the time and changes nothing. */
static void a_late_beat_renews_nothing(struct fleet_world *w)
{
    int64_t now = fleet_world_now_ms(w);
    beat_until(w, now + 60000);
    assert_string_equal(play_epoch(w), "OK 1");
    fleet_world_pass(w, w->realm[1].rules.lease_ms); /* another one may act for its players by now */
    int64_t later = fleet_world_now_ms(w);
    struct buf before = fleet_world_dump(w);
    beat_until(w, later - 1);
    assert_true(realm_said(realm_outcome(w->err, w->reply), "LATE"));
    assert_in_range(reply_int(w->reply, 1), later, later + 10000);
    beat_until(w, 1);
    assert_true(realm_said(realm_outcome(w->err, w->reply), "LATE"));
    fleet_world_same(w, &before, "a late beat");
    beat_until(w, later + 60000);
    assert_string_equal(play_epoch(w), "OK 2");
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

static const char *due_now(struct fleet_world *w)
{
    return ASK(w, timers_due(&w->realm[2], 10, ANSWER(w)));
}

/* Nobody lives for so long, and `overdue` would be fired; then instance 1 is the first one back. */
static void outage(struct fleet_world *w, int64_t ms, const char *overdue)
{
    fleet_world_pass(w, w->realm[1].rules.lease_ms + ms);
    assert_string_equal(due_now(w), overdue);
    (void)play_beat(w, 1, 1, false);
    int64_t by = reply_int(w->reply, 5);
    assert_in_range(by, w->realm[1].rules.lease_ms + ms, w->realm[1].rules.lease_ms + ms + 5000);
    for (int i = 2; i <= 3; i++) {
        (void)play_beat(w, i, 1, false);
        assert_int_equal(reply_int(w->reply, 5), 0);
    }
    assert_string_equal(due_now(w), "");
}

/* Nobody lived for a while: all deadlines get that time, once, and the audit has nothing against it. */
static void an_outage_moves_the_deadlines(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    play_waiting_room(w, p, 2, 3);
    int64_t confirm_ms = w->realm[1].rules.confirm_ms;
    char entry[ID_SIZE + 16];
    (void)snprintf(entry, sizeof entry, "confirm:%s/3:1", p[0].room);
    fleet_world_live(w, confirm_ms / 2);
    for (int i = 0; i < 3; i++) { /* each outage counts */
        outage(w, 20000, entry);
        assert_string_equal(play_fire(w, 1, "confirm"), "EARLY");
        fleet_world_settled(w);
    }
    fleet_world_live(w, confirm_ms / 2 - 2000);
    assert_string_equal(due_now(w), "");
    fleet_world_live(w, 4000);
    assert_string_equal(due_now(w), entry);
    assert_string_equal(play_fire(w, 3, "confirm"), "OK 3 [matchCancelled#2]");
}

/* What is planned after an outage is due when it should be, whatever its kind. */
static void deadlines_after_an_outage(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)}, c = play_arrive(w, "c", 3);
    const struct realm_rules *rules = &w->realm[1].rules;
    play_room(w, p, 2, 3);
    char idle[ID_SIZE + 16];
    (void)snprintf(idle, sizeof idle, "idle:%s:1", p[0].room);
    outage(w, 20000, "");
    for (int i = 0; i < 2; i++)
        (void)play_attach_again(w, &p[i]);
    (void)play_attach_again(w, &c);
    (void)play_join(w, &c, 4);
    struct room_seat who = play_seat(&p[0]);
    (void)ASK(w, room_state_deadline(&w->realm[1], &who, 3000, 0, ANSWER(w)));
    int64_t told = reply_int(w->reply, 1),
            now = fleet_world_now_ms(w); /* clients are told by the usual clock */
    assert_in_range(told, now, now + 3000);
    (void)play_detach(w, &p[1]);
    (void)play_detach(w, &c);
    assert_string_equal(due_now(w), "");
    fleet_world_live(w, 3500);
    assert_string_equal(due_now(w), fleet_text("turn:%s:0", p[0].room));
    (void)play_fire(w, 1, "turn");
    fleet_world_live(w, rules->queue_grace_ms - 3500 + 500);
    assert_string_equal(due_now(w), fleet_text("queue:c:%lld", (long long)c.fence));
    assert_string_equal(play_fire(w, 1, "queue"), "OK  []");
    /* The room was in use a moment ago: its idle entry is put off, by the same clock. */
    fleet_world_settled(w);
    (void)RAW(w, "ZADD", "deadlines", "XX", "5", idle);
    assert_string_equal(play_fire(w, 1, "idle"), "OK  []");
    assert_string_equal(due_now(w), "");
    (void)play_say(w, &p[0], "1");
    fleet_world_settled(w);
    assert_string_equal(play_fire(w, 1, "grace"), "EARLY");
    fleet_world_live(w, rules->grace_ms);
    assert_non_null(strstr(due_now(w), "grace:"));
    assert_string_equal(play_fire(w, 1, "grace"), "OK  [playerLeft#6 gameEnd#7 roomCleanup#8]");
    /* Nothing waits any more: the clock goes right again. */
    fleet_world_beat(w, 1);
    assert_string_equal(RAW(w, "EXISTS", "deadlines"), "0");
}

/* A fleet that is stopped in order, all of it, and started again: that time counts as little as an outage. */
static void a_stop_of_all_moves_the_deadlines(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    int64_t lease_ms = w->realm[1].rules.lease_ms, grace_ms = w->realm[1].rules.grace_ms;
    play_room(w, p, 2, 3);
    (void)play_detach(w, &p[0]);
    fleet_world_live(w, 1000);
    (void)play_detach(w, &p[1]);
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        (void)ASK(w, presence_retire(&w->realm[i], str_of(w->realm[i].instance_id), ANSWER(w)));
    assert_string_equal(RAW(w, "ZCARD", "instances"), "0");
    fleet_world_pass(w, 1000);
    (void)ASK(w, presence_retire(&w->realm[1], STR("i1"), ANSWER(w))); /* once more: nothing new */
    fleet_world_settled(w);
    fleet_world_pass(w, grace_ms + lease_ms);
    (void)play_beat(w, 1, 0, true);
    assert_in_range(reply_int(w->reply, 5), grace_ms + lease_ms + 1000, grace_ms + lease_ms + 6000);
    assert_string_equal(due_now(w), "");
    (void)play_beat(w, 2, 0, true);
    assert_int_equal(reply_int(w->reply, 5), 0);
    fleet_world_live(w, grace_ms - 6000);
    assert_string_equal(due_now(w), "");
    fleet_world_live(w, 6000);
    assert_string_equal(play_fire(w, 1, "grace"), "OK  [playerLeft#5 gameEnd#6 roomCleanup#7]");
    fleet_world_beat(w, 1);
    assert_string_equal(RAW(w, "EXISTS", "deadlines"), "0");
}

/* After an outage the first one back counts it and goes in order, before the others are back: it counts once.
 */
static void an_outage_counts_once(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    int64_t lease_ms = w->realm[1].rules.lease_ms, grace_ms = w->realm[1].rules.grace_ms;
    play_room(w, p, 2, 3);
    (void)play_detach(w, &p[0]);
    (void)play_detach(w, &p[1]);
    fleet_world_pass(w, grace_ms + lease_ms);
    (void)play_beat(w, 1, 0, true);
    assert_in_range(reply_int(w->reply, 5), grace_ms, grace_ms + lease_ms + 6000);
    (void)ASK(w, presence_retire(&w->realm[1], STR("i1"), ANSWER(w)));
    fleet_world_pass(w, 300);
    (void)play_beat(w, 2, 0, true);
    assert_in_range(reply_int(w->reply, 5), 0, 6000); /* less than a lease counts as none */
    assert_string_equal(due_now(w), "");
}

/* The first word after an outage renews nothing, and its instance has something to do before it lives again:
 * what is due then has its usual time, not the outage on top. */
static void a_late_beat_ends_an_outage(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    int64_t lease_ms = w->realm[1].rules.lease_ms, grace_ms = w->realm[1].rules.grace_ms;
    play_room(w, p, 2, 3);
    (void)play_detach(w, &p[0]);
    fleet_world_pass(w, 2 * grace_ms + lease_ms);
    beat_until(w, 1);
    assert_true(realm_said(realm_outcome(w->err, w->reply), "LATE"));
    assert_string_equal(due_now(w), "");
    (void)play_detach(w, &p[1]);
    fleet_world_pass(w, 300);
    beat_until(w, 1);
    (void)play_beat(w, 1, 1, false);
    assert_int_equal(reply_int(w->reply, 5), 0); /* it has been counted */
    assert_string_equal(RAW(w, "ZSCORE", "deadlines", "stopped"), "nil");
    assert_string_equal(due_now(w), "");
    fleet_world_live(w, grace_ms);
    assert_string_equal(play_fire(w, 1, "grace"), "OK  [playerLeft#5 gameEnd#6 roomCleanup#7]");
    fleet_world_settled(w);
}

/* An outage costs the store the same however many deadlines there are: none of them is touched. */
static void an_outage_moves_many_deadlines_at_once(struct fleet_world *w)
{
    static const char fill_text[] = "#!lua\n"
                                    "for i = 1, 100000 do\n"
                                    "    redis.call('ZADD', KEYS[1], ARGV[1] + i, 'idle:r_' .. i .. ':1')\n"
                                    "end\n"
                                    "return {'OK'}\n";
    static const struct script fill = {"fill", fill_text, sizeof fill_text - 1, {0}};
    struct str key = STR(FLEET_WORLD_PREFIX "deadlines"),
               from = str_of(fleet_text("%lld", (long long)fleet_world_now_ms(w) - 50000));
    struct backend *b = w->backend[1];
    w->unaudited = true; /* there are no such rooms */
    assert_string_equal(ASK(w, b->ops->run(b, &fill, &key, 1, &from, 1, ANSWER(w))), "OK");
    for (int i = 1; i <= 3; i++)
        fleet_world_die(w, i);
    char before[32];
    (void)snprintf(before, sizeof before, "%s", RAW(w, "ZSCORE", "deadlines", "idle:r_77:1"));
    assert_string_not_equal(due_now(w), "");
    uint64_t start_us = clock_mono_us();
    (void)play_beat(w, 1, 1, false);
    print_message("the beat that moves 100,000 deadlines takes %.2f ms\n",
                  (double)(clock_mono_us() - start_us) / 1e3);
    assert_string_equal(RAW(w, "ZSCORE", "deadlines", "idle:r_77:1"), before);
    assert_string_equal(RAW(w, "ZCARD", "deadlines"), "100001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_lease),
        BOTH(first_beat_twice),
        BOTH(a_late_beat_renews_nothing),
        BOTH(fences_lost_are_skipped),
        BOTH(a_lost_lease_shows_in_the_epoch),
        BOTH(an_empty_store_is_a_lost_lease),
        BOTH(back_after_retirement),
        BOTH(seats_must_agree),
        BOTH(seats_are_compared_as_numbers),
        BOTH(the_dead_are_named),
        BOTH(an_outage_moves_the_deadlines),
        BOTH(deadlines_after_an_outage),
        BOTH(a_stop_of_all_moves_the_deadlines),
        BOTH(an_outage_counts_once),
        BOTH(a_late_beat_ends_an_outage),
        BOTH(an_outage_moves_many_deadlines_at_once),
    };
    return FLEET_WORLD_RUN(tests);
}
