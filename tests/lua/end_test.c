/* How rooms end: leaving, votes, idleness. */
#include "tests/lib/play.h"

#include <stdlib.h>

static void started(struct fleet_world *w, struct player *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = play_arrive(w, fleet_text("%c", (int)('a' + i)), 1 + (int)(i % 3));
    play_room(w, p, n, 3);
}

/* Nothing of a room is left but its log, which goes by itself. */
static void expect_ended(struct fleet_world *w, const struct player *p)
{
    assert_string_equal(RAW(w, "EXISTS", fleet_text("room:%s", p->room)), "0");
    assert_string_equal(RAW(w, "HEXISTS", "matches", p->room), "0");
    assert_string_equal(RAW(w, "HEXISTS", "game_states", p->room), "0");
    assert_null(strstr(RAW(w, "ZRANGE", "deadlines", "0", "-1"), p->room));
    (void)RAW(w, "PTTL", fleet_text("room:%s:log", p->room));
    assert_in_range(w->reply->integer, 10000, 15000);
    fleet_world_settled(w);
}

/* `updatedAt` of the seed's record. */
static int64_t updated_at(struct fleet_world *w, const struct player *p)
{
    const char *found = strstr(RAW(w, "HGET", "game_states", p->room), "\"updatedAt\":");
    assert_non_null(found);
    return strtoll(found + strlen("\"updatedAt\":"), NULL, 10);
}

/* ---- leaving ---- */

static void leaving_at_two_seats(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    assert_string_equal(play_leave_room(w, &p[0]), "OK  [playerLeft#3 gameEnd#4 roomCleanup#5]");
    const char *heard = fleet_world_heard_raw(w, 2);
    assert_non_null(
        strstr(heard, fleet_text("\"event\":\"playerLeft\",\"data\":{\"roomId\":\"%s\",\"playerId\":\"a\","
                                 "\"reason\":\"left\"},",
                                 p[0].room)));
    assert_non_null(strstr(heard, fleet_text("\"event\":\"gameEnd\",\"data\":{\"roomId\":\"%s\",\"reason\":"
                                             "\"players_left\",\"result\":null},",
                                             p[0].room)));
    assert_non_null(
        strstr(heard, fleet_text("\"event\":\"roomCleanup\",\"data\":{\"roomId\":\"%s\",\"reason\":"
                                 "\"players_left\"},",
                                 p[0].room)));
    for (int i = 0; i < 2; i++) {
        assert_string_equal(play_record(w, p[i].id), "idle||");
        assert_non_null(strstr(RAW(w, "HGET", "socket_mappings", p[i].socket), "\"roomId\":null"));
    }
    expect_ended(w, &p[0]);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_leave_room(w, &p[0]), "ROOM_NOT_FOUND");
    assert_string_equal(play_leave_room(w, &p[1]), "ROOM_NOT_FOUND");
    fleet_world_same(w, &before, "leaving again");
    (void)play_join(w, &p[0], 3);
    assert_string_equal(play_join(w, &p[1], 3), "MATCHED <room> [matchFound#1]");
}

static void leaving_at_three_seats(struct fleet_world *w)
{
    struct player p[3];
    started(w, p, 3);
    (void)play_set(w, &p[1], &(struct room_change){.json = STR("{\"hp\":1}")});
    play_forget(w);
    int64_t updated = updated_at(w, &p[0]);
    fleet_world_pass(w, 7000);
    assert_string_equal(play_leave_room(w, &p[1]), "OK  [playerLeft#4]");
    assert_true(updated_at(w, &p[0]) >= updated + (w->redis ? 0 : 7000));
    assert_true(updated_at(w, &p[0]) + 5000 > fleet_world_now_ms(w));
    assert_string_equal(fleet_world_heard(w, 2), "playerLeft#4 "); /* the leaver's instance hears it too */
    assert_string_equal(play_record(w, "b"), "idle||");
    assert_string_equal(RAW(w, "HGET", fleet_text("room:%s", p[0].room), "seats"), "a c");
    assert_string_equal(RAW(w, "HGET", fleet_text("room:%s", p[0].room), "insts"), "i1 i3");
    assert_string_equal(RAW(w, "HEXISTS", fleet_text("room:%s", p[0].room), "s:b"), "0");
    assert_null(strstr(RAW(w, "HGET", "game_states", p[0].room), "\"id\":\"b\""));
    fleet_world_settled(w);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_leave_room(w, &p[1]), "NOT_IN_ROOM");
    assert_string_equal(play_say(w, &p[1], "{}"), "NOT_IN_ROOM");
    fleet_world_same(w, &before, "leaving again");
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 5 gameMessage#5");
    assert_string_equal(play_leave_room(w, &p[2]), "OK  [playerLeft#6 gameEnd#7 roomCleanup#8]");
    expect_ended(w, &p[0]);
}

