/* Numbered messages: their order, who hears them, and the log behind them. */
#include "tests/lib/play.h"

static void started(struct fleet_world *w, struct player *p, int at_a, int at_b)
{
    p[0] = play_arrive(w, "a", at_a);
    p[1] = play_arrive(w, "b", at_b);
    play_room(w, p, 2, 3);
}

/* Numbers as the log holds them: "1 2 3". */
static const char *numbers(struct fleet_world *w, const char *room_id, int64_t have)
{
    struct buf text = {0};
    (void)play_log(w, room_id, have);
    const struct reply *events = reply_at(w->reply, 2);
    for (size_t i = 0; i < events->count; i++) {
        struct buf one = {0};
        fleet_text_event(&one, reply_str(events, i));
        buf_add_fmt(&text, "%s%s", i ? " " : "", strchr(one.data, '#') + 1);
        buf_close(&one);
    }
    const char *out = fleet_text("%s", text.data ? text.data : "");
    buf_close(&text);
    return out;
}

static void one_order_for_all(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 1, 2);
    assert_string_equal(play_say(w, &p[0], "{\"m\":1}"), "OK 3 gameMessage#3");
    assert_string_equal(play_say(w, &p[1], "{\"m\":2}"), "OK 4 gameMessage#4");
    assert_string_equal(play_say(w, &p[1], "{\"m\":3}"), "OK 5 gameMessage#5");
    assert_string_equal(play_say(w, &p[0], "{\"m\":4}"), "OK 6 gameMessage#6");
    for (int i = 1; i <= 2; i++)
        assert_string_equal(fleet_world_heard(w, i),
                            "gameMessage#3 gameMessage#4 gameMessage#5 gameMessage#6 ");
    assert_string_equal(numbers(w, p[0].room, 0), "1 2 3 4 5 6");
    fleet_world_settled(w);
}

/* The reply, the message heard and the log entry are the same bytes. */
static void what_a_message_says(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 1, 2);
    const char *data = "{\"roomId\":\"x\",\"message\":[1,-0,1e3,\"\\u00e9\\\"\",[],{}]}";
    (void)play_say(w, &p[0], data);
    struct buf reply = {0};
    buf_add_str(&reply, reply_str(w->reply, 2));
    const char *start = fleet_text("{\"roomId\":\"%s\",\"event\":\"gameMessage\",\"data\":%s,"
                                   "\"originInstanceId\":\"i1\",\"timestamp\":",
                                   p[0].room, data);
    assert_memory_equal(reply.data, start, strlen(start));
    assert_string_equal(strstr(reply.data, ",\"seq\""), ",\"seq\":3,\"skip\":\"a\"}");
    assert_string_equal(fleet_world_heard_raw(w, 2), fleet_text("%s\n", reply.data));
    assert_string_equal(RAW(w, "LINDEX", fleet_text("room:%s:log", p[0].room), "-1"), reply.data);
    buf_close(&reply);
}

/* A member who has had it as a reply is skipped, unless he wants an echo. */
static void echo(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 1, 2);
    struct room_seat seat = play_seat(&p[1]);
    (void)ASK(w, room_state_message(&w->realm[2], &seat, "gameMessage", STR("{}"), true, ANSWER(w)));
    assert_null(strstr(fleet_world_heard_raw(w, 1), "skip"));
    (void)ASK(w, room_state_message(&w->realm[2], &seat, "gameMessage", STR("{}"), false, ANSWER(w)));
    assert_non_null(strstr(fleet_world_heard_raw(w, 1), ",\"skip\":\"b\"}\n"));
}

static void refusals(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    started(w, p, 1, 2);
    struct buf before = fleet_world_dump(w);
    assert_true(str_copy(c.room, sizeof c.room, str_of(p[0].room)));
    assert_string_equal(play_say(w, &c, "{}"), "NOT_IN_ROOM");
    struct player other = p[0];
    assert_true(str_copy(other.socket, sizeof other.socket, STR("a")));
    assert_string_equal(play_say(w, &other, "{}"),
                        "NOT_IN_ROOM"); /* a prefix of the socket is not the socket */
    assert_true(str_copy(other.socket, sizeof other.socket, STR("a.1|i1")));
    other.socket[3] = '.';
    assert_string_equal(play_say(w, &other, "{}"), "NOT_IN_ROOM");
    assert_true(str_copy(c.room, sizeof c.room, STR("r_1234567890123456789012")));
    assert_string_equal(play_say(w, &c, "{}"), "ROOM_NOT_FOUND");
    fleet_world_same(w, &before, "a refused message");
    assert_string_equal(fleet_world_heard(w, 2), "");
}

