/* A room goes to its instance's own memory and comes back into the store: what survives, what is done once
 * however often it is asked, and a store that has lost something. When the store is right stands in
 * restore_test.c. */
#include "common/err.h"
#include "tests/lib/trip.h"

static struct room_change game(const char *json, int64_t turn, int64_t expected)
{
    return (struct room_change){.game = true,
                                .json = str_of(json),
                                .has_turn = turn >= 0,
                                .turn = turn,
                                .has_expected_version = true,
                                .expected_version = expected};
}

static void set_game(struct trip *t, size_t who, const char *json, int64_t turn, int64_t expected)
{
    struct room_change change = game(json, turn, expected);
    (void)play_set(t->w, &t->p[who], &change);
    assert_true(realm_said(realm_outcome(t->w->err, t->w->reply), "OK"));
}

static void set_own(struct trip *t, size_t who, const char *json)
{
    struct room_change change = {.json = str_of(json)};
    (void)play_set(t->w, &t->p[who], &change);
    assert_true(realm_said(realm_outcome(t->w->err, t->w->reply), "OK"));
}

static const char *limit_turn(struct trip *t, size_t who, int64_t ms, int64_t version)
{
    struct room_seat seat = play_seat(&t->p[who]);
    return ASK(t->w, room_state_deadline(&t->w->realm[t->p[who].at], &seat, ms, version, ANSWER(t->w)));
}

static void all_of_it_survives(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 3);
    trip_play(&t);
    set_game(&t, 0, "{\"board\":[1e999,18446744073709551616]}", 7, 0);
    set_own(&t, 1, "{\"hp\": 3}");
    (void)play_end(w, &t.p[2], "\"draw\"");
    (void)limit_turn(&t, 0, 60000, 1);
    const char *before = trip_describe(&t, &w->realm[1]);
    assert_string_equal(before, "active 4 1 7 {\"board\":[1e999,18446744073709551616]} | a 1 {} 0  | b 1 "
                                "{\"hp\": 3} 1  | c 1 {} 0 \"draw\" ");

    trip_go(&t);
    assert_string_equal(trip_describe(&t, t.own), before);
    assert_string_equal(play_say(w, &t.p[0], "{}"), "OK 6 gameMessage#6 roomEpoch#5");
    set_own(&t, 0, "[0]");
    set_own(&t, 1, "{}");
    assert_string_equal(play_end(w, &t.p[0], "\"draw\""), "OK 0 []");
    (void)play_detach(w, &t.p[1]);
    const char *there = trip_describe(&t, t.own);
    assert_string_equal(there, "active 9 1 7 {\"board\":[1e999,18446744073709551616]} | a 1 [0] 1 \"draw\" | "
                               "b 1 {} 2  | c 1 {} 0 \"draw\" ");
    trip_pass(&t, 20000);

    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(trip_describe(&t, &w->realm[1]), there);
    assert_string_equal(trip_log(&t), "1 2 3 4 5@E 6@E 7@E 8@E 9@E");
    assert_string_equal(play_record(w, "b"), "room|3|<room>");
    fleet_world_audit(w);
    /* What is left of the grace and of the turn runs on. */
    fleet_world_live(w, 9000);
    assert_string_equal(play_fire(w, 2, "grace"), "EARLY");
    fleet_world_live(w, 2000);
    assert_string_equal(play_fire(w, 2, "grace"), "OK  [playerLeft#10 gameEnd#11 roomCleanup#12]");
    trip_close(&t);
    fleet_world_settled(w);
}

static void limits_run_on(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    (void)limit_turn(&t, 0, 60000, 0);
    trip_go(&t);
    trip_pass(&t, 30000);
    assert_string_equal(play_say(w, &t.p[1], "{}"), "OK 4 gameMessage#4 roomEpoch#3");
    (void)trip_come_home(&t);
    fleet_world_live(w, 29000);
    assert_string_equal(play_fire(w, 2, "turn"), "EARLY");
    fleet_world_live(w, 2000);
    assert_string_equal(play_fire(w, 2, "turn"), "OK  [turnTimeout#5]");
    fleet_world_live(w, 1800000);
    assert_string_equal(play_fire(w, 2, "idle"), "OK  [gameEnd#6 roomCleanup#7]");
    trip_close(&t);
    fleet_world_settled(w);
}