static void leaving_one_in_grace_behind(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    (void)play_detach(w, &p[1]);
    assert_string_equal(play_leave_room(w, &p[0]), "OK  [playerLeft#4 gameEnd#5 roomCleanup#6]");
    assert_string_equal(play_record(w, "b"), "nil");
    expect_ended(w, &p[0]);
}

/* Whatever brought it about: a record that speaks of something else is not the room's to change. */
static void a_record_that_is_elsewhere(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    const char *record = fleet_text("queued|%lld|9|t|5||b.1|i2", (long long)p[1].fence);
    (void)RAW(w, "HSET", "players", "b", record);
    (void)RAW(w, "RPUSH", "waiting:level:9", "b");
    (void)RAW(w, "SADD", "waiting:levels", "9");
    (void)play_leave_room(w, &p[0]);
    assert_string_equal(RAW(w, "HGET", "players", "b"), record);
    w->unaudited = true; /* b's mapping still names the room */
}

static void leaving_refused(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    started(w, p, 2);
    struct buf before = fleet_world_dump(w);
    memcpy(c.room, p[0].room, sizeof c.room);
    assert_string_equal(play_leave_room(w, &c), "NOT_IN_ROOM");
    struct player stale = p[0];
    assert_true(str_copy(stale.socket, sizeof stale.socket, STR("a.0")));
    assert_string_equal(play_leave_room(w, &stale), "NOT_IN_ROOM");
    fleet_world_same(w, &before, "a refused leave");
}

/* ---- votes ---- */

static void agreed(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    assert_string_equal(play_end(w, &p[0], "{\"winner\": \"a\"}"), "OK 0 []");
    assert_string_equal(fleet_world_heard(w, 2), "");
    fleet_world_settled(w);
    assert_string_equal(play_end(w, &p[1], "{\"winner\": \"a\"}"), "OK 1 [gameEnd#3 roomCleanup#4]");
    assert_non_null(
        strstr(fleet_world_heard_raw(w, 1),
               fleet_text("\"data\":{\"roomId\":\"%s\",\"reason\":\"agreed\",\"result\":{\"winner\": "
                          "\"a\"}},",
                          p[0].room)));
    assert_string_equal(play_record(w, "a"), "idle||");
    expect_ended(w, &p[0]);
    assert_string_equal(play_end(w, &p[0], "{}"), "ROOM_NOT_FOUND");
}

static void the_last_report_counts(struct fleet_world *w)
{
    struct player p[3];
    started(w, p, 3);
    (void)play_end(w, &p[0], "1");
    (void)play_end(w, &p[0], "2");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_end(w, &p[0], "2"), "OK 0 []");
    fleet_world_same(w, &before, "the same report");
    (void)play_end(w, &p[1], "2");
    assert_string_equal(play_end(w, &p[2], "2"), "OK 1 [gameEnd#3 roomCleanup#4]");
}

static void disputed(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    (void)play_end(w, &p[0], "{\"winner\":\"a\"}");
    assert_string_equal(play_end(w, &p[1], "{\"winner\":\"b\"}"), "OK 0 [error#3]");
    assert_non_null(strstr(fleet_world_heard_raw(w, 1), "\"code\":\"RESULT_DISPUTED\""));
    assert_string_equal(RAW(w, "HEXISTS", fleet_text("room:%s", p[0].room), "r:a"), "0");
    assert_string_equal(RAW(w, "HEXISTS", fleet_text("room:%s", p[0].room), "r:b"), "0");
    fleet_world_settled(w);
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 4 gameMessage#4"); /* the game goes on */
    assert_string_equal(play_end(w, &p[1], "0"), "OK 0 []");
    assert_string_equal(play_end(w, &p[0], "0"), "OK 1 [gameEnd#5 roomCleanup#6]");
    expect_ended(w, &p[0]);
}

/* Equal means equal bytes: nothing is parsed here. */
static void bytes_decide(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    (void)play_end(w, &p[0], "{\"a\":1}");
    assert_string_equal(play_end(w, &p[1], "{\"a\": 1}"), "OK 0 [error#3]");
}