/* The connection that was replaced speaks no more once the new one has the seat. */
static void stale_socket(struct fleet_world *w)
{
    struct player p[2], old;
    started(w, p, 1, 2);
    old = p[0];
    play_attach(w, &p[0], 3);
    (void)play_reseat(w, &p[0]);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_say(w, &old, "{}"), "NOT_IN_ROOM");
    fleet_world_same(w, &before, "a stale socket's message");
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 4 gameMessage#4");
}

/* Nobody in grace can speak, not even with an empty socket's name. */
static void in_grace(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 1, 2);
    (void)play_detach(w, &p[0]);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_say(w, &p[0], "{}"), "NOT_IN_ROOM");
    p[0].socket[0] = '\0';
    assert_string_equal(play_say(w, &p[0], "{}"), "NOT_IN_ROOM");
    fleet_world_same(w, &before, "a message out of grace");
}

/* ---- who hears ---- */

static void speak_three_times(struct fleet_world *w, const struct player *p)
{
    play_forget(w);
    (void)play_say(w, &p[0], "{}");
    (void)play_say(w, &p[0], "{}");
    (void)play_set(w, &p[0], &(struct room_change){.json = STR("1")});
}

static const char three[] = "gameMessage#3 gameMessage#4 playerStateUpdated#5 ";

static void remote_is_silent_when_all_are_here(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 2, 2);
    speak_three_times(w, p);
    for (int i = 1; i <= 3; i++)
        assert_string_equal(fleet_world_heard(w, i), "");
}

static void remote_is_heard_when_somebody_is_elsewhere(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 1, 2);
    speak_three_times(w, p);
    for (int i = 1; i <= 3; i++) /* everybody listens to room_events */
        assert_string_equal(fleet_world_heard(w, i), three);
}

/* Once the other one is in grace, nobody is elsewhere any more. */
static void remote_follows_the_seats(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 1, 2);
    (void)play_detach(w, &p[1]);
    play_forget(w);
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 4 gameMessage#4");
    assert_string_equal(fleet_world_heard(w, 2), "");
    play_attach(w, &p[1], 3);
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 5 gameMessage#5");
    assert_string_equal(fleet_world_heard(w, 3), ""); /* attached, but the seat is not taken yet */
    (void)play_reseat(w, &p[1]);
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 7 gameMessage#7");
    assert_string_equal(fleet_world_heard(w, 1), "opponentReconnected#6 gameMessage#7 ");
}

static void all_is_always_heard(struct fleet_world *w)
{
    struct player p[2];
    fleet_world_mode(w, "all");
    started(w, p, 2, 2);
    speak_three_times(w, p);
    for (int i = 1; i <= 3; i++)
        assert_string_equal(fleet_world_heard(w, i), three);
}

static void direct_is_heard_by_members_only(struct fleet_world *w)
{
    struct player p[4];
    fleet_world_mode(w, "direct");
    for (int i = 0; i < 4; i++)
        p[i] = play_arrive(w, fleet_text("p%d", i), i < 2 ? 1 : i);
    fleet_world_seats(w, 4);
    for (int i = 0; i < 3; i++)
        (void)play_join(w, &p[i], 3);
    play_forget(w);
    (void)play_join(w, &p[3], 3);
    assert_string_equal(fleet_world_heard(w, 1), "matchFound#1 "); /* once, though two sit here */
    assert_string_equal(fleet_world_heard(w, 2), "matchFound#1 ");
    assert_string_equal(fleet_world_heard(w, 3), "");
    for (int i = 0; i < 4; i++) {
        memcpy(p[i].room, p[3].room, ID_SIZE);
        (void)play_confirm(w, &p[i]);
    }
    speak_three_times(w, p);
    assert_string_equal(fleet_world_heard(w, 1), "");
    assert_string_equal(fleet_world_heard(w, 2), three);
    assert_string_equal(fleet_world_heard(w, 3), three);
    assert_string_equal(fleet_world_heard(w, 4), "");
}

/* ---- the log ---- */