/* Nothing said there: the store's numbers go on, with what it carried out late for us. */
static void a_quiet_time(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    struct player late = t.p[1];
    trip_go(&t);
    assert_string_equal(play_say(w, &late, "{}"), "OK 3 gameMessage#3"); /* nobody was told */
    assert_string_equal(play_end(w, &t.p[0], "1"), "OK 0 []");
    (void)limit_turn(&t, 0, 5000, 0);
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(trip_describe(&t, &w->realm[1]), "active 3 0 0 {} | a 1 {} 0 1 | b 1 {} 0  ");
    assert_string_equal(trip_log(&t), "1 2 3");
    fleet_world_audit(w);
    fleet_world_live(w, 6000);
    assert_string_equal(play_fire(w, 2, "turn"), "OK  [turnTimeout#4]");
    assert_string_equal(play_end(w, &t.p[1], "1"), "OK 1 [gameEnd#5 roomCleanup#6]");
    trip_close(&t);
    fleet_world_settled(w);
}

static void born_there(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 3);
    trip_begin_there(&t, true);
    assert_string_equal(play_say(w, &t.p[0], "{}"), "OK 3 gameMessage#3");
    (void)play_detach(w, &t.p[2]);
    const char *there = trip_describe(&t, t.own);
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(trip_describe(&t, &w->realm[1]), there);
    assert_string_equal(trip_log(&t), "1 2 3 4");
    assert_string_equal(play_record(w, "c"), "room|3|<room>"); /* a seat is held for him */
    fleet_world_settled(w);
    struct player c = t.p[2];
    c.fence = 0;
    play_attach(w, &c, 2);
    (void)play_reseat(w, &c);
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    (void)play_leave_room(w, &t.p[0]);
    (void)play_leave_room(w, &t.p[1]);
    trip_close(&t);
    fleet_world_settled(w);
}

static void not_confirmed_yet(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 3);
    trip_begin_there(&t, false);
    (void)play_confirm(w, &t.p[1]);
    trip_pass(&t, 4000);
    (void)play_confirm(w, &t.p[0]);
    assert_string_equal(trip_come_home(&t), "OK []");
    fleet_world_settled(w);
    fleet_world_live(w, 5000);
    assert_string_equal(play_fire(w, 2, "confirm"), "EARLY");
    fleet_world_live(w, 2000);
    assert_string_equal(play_fire(w, 2, "confirm"), "OK 3 [matchCancelled#2]");
    assert_string_equal(play_queue(w, "3"), "a b"); /* as they had joined */
    assert_string_equal(play_record(w, "c"), "idle||");
    fleet_world_settled(w);
    trip_close(&t);
}

static void confirmed_at_home(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_begin_there(&t, false);
    (void)play_confirm(w, &t.p[0]);
    (void)trip_come_home(&t);
    assert_string_equal(play_confirm(w, &t.p[1]), "OK active [gameStart#2] 2");
    fleet_world_settled(w);
    trip_close(&t);
}

static void ended_there(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    (void)play_end(w, &t.p[0], "{\"w\":1}");
    trip_go(&t);
    const char *answer = play_end(w, &t.p[1], "{\"w\":1}");
    assert_string_equal(answer, "OK 1 [roomEpoch#3 gameEnd#4 roomCleanup#5]");
    (void)ASK(w, transfer_image_room(t.own, str_of(t.room_id), ANSWER(w)));
    assert_string_equal(w->text.data, "ENDED");
    assert_string_equal(trip_end(&t, "{\"w\":1}"), "ENDED [gameEnd#3 roomCleanup#4]");
    struct str end = reply_str(reply_at(w->reply, 1), 0);
    static const char told[] = "\"reason\":\"agreed\",\"result\":{\"w\":1}}";
    assert_non_null(memmem(end.p, end.n, told, sizeof told - 1));
    assert_string_equal(play_record(w, "a"), "idle||");
    assert_string_equal(trip_end(&t, "{\"w\":1}"), "GONE");
    trip_close(&t);
    fleet_world_settled(w);
}

/* It ended there, the store, with older data, knew better, and it goes there again: as if it had never been
 * there. */
