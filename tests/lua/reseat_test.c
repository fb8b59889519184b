/* A seat's holder goes away, comes back elsewhere, or does not: detach, reseat, grace. */
#include "tests/lib/play.h"

/* Two players; ids with colons, because the entries of `deadlines` are made of them. */
static void started(struct fleet_world *w, struct player *p)
{
    p[0] = play_arrive(w, "a:1", 1);
    p[1] = play_arrive(w, "b", 2);
    play_room(w, p, 2, 3);
}

static void started_three(struct fleet_world *w, struct player *p)
{
    p[0] = play_arrive(w, "a:1", 1);
    p[1] = play_arrive(w, "b", 2);
    p[2] = play_arrive(w, "c", 3);
    play_room(w, p, 3, 3);
}

static const char *field(struct fleet_world *w, const struct player *p, const char *name)
{
    return RAW(w, "HGET", fleet_text("room:%s", p->room), name);
}

static const char *grace_entry(const struct player *p)
{
    return fleet_text("grace:%s/%s:%lld", p->room, p->id, (long long)p->fence);
}

static void a_seat_is_held(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    assert_string_equal(play_detach(w, &p[0]), "OK  [opponentDisconnected#3] seat");
    assert_non_null(strstr(fleet_world_heard_raw(w, 2),
                           fleet_text("\"event\":\"opponentDisconnected\",\"data\":{\"roomId\":\"%s\","
                                      "\"playerId\":\"a:1\",\"graceMs\":30000},",
                                      p[0].room)));
    assert_string_equal(play_record(w, "a:1"), "room|3|<room>");
    assert_string_equal(RAW(w, "HGET", "socket_mappings", p[0].socket), "nil");
    assert_string_equal(RAW(w, "EXISTS", "instance:i1:sockets"), "0");
    int64_t now = fleet_world_now_ms(w), due;
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", grace_entry(&p[0]))), &due));
    assert_in_range(due, now + 28000, now + 30000);
    assert_string_equal(field(w, &p[0], "insts"), "i2");
    assert_non_null(strstr(RAW(w, "HGET", "game_states", p[0].room),
                           "{\"id\":\"a:1\",\"instanceId\":null,\"socketId\":null,\"state\":{}}"));
    fleet_world_settled(w);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_detach(w, &p[0]), "OK  [] stale");
    fleet_world_same(w, &before, "a second detach");
}

static void back_on_another_instance(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)play_set(w, &p[0], &(struct room_change){.json = STR("{\"hp\":3}")});
    (void)play_detach(w, &p[0]);
    play_forget(w);
    play_attach(w, &p[0], 3);
    (void)play_reseat(w, &p[0]);
    struct presence_reseated seat;
    presence_reseated(w->reply, &seat);
    assert_true(str_eq(seat.status, STR("active")));
    assert_int_equal(seat.seq, 5);
    assert_int_equal(seat.level, 3);
    assert_true(str_eq(seat.place, STR("a:1|i3|a:1.2 b|i2|b.1")));
    assert_int_equal(seat.events->count, 1);
    const char *record = fleet_text("%.*s", (int)seat.record.n, seat.record.p);
    assert_non_null(
        strstr(record, "{\"id\":\"a:1\",\"instanceId\":\"i3\",\"socketId\":\"a:1.2\",\"state\":{\"hp\":3}}"));
    assert_non_null(strstr(record, ",\"seq\":5,"));
    assert_string_equal(RAW(w, "HGET", "game_states", p[0].room), record);
    const char *heard = fleet_world_heard_raw(w, 2);
    assert_non_null(strstr(heard, ",\"data\":{\"roomId\":"));
    assert_non_null(strstr(heard, ",\"seq\":5,\"place\":\"a:1|i3|a:1.2\"}\n"));
    assert_string_equal(RAW(w, "ZRANGE", "deadlines", "0", "-1"), fleet_text("idle:%s:1", p[0].room));
    assert_string_equal(field(w, &p[0], "insts"), "i3 i2");
    fleet_world_settled(w);
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 6 gameMessage#6");
    assert_string_equal(fleet_world_heard(w, 2), "gameMessage#6 ");
}

/* Idempotent by fence: again changes nothing but that there is one more event. */
static void reseat_twice(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)play_detach(w, &p[0]);
    play_attach(w, &p[0], 3);
    (void)play_reseat(w, &p[0]);
    struct buf before = {0};
    buf_add_text(&before, field(w, &p[0], "p:a:1"));
    (void)play_reseat(w, &p[0]);
    assert_string_equal(field(w, &p[0], "p:a:1"), before.data);
    buf_close(&before);
    assert_string_equal(play_log(w, p[0].room, 3), "OK 5 [opponentReconnected#4 opponentReconnected#5] 5 1");
    fleet_world_settled(w);
}