static void the_log_is_bounded(struct fleet_world *w)
{
    struct player p[2];
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.log_max = 5;
    started(w, p, 1, 2);
    assert_string_equal(numbers(w, p[0].room, 0), "1 2");
    for (int i = 3; i <= 12; i++)
        assert_string_equal(play_say(w, &p[i % 2], "{}"), fleet_text("OK %d gameMessage#%d", i, i));
    assert_string_equal(numbers(w, p[0].room, 0), "8 9 10 11 12");
    assert_string_equal(RAW(w, "LLEN", fleet_text("room:%s:log", p[0].room)), "5");
    assert_string_equal(numbers(w, p[0].room, 7), "8 9 10 11 12");
    assert_string_equal(numbers(w, p[0].room, 8), "9 10 11 12");
    assert_string_equal(numbers(w, p[0].room, 11), "12");
    assert_string_equal(numbers(w, p[0].room, 12), "");
    assert_string_equal(play_log(w, p[0].room, 12), "OK 12 [] 12 1");
    assert_string_equal(play_log(w, p[0].room, 99), "OK 12 [] 12 1");
    fleet_world_settled(w);
}

/* A long one is cut at every eighth of its length only. */
static void a_long_log_is_cut_now_and_then(struct fleet_world *w)
{
    struct player p[2];
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.log_max = 32;
    started(w, p, 1, 2);
    for (int i = 3; i <= 80; i++) {
        (void)play_say(w, &p[i % 2], "{}");
        (void)RAW(w, "LLEN", fleet_text("room:%s:log", p[0].room));
        int64_t length = w->reply->integer;
        assert_int_equal(length, i <= 32 ? i : i < 36 ? i : 32 + i % 4);
    }
    (void)play_log(w, p[0].room, 0);
    assert_int_equal(reply_at(w->reply, 2)->count, 32);
    (void)play_say(w, &p[0], "{}");
    fleet_world_settled(w);
}

static void the_log_outlives_the_room(struct fleet_world *w)
{
    struct player p[2];
    started(w, p, 1, 2);
    (void)play_say(w, &p[0], "{}");
    (void)play_end(w, &p[0], "{\"winner\":\"a\"}");
    assert_string_equal(play_end(w, &p[1], "{\"winner\":\"a\"}"), "OK 1 [gameEnd#4 roomCleanup#5]");
    assert_string_equal(play_log(w, p[0].room, 0),
                        "OK -1 [matchFound#1 gameStart#2 gameMessage#3 gameEnd#4 roomCleanup#5] 5 1");
    assert_string_equal(play_log(w, p[0].room, 3), "OK -1 [gameEnd#4 roomCleanup#5] 5 1");
    assert_string_equal(play_log(w, p[0].room, 5), "OK -1 [] 5 1");
    assert_string_equal(play_log(w, p[0].room, 99), "OK -1 [] 5 1");
    fleet_world_settled(w);
    fleet_world_pass(w, 14000);
    assert_string_equal(numbers(w, p[0].room, 0), "1 2 3 4 5");
    fleet_world_pass(w, 1001);
    assert_string_equal(play_log(w, p[0].room, 0), "OK -1 [] 0 1");
    assert_string_equal(play_log_for(w, "a", p[0].room, 0), "NOT_IN_ROOM");
    fleet_world_settled(w);
}

/* The ended room's log is bounded too, and what is asked for may have fallen out of it. */
static void the_short_log_of_an_ended_room(struct fleet_world *w)
{
    struct player p[2];
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.log_max = 3;
    started(w, p, 1, 2);
    (void)play_say(w, &p[0], "{}");
    (void)play_leave_room(w, &p[1]);
    assert_string_equal(play_log_for(w, "b", p[0].room, 0),
                        "OK -1 [playerLeft#4 gameEnd#5 roomCleanup#6] 6 1");
    assert_string_equal(play_log_for(w, "a", p[0].room, 3),
                        "OK -1 [playerLeft#4 gameEnd#5 roomCleanup#6] 6 1");
    assert_string_equal(play_log_for(w, "a", p[0].room, 4), "OK -1 [gameEnd#5 roomCleanup#6] 6 1");
    fleet_world_settled(w);
}