static void a_leaver_completes_the_agreement(struct fleet_world *w)
{
    struct player p[3];
    started(w, p, 3);
    (void)play_end(w, &p[0], "7");
    (void)play_end(w, &p[2], "7");
    assert_string_equal(play_leave_room(w, &p[1]), "OK  [playerLeft#3 gameEnd#4 roomCleanup#5]");
    assert_non_null(strstr(fleet_world_heard_raw(w, 3), "\"reason\":\"agreed\",\"result\":7}"));
    expect_ended(w, &p[0]);
}

static void a_leaver_of_four_completes_the_agreement(struct fleet_world *w)
{
    struct player p[4];
    started(w, p, 4);
    for (int i = 0; i < 3; i++)
        (void)play_end(w, &p[i], "7");
    assert_string_equal(play_leave_room(w, &p[3]), "OK  [playerLeft#3 gameEnd#4 roomCleanup#5]");
    expect_ended(w, &p[0]);
}

static void a_leaver_completes_a_dispute(struct fleet_world *w)
{
    struct player p[3];
    started(w, p, 3);
    (void)play_end(w, &p[0], "7");
    (void)play_end(w, &p[2], "8");
    assert_string_equal(play_leave_room(w, &p[1]), "OK  [playerLeft#3 error#4]");
    fleet_world_settled(w);
    (void)play_end(w, &p[0], "8");
    assert_string_equal(play_end(w, &p[2], "8"), "OK 1 [gameEnd#5 roomCleanup#6]");
}

/* The leaver's own report goes with him. */
static void a_leavers_report_is_forgotten(struct fleet_world *w)
{
    struct player p[3];
    started(w, p, 3);
    (void)play_end(w, &p[0], "7");
    (void)play_end(w, &p[1], "8");
    assert_string_equal(play_leave_room(w, &p[1]), "OK  [playerLeft#3]");
    fleet_world_settled(w);
    assert_string_equal(play_end(w, &p[2], "7"), "OK 1 [gameEnd#4 roomCleanup#5]");
}

/* Who is in grace holds a seat and has a say; when the grace is over the others' agreement is complete. */
static void grace_completes_the_agreement(struct fleet_world *w)
{
    struct player p[3];
    started(w, p, 3);
    (void)play_detach(w, &p[1]);
    (void)play_end(w, &p[0], "7");
    assert_string_equal(play_end(w, &p[2], "7"), "OK 0 []");
    fleet_world_pass(w, 30000);
    assert_string_equal(play_fire(w, 1, "grace"), "OK  [playerLeft#4 gameEnd#5 roomCleanup#6]");
    assert_non_null(strstr(fleet_world_heard_raw(w, 3), "\"reason\":\"agreed\""));
    expect_ended(w, &p[0]);
}

/* Reports are kept with the room, so they count against its limit; a refused one changes nothing. */
static void a_report_too_large(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    (void)play_end(w, &p[0], "123456");
    size_t record = strlen(RAW(w, "HGET", "game_states", p[0].room));
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.record_max_bytes = (int64_t)record + 6 + 4;
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_end(w, &p[1], "12345"), "TOO_LARGE");
    fleet_world_same(w, &before, "a report that is too large");
    assert_string_equal(play_end(w, &p[1], "1234"), "OK 0 [error#3]");
    assert_string_equal(play_end(w, &p[0], "1234567890"), "OK 0 []"); /* the old reports are gone */
}

static void grace_of_four_completes_the_agreement(struct fleet_world *w)
{
    struct player p[4];
    started(w, p, 4);
    (void)play_detach(w, &p[3]);
    for (int i = 0; i < 3; i++)
        (void)play_end(w, &p[i], "7");
    fleet_world_pass(w, 30000);
    assert_string_equal(play_fire(w, 1, "grace"), "OK  [playerLeft#4 gameEnd#5 roomCleanup#6]");
    expect_ended(w, &p[0]);
}

static void votes_refused(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    started(w, p, 2);
    struct buf before = fleet_world_dump(w);
    memcpy(c.room, p[0].room, sizeof c.room);
    assert_string_equal(play_end(w, &c, "1"), "NOT_IN_ROOM");
    struct player stale = p[0];
    assert_true(str_copy(stale.socket, sizeof stale.socket, STR("a.0")));
    assert_string_equal(play_end(w, &stale, "1"), "NOT_IN_ROOM");
    fleet_world_same(w, &before, "a refused vote");
}

/* ---- idleness ---- */