/* Without a detach in between: the new connection takes the seat from the old one. */
static void takeover_of_a_seat(struct fleet_world *w)
{
    struct player p[2], old;
    started(w, p);
    old = p[0];
    play_attach(w, &p[0], 2);
    assert_string_equal(play_say(w, &old, "{}"), "OK 3 gameMessage#3"); /* still his, until it is taken */
    play_forget(w);
    (void)play_reseat(w, &p[0]);
    assert_string_equal(field(w, &p[0], "insts"), "i2");
    assert_string_equal(fleet_world_heard(w, 1), "");
    assert_string_equal(play_detach(w, &old), "OK  [] stale");
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 5 gameMessage#5");
    fleet_world_settled(w);
}

/* Attached, but lost again before the seat was taken. */
static void lost_between_attach_and_reseat(struct fleet_world *w)
{
    struct player p[2], old;
    started(w, p);
    old = p[0];
    play_attach(w, &p[0], 3);
    assert_string_equal(play_detach(w, &old), "OK  [] stale");
    assert_string_equal(play_detach(w, &p[0]), "OK  [opponentDisconnected#3] seat");
    fleet_world_audit(w);
    play_attach(w, &p[0], 1);
    assert_string_equal(play_detach(w, &p[0]), "OK  [opponentDisconnected#4] seat");
    assert_string_equal(RAW(w, "ZCARD", "deadlines"), "2"); /* idle, and one grace: the older one is off */
    fleet_world_audit(w);
    play_attach(w, &p[0], 2);
    (void)play_reseat(w, &p[0]);
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 6 gameMessage#6");
    fleet_world_pass(w, 30000);
    assert_string_equal(play_fire(w, 1, "grace"), "none");
    fleet_world_settled(w);
}

static void no_seat_to_take(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    started(w, p);
    struct buf before = fleet_world_dump(w);
    memcpy(c.room, p[0].room, sizeof c.room);
    assert_string_equal(play_reseat(w, &c), "ROOM_NOT_FOUND");
    struct player other = p[0];
    assert_true(str_copy(other.room, sizeof other.room, STR("r_1234567890123456789012")));
    assert_string_equal(play_reseat(w, &other), "ROOM_NOT_FOUND");
    fleet_world_same(w, &before, "a reseat in a foreign room");
}

/* The record says room, but the store has lost the room: the player is free again. */
static void the_room_is_lost(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    const char *room = fleet_text("room:%s", p[0].room);
    (void)RAW(w, "DEL", room);
    (void)RAW(w, "DEL", fleet_text("room:%s:log", p[0].room));
    (void)RAW(w, "DEL", "matches");
    (void)RAW(w, "DEL", "game_states");
    (void)RAW(w, "DEL", "deadlines");
    assert_string_equal(play_reseat(w, &p[0]), "ROOM_NOT_FOUND");
    assert_string_equal(play_record(w, "a:1"), "idle||");
    assert_string_equal(play_reseat(w, &p[0]), "ROOM_NOT_FOUND");
    assert_string_equal(play_detach(w, &p[1]), "OK  [] seat");
    assert_string_equal(play_record(w, "b"), "nil");
    assert_string_equal(play_join(w, &p[0], 3), "WAITING 1 0");
    fleet_world_settled(w);
}

static void reseat_before_the_start(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    play_waiting_room(w, p, 2, 3);
    (void)play_confirm(w, &p[1]);
    struct player old = p[0];
    play_attach(w, &p[0], 3);
    (void)play_detach(w, &old);
    (void)play_reseat(w, &p[0]);
    struct presence_reseated seat;
    presence_reseated(w->reply, &seat);
    assert_true(str_eq(seat.status, STR("waiting")));
    assert_true(seat.confirm_by_ms > 1600000000000);
    fleet_world_settled(w);
    assert_string_equal(play_confirm(w, &p[0]), "OK active [gameStart#3] 3");
}

/* ---- grace ---- */

static void grace_ends_the_seat(struct fleet_world *w)
{
    struct player p[3];
    started_three(w, p);
    (void)play_detach(w, &p[0]);
    assert_string_equal(play_fire(w, 2, "grace"), "EARLY");
    fleet_world_pass(w, 30000);
    play_forget(w);
    const char *entry = grace_entry(&p[0]);
    assert_string_equal(ASK(w, timers_due(&w->realm[2], 10, ANSWER(w))), entry);
    assert_string_equal(play_fire(w, 2, "grace"), "OK  [playerLeft#4]");
    const char *left = fleet_text("\"event\":\"playerLeft\",\"data\":{\"roomId\":\"%s\",\"playerId\":\"a:1\","
                                  "\"reason\":\"grace\"},",
                                  p[0].room);
    assert_non_null(strstr(fleet_world_heard_raw(w, 3), left));
    assert_string_equal(play_record(w, "a:1"), "nil");
    assert_string_equal(field(w, &p[0], "seats"), "b c");
    struct timer_entry fired;
    assert_true(timers_parse(str_of(entry), &fired));
    assert_string_equal(ASK(w, timers_fire(&w->realm[3], &fired, ANSWER(w))), "TAKEN");
    fleet_world_settled(w);
    play_attach(w, &p[0], 1); /* comes too late */
    assert_string_equal(play_record(w, "a:1"), "idle||");
    assert_string_equal(play_reseat(w, &p[0]), "ROOM_NOT_FOUND");
    assert_string_equal(play_say(w, &p[1], "{}"), "OK 5 gameMessage#5");
    fleet_world_settled(w);
}