/* A player sees the log of a room in which he sits, or sat when it ended: nobody else's. */
static void the_log_is_for_members(struct fleet_world *w)
{
    struct player p[3];
    fleet_world_seats(w, 3);
    for (int i = 0; i < 3; i++)
        p[i] = play_arrive(w, i == 2 ? "b-a" : i ? "b" : "a", 1 + i);
    play_room(w, p, 3, 3);
    /* What clients write cannot pass for the script's own words, at any place. */
    static const char *const lies[] = {
        "{\"x\":1},\"seq\":99,\"members\":\"z\"}",
        "\",\"seq\":99,\"members\":\"z\"}",
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct buf json = {0};
        buf_add_text(&json, "{\"m\":");
        buf_add_json(&json, str_of(lies[i]));
        buf_add_text(&json, "}");
        (void)play_say(w, &p[0], json.data);
        buf_close(&json);
    }
    assert_string_equal(play_log_for(w, "a", p[0].room, 3), "OK 4 [gameMessage#4] 4 1");
    assert_string_equal(play_log_for(w, "b-a", p[0].room, 9), "OK 4 [] 4 1");
    assert_string_equal(play_log_for(w, "z", p[0].room, 0), "NOT_IN_ROOM");
    (void)play_leave_room(w, &p[2]);
    assert_string_equal(play_log_for(w, "b-a", p[0].room, 0), "NOT_IN_ROOM");
    static const char end[] = "{\"w\":{\"seq\":7,\"members\":\"z\"}}";
    (void)play_end(w, &p[0], end);
    assert_string_equal(play_end(w, &p[1], end), "OK 1 [gameEnd#6 roomCleanup#7]");
    assert_string_equal(play_log_for(w, "a", p[0].room, 4),
                        "OK -1 [playerLeft#5 gameEnd#6 roomCleanup#7] 7 1");
    assert_string_equal(play_log_for(w, "b", p[0].room, 6), "OK -1 [roomCleanup#7] 7 1");
    const char *const strangers[] = {"b-a", "z", "-", ".", "%a", "player"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        assert_string_equal(play_log_for(w, strangers[i], p[0].room, 0), "NOT_IN_ROOM");
    fleet_world_settled(w);
}

static void the_log_of_no_room(struct fleet_world *w)
{
    assert_string_equal(play_log(w, "r_1234567890123456789012", 0), "OK -1 [] 0 1");
}

/* A read changes nothing, and only members may read the record. */
static void reading_the_room(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    started(w, p, 1, 2);
    (void)play_say(w, &p[0], "{}");
    struct buf before = fleet_world_dump(w);
    struct room_seat seat = play_seat(&p[1]);
    (void)ASK(w, room_state_read(&w->realm[2], &seat, ANSWER(w)));
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    assert_int_equal(reply_int(w->reply, 2), 3);
    assert_true(str_eq(reply_str(w->reply, 3), STR("active")));
    assert_true(str_eq(reply_str(w->reply, 4), STR("a|i1|a.1 b|i2|b.1")));
    struct str record = reply_str(w->reply, 1), tail = STR(",\"version\":0,\"seq\":3,\"epoch\":1}");
    assert_true(record.n > tail.n);
    assert_memory_equal(record.p + record.n - tail.n, tail.p, tail.n);
    memcpy(c.room, p[0].room, sizeof c.room);
    seat = play_seat(&c);
    assert_string_equal(ASK(w, room_state_read(&w->realm[3], &seat, ANSWER(w))), "NOT_IN_ROOM");
    seat.player_id = (struct str){0}; /* an instance, for its own view */
    (void)ASK(w, room_state_read(&w->realm[3], &seat, ANSWER(w)));
    assert_int_equal(reply_int(w->reply, 2), 3);
    c.room[5] = c.room[5] == 'x' ? 'y' : 'x';
    seat = play_seat(&c);
    assert_string_equal(ASK(w, room_state_read(&w->realm[3], &seat, ANSWER(w))), "ROOM_NOT_FOUND");
    fleet_world_same(w, &before, "reading");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(one_order_for_all),
        BOTH(what_a_message_says),
        BOTH(echo),
        BOTH(refusals),
        BOTH(stale_socket),
        BOTH(in_grace),
        BOTH(remote_is_silent_when_all_are_here),
        BOTH(remote_is_heard_when_somebody_is_elsewhere),
        BOTH(remote_follows_the_seats),
        BOTH(all_is_always_heard),
        BOTH(direct_is_heard_by_members_only),
        BOTH(the_log_is_bounded),
        BOTH(a_long_log_is_cut_now_and_then),
        BOTH(the_log_outlives_the_room),
        BOTH(the_short_log_of_an_ended_room),
        BOTH(the_log_is_for_members),
        BOTH(the_log_of_no_room),
        BOTH(reading_the_room),
    };
    return FLEET_WORLD_RUN(tests);
}