static void an_idle_room_ends(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    assert_string_equal(play_fire(w, 3, "idle"), "EARLY");
    fleet_world_live(w, 1800000);
    assert_string_equal(play_fire(w, 3, "idle"), "OK  [gameEnd#3 roomCleanup#4]");
    const char *heard = fleet_world_heard_raw(w, 1);
    assert_non_null(strstr(heard, "\"event\":\"gameEnd\""));
    assert_non_null(strstr(heard, "\"reason\":\"idle\",\"result\":null}"));
    assert_string_equal(play_record(w, "a"), "idle||");
    expect_ended(w, &p[0]);
}

/* Whatever happened in the room meanwhile puts the end off, from that moment on. */
static void activity_puts_it_off(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    fleet_world_live(w, 1000000);
    (void)play_say(w, &p[0], "{}");
    fleet_world_live(w, 800001);
    play_forget(w);
    assert_string_equal(play_fire(w, 3, "idle"), "OK  []");
    assert_string_equal(fleet_world_heard(w, 1), "");
    int64_t now = fleet_world_now_ms(w), due;
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", fleet_text("idle:%s:1", p[0].room))), &due));
    assert_in_range(due, now + 999999 - 5000, now + 999999);
    assert_string_equal(play_fire(w, 3, "idle"), "EARLY");
    fleet_world_settled(w);
    fleet_world_live(w, 500000);
    (void)play_set(w, &p[0], &(struct room_change){.json = STR("1")});
    fleet_world_live(w, 499999);
    assert_string_equal(play_fire(w, 3, "idle"), "OK  []");
    fleet_world_live(w, 1300001);
    assert_string_equal(play_fire(w, 3, "idle"), "OK  [gameEnd#5 roomCleanup#6]");
    expect_ended(w, &p[0]);
}

/* A room nobody confirmed and nobody dissolved either (the timer is lost): idleness still ends it. */
static void an_idle_room_that_never_started(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    play_waiting_room(w, p, 2, 3);
    fleet_world_live(w, 1800000);
    assert_string_equal(play_fire(w, 3, "idle"), "OK  [gameEnd#2 roomCleanup#3]");
    expect_ended(w, &p[0]);
}

/* ---- timers in general ---- */

static void due_timers_in_order(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2);
    (void)RAW(w, "ZADD", "deadlines", "3", "idle:r_3:1", "1", "idle:r_1:1", "2", "garbage");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(ASK(w, timers_due(&w->realm[1], 2, ANSWER(w))), "idle:r_1:1 garbage");
    assert_string_equal(ASK(w, timers_due(&w->realm[1], 9, ANSWER(w))), "idle:r_1:1 garbage idle:r_3:1");
    fleet_world_same(w, &before, "reading timers");
    (void)RAW(w, "ZREM", "deadlines", "idle:r_3:1", "idle:r_1:1", "garbage");
}

static void entries_are_parsed(struct fleet_world *w)
{
    static const char *const bad[] = {"",           "garbage",       "idle:",        "idle:r",
                                      "idle:r:",    "idle:r:x",      "idle::1",      "grace:r:1",
                                      "grace:r/:1", "grace:r/a b:1", "confirm:r:1",  "confirm:r/x:1",
                                      "other:r:1",  "idle:r s:1",    "grace:r s/a:1"};
    struct timer_entry e;
    (void)w;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(timers_parse(str_of(bad[i]), &e));
    assert_true(timers_parse(STR("grace:r_1/a:b:c:12"), &e));
    assert_true(str_eq(e.room_id, STR("r_1")) && str_eq(e.player_id, STR("a:b:c")) && e.version == 12);
    assert_true(timers_parse(STR("confirm:r_1/1000:1"), &e));
    assert_true(e.level == 1000 && e.version == 1 && str_eq(e.kind, STR("confirm")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(leaving_at_two_seats),
        BOTH(leaving_at_three_seats),
        BOTH(leaving_one_in_grace_behind),
        BOTH(a_record_that_is_elsewhere),
        BOTH(leaving_refused),
        BOTH(agreed),
        BOTH(the_last_report_counts),
        BOTH(disputed),
        BOTH(bytes_decide),
        BOTH(a_leaver_completes_the_agreement),
        BOTH(a_leaver_of_four_completes_the_agreement),
        BOTH(a_leaver_completes_a_dispute),
        BOTH(a_leavers_report_is_forgotten),
        BOTH(grace_completes_the_agreement),
        BOTH(a_report_too_large),
        BOTH(grace_of_four_completes_the_agreement),
        BOTH(votes_refused),
        BOTH(an_idle_room_ends),
        BOTH(activity_puts_it_off),
        BOTH(an_idle_room_that_never_started),
        BOTH(due_timers_in_order),
        BOTH(entries_are_parsed),
    };
    return FLEET_WORLD_RUN(tests);
}