static void grace_of_the_last_but_one_ends_the_room(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)play_detach(w, &p[0]);
    fleet_world_pass(w, 30000);
    play_forget(w);
    assert_string_equal(play_fire(w, 3, "grace"), "OK  [playerLeft#4 gameEnd#5 roomCleanup#6]");
    assert_string_equal(fleet_world_heard(w, 2), "playerLeft#4 gameEnd#5 roomCleanup#6 ");
    assert_string_equal(play_record(w, "b"), "idle||");
    assert_string_equal(RAW(w, "EXISTS", "matches"), "0");
    assert_string_equal(RAW(w, "EXISTS", "deadlines"), "0");
    fleet_world_settled(w);
}

/* Both are gone: the first grace ends the room, and nothing is left of the second. */
static void both_in_grace(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)play_detach(w, &p[0]);
    (void)play_detach(w, &p[1]);
    fleet_world_settled(w);
    fleet_world_pass(w, 30000);
    assert_string_equal(play_fire(w, 3, "grace"), "OK  [playerLeft#5 gameEnd#6 roomCleanup#7]");
    assert_string_equal(RAW(w, "EXISTS", "players"), "0");
    assert_string_equal(RAW(w, "EXISTS", "deadlines"), "0");
    fleet_world_settled(w);
}

/* The timer was read as due, then the player came back, then it was fired. */
static void a_late_timer_of_an_old_grace(struct fleet_world *w)
{
    struct player p[3];
    started_three(w, p);
    (void)play_detach(w, &p[0]);
    struct timer_entry entry;
    const char *text = grace_entry(&p[0]);
    assert_true(timers_parse(str_of(text), &entry));
    assert_true(str_eq(entry.player_id, STR("a:1")));
    fleet_world_pass(w, 30000);
    play_attach(w, &p[0], 2);
    (void)play_reseat(w, &p[0]);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(ASK(w, timers_fire(&w->realm[3], &entry, ANSWER(w))), "TAKEN");
    fleet_world_same(w, &before, "a grace that is over");
    /* And with the entry still there (another hand): a new grace of the same player is not the old one. */
    (void)play_detach(w, &p[0]);
    (void)RAW(w, "ZADD", "deadlines", "5", text);
    assert_string_equal(ASK(w, timers_fire(&w->realm[3], &entry, ANSWER(w))), "STALE");
    assert_string_equal(field(w, &p[0], "seats"), "a:1 b c");
    fleet_world_settled(w);
    fleet_world_pass(w, 30000);
    assert_string_equal(play_fire(w, 3, "grace"), "OK  [playerLeft#6]");
}

/* Attached again, but the grace ran out before the seat was taken: the player stays, the seat is gone. */
static void grace_before_reseat(struct fleet_world *w)
{
    struct player p[3];
    started_three(w, p);
    (void)play_detach(w, &p[0]);
    fleet_world_pass(w, 30000);
    play_attach(w, &p[0], 2);
    assert_string_equal(play_fire(w, 3, "grace"), "OK  [playerLeft#4]");
    assert_string_equal(play_record(w, "a:1"), "idle||");
    assert_string_equal(play_reseat(w, &p[0]), "ROOM_NOT_FOUND");
    assert_string_equal(
        RAW(w, "HGET", "socket_mappings", p[0].socket),
        fleet_text("{\"socketId\":\"%s\",\"instanceId\":\"i2\",\"roomId\":null,\"playerId\":\"a:1\"}",
                   p[0].socket));
    fleet_world_settled(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_seat_is_held),
        BOTH(back_on_another_instance),
        BOTH(reseat_twice),
        BOTH(takeover_of_a_seat),
        BOTH(lost_between_attach_and_reseat),
        BOTH(no_seat_to_take),
        BOTH(the_room_is_lost),
        BOTH(reseat_before_the_start),
        BOTH(grace_ends_the_seat),
        BOTH(grace_of_the_last_but_one_ends_the_room),
        BOTH(both_in_grace),
        BOTH(a_late_timer_of_an_old_grace),
        BOTH(grace_before_reseat),
    };
    return FLEET_WORLD_RUN(tests);
}