static void there_again(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    trip_go(&t);
    for (int i = 0; i < 2; i++)
        (void)play_end(w, &t.p[i], "{}");
    trip_go(&t);
    (void)play_say(w, &t.p[0], "{}");
    trip_pass(&t, 20000); /* longer than the log of a room that has ended is kept */
    const char *log = ASK(w, room_state_log(t.own, str_of(t.room_id), (struct str){0}, 0, ANSWER(w)));
    static const char wanted[] = "OK 4 [roomEpoch#3 gameMessage#4] 4 ";
    assert_memory_equal(log, wanted, sizeof wanted - 1); /* and the epoch */
    trip_close(&t);
}

/* The store has lost one of the reports, and the other one came last: nobody reports again. */
static void all_had_reported(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    (void)RAW(w, "HSET", fleet_text("room:%s", t.room_id), "r:a", "{\"won\":\"a\"}", "r:b",
              "{\"won\":\"a\"}");
    trip_go(&t);
    trip_take_image(&t);
    trip_attach(&t, 0);
    trip_attach(&t, 1);
    assert_string_equal(trip_restore(&t), "OK [gameEnd#3 roomCleanup#4]");
    fleet_world_settled(w);
    trip_close(&t);
}

/* Who left the room there is free here. */
static void who_left_is_free(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 3);
    trip_play(&t);
    trip_go(&t);
    assert_string_equal(play_leave_room(w, &t.p[1]), "OK  [roomEpoch#3 playerLeft#4]");
    (void)trip_come_home(&t);
    assert_string_equal(play_record(w, "b"), "idle||");
    assert_string_equal(trip_describe(&t, &w->realm[1]), "active 4 0 0 {} | a 1 {} 0  | c 1 {} 0  ");
    trip_close(&t);
    fleet_world_settled(w);
}

/* ---- asked again ---- */

static void once_more(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    trip_go(&t);
    (void)play_say(w, &t.p[0], "{}");
    (void)play_detach(w, &t.p[1]);
    (void)trip_come_home(&t);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(trip_restore(&t), "OK []"); /* the answer was lost */
    fleet_world_same(w, &before, "restoring it again");
    /* It has gone on here: that stays. */
    (void)play_say(w, &t.p[0], "{}");
    assert_string_equal(play_fire(w, 2, "grace"), "EARLY");
    before = fleet_world_dump(w);
    assert_string_equal(trip_restore(&t), "OK []");
    fleet_world_same(w, &before, "restoring it again, late");
    trip_close(&t);
}

/* The answer was lost and the store away again: the room went on there, and comes once more. */
static void on_the_way_twice(struct fleet_world *w)
{
    for (int arrived = 0; arrived < 2; arrived++) {
        struct trip t;
        fleet_world_empty(w);
        for (int i = 1; i <= 3; i++)
            fleet_world_beat(w, i);
        trip_open(&t, w, 2);
        trip_play(&t);
        trip_go(&t);
        (void)play_say(w, &t.p[0], "{}");
        trip_take_image(&t);
        trip_attach(&t, 0);
        trip_attach(&t, 1);
        if (arrived)
            assert_string_equal(trip_restore(&t), "OK []");
        trip_may_be_home(&t);
        assert_string_equal(play_say(w, &t.p[1], "{}"), "OK 6 gameMessage#6 roomEpoch#5");
        set_game(&t, 0, "[2]", 2, 0);
        assert_string_equal(trip_come_home(&t), arrived ? "OK []" : "OK [roomEpoch#8]");
        assert_string_equal(trip_describe(&t, &w->realm[1]),
                            arrived ? "active 7 1 2 [2] | a 1 {} 0  | b 1 {} 0  "
                                    : "active 8 1 2 [2] | a 1 {} 0  | b 1 {} 0  ");
        assert_string_equal(trip_log(&t),
                            arrived ? "1 2 3@E 4@E 5@E 6@E 7@E" : "1 2 3@E 4@E 5@E 6@E 7@E 8@E");
        fleet_world_settled(w);
        trip_close(&t);
    }
}

/* The first image arrived, and here its grace ran out meanwhile: that is what counts. */
static void on_the_way_and_changed(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 3);
    trip_play(&t);
    trip_go(&t);
    (void)play_detach(w, &t.p[2]);
    trip_take_image(&t);
    trip_attach(&t, 0);
    trip_attach(&t, 1);
    assert_string_equal(trip_restore(&t), "OK []");
    trip_may_be_home(&t);
    fleet_world_live(w, 31000);
    assert_string_equal(play_fire(w, 2, "grace"), "OK  [playerLeft#5]");
    trip_take_image(&t);
    assert_string_equal(trip_restore(&t), "CHANGED epoch, version or seats");
    trip_close(&t);
}

static void born_there_on_the_way_twice(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_begin_there(&t, true);
    trip_take_image(&t);
    trip_attach(&t, 0);
    trip_attach(&t, 1);
    assert_string_equal(trip_restore(&t), "OK []");
    trip_may_be_home(&t);
    (void)play_say(w, &t.p[0], "{}");
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(trip_log(&t), "1 2 3@E 4@E");
    fleet_world_settled(w);
    trip_close(&t);
}

/* It arrived, the answer was lost, and nothing more was said there: its numbers go on here, for somebody may
 * have seen them. */
static void twice_and_nothing_more(struct fleet_world *w, bool born)
{
    struct trip t;
    trip_open(&t, w, 2);
    if (born) {
        trip_begin_there(&t, true);
    } else {
        trip_play(&t);
        trip_go(&t);
    }
    (void)play_say(w, &t.p[0], "{}");
    trip_take_image(&t);
    trip_attach(&t, 0);
    trip_attach(&t, 1);
    assert_string_equal(trip_restore(&t), "OK []");
    trip_may_be_home(&t);
    struct player b = t.p[1];
    play_attach(w, &b, 2);
    assert_non_null(strstr(play_reseat(w, &b), "opponentReconnected"));
    char log[64];
    (void)str_copy(log, sizeof log, str_of(trip_log(&t)));
    const char *event = fleet_text("%s", RAW(w, "LINDEX", fleet_text("room:%s:log", t.room_id), "-1"));
    trip_take_image(&t);
    trip_attach(&t, 0);
    assert_string_equal(trip_restore(&t), "OK []");
    assert_string_equal(trip_log(&t), log);
    assert_string_equal(RAW(w, "LINDEX", fleet_text("room:%s:log", t.room_id), "-1"), event);
    fleet_world_audit(w);
    trip_close(&t);
}

/* The image that may have arrived is not here: it may have come to a store whose data is lost by now, and the
 * next number may have been another event there. */
static void perhaps_in_a_lost_store(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_begin_there(&t, true);
    (void)play_say(w, &t.p[0], "{}");
    trip_take_image(&t);
    trip_may_be_home(&t);
    struct player b = t.p[1];
    b.fence = 0; /* of there */
    play_attach(w, &b, 2);
    trip_take_image(&t);
    trip_attach(&t, 0);
    assert_string_equal(trip_restore(&t), "OK [roomEpoch#4 opponentReconnected#5]");
    assert_string_equal(trip_log(&t), "1 2 3 4@E 5@E");
    fleet_world_audit(w);
    trip_close(&t);
}

static void twice_and_nothing_said(struct fleet_world *w)
{
    twice_and_nothing_more(w, false);
}
static void born_twice_and_nothing_said(struct fleet_world *w)
{
    twice_and_nothing_more(w, true);
}

/* He waited here when the store went away and was swept; there he was matched, and lost his line. */
static void whose_ticket_was_put_aside(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    struct player b = t.p[1];
    (void)play_join(w, &b, 5);
    (void)play_detach(w, &b);
    trip_begin_there(&t, true);
    (void)play_detach(w, &t.p[1]);
    assert_non_null(strstr(RAW(w, "ZRANGE", "deadlines", "0", "-1"), "queue:b:"));
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_null(strstr(RAW(w, "ZRANGE", "deadlines", "0", "-1"), "queue:b:"));
    fleet_world_audit(w);
    trip_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(all_of_it_survives),
        BOTH(limits_run_on),
        BOTH(a_quiet_time),
        BOTH(born_there),
        BOTH(not_confirmed_yet),
        BOTH(confirmed_at_home),
        BOTH(ended_there),
        BOTH(there_again),
        BOTH(all_had_reported),
        BOTH(who_left_is_free),
        BOTH(once_more),
        BOTH(on_the_way_twice),
        BOTH(on_the_way_and_changed),
        BOTH(born_there_on_the_way_twice),
        BOTH(whose_ticket_was_put_aside),
        BOTH(perhaps_in_a_lost_store),
        BOTH(twice_and_nothing_said),
        BOTH(born_twice_and_nothing_said),
    };
    return FLEET_WORLD_RUN(tests);
}
