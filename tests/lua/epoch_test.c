/* Another run of the store: a room's next event begins an epoch, whichever script makes it; and each instance
 * learns for itself what the store has forgotten. */
#include "tests/lib/play.h"

/* Another process serves the store; the first instance back has noticed (heartbeat.lua). */
static void another_run(struct fleet_world *w, const char *run)
{
    assert_string_equal(RAW(w, "SET", "lineage", fleet_text("another|%s|0", run)), "OK");
}

static void started(struct fleet_world *w, struct player *p)
{
    p[0] = play_arrive(w, "a", 1);
    p[1] = play_arrive(w, "b", 2);
    play_room(w, p, 2, 3);
}

static const char *room_field(struct fleet_world *w, const struct player *p, const char *field)
{
    return fleet_text("%s", RAW(w, "HGET", fleet_text("room:%s", p->room), field));
}

static void a_message_begins_it(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 3 gameMessage#3");
    play_forget(w);
    another_run(w, "77");
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 5 gameMessage#5 roomEpoch#4");
    const char *heard = fleet_text("%s", fleet_world_heard_raw(w, 2));
    assert_non_null(strstr(heard, ",\"event\":\"roomEpoch\",\"data\":{\"roomId\":\""));
    assert_non_null(strstr(heard, "\",\"epoch\":77},\"originInstanceId\":\"i1\",\"timestamp\":"));
    assert_non_null(strstr(heard, ",\"seq\":4,\"epoch\":77,\"from\":1}\n"));
    assert_non_null(strstr(heard, ",\"seq\":5,\"epoch\":77,\"skip\":\"a\"}\n"));
    assert_string_equal(play_say(w, &p[1], "{}"), "OK 6 gameMessage#6");
    assert_string_equal(play_log(w, p[0].room, 3), "OK 6 [roomEpoch#4 gameMessage#5 gameMessage#6] 6 77");
    assert_string_equal(room_field(w, &p[0], "epoch"), "77");
    another_run(w, "99");
    assert_string_equal(play_say(w, &p[1], "{}"), "OK 8 gameMessage#8 roomEpoch#7");
    assert_non_null(strstr(fleet_world_heard_raw(w, 1), ",\"seq\":7,\"epoch\":99,\"from\":77}\n"));
}

static void every_script_begins_it(struct fleet_world *w)
{
    struct player p[2];
    struct room_change change = {.json = STR("1")};
    started(w, p);
    another_run(w, "11");
    assert_string_equal(play_set(w, &p[0], &change), "OK 1 4 [roomEpoch#3 playerStateUpdated#4]");
    another_run(w, "12");
    assert_string_equal(play_detach(w, &p[0]), "OK  [roomEpoch#5 opponentDisconnected#6] seat");
    another_run(w, "13");
    play_attach(w, &p[0], 3);
    (void)play_reseat(w, &p[0]);
    assert_int_equal(reply_int(w->reply, 2), 8);
    assert_int_equal(reply_int(w->reply, 8), 13);
    assert_non_null(
        memmem(reply_str(w->reply, 3).p, reply_str(w->reply, 3).n, "\"seq\":8,\"epoch\":13}", 18));
    another_run(w, "14");
    (void)play_end(w, &p[0], "1");
    assert_string_equal(room_field(w, &p[0], "epoch"), "13"); /* nothing was said */
    assert_string_equal(play_end(w, &p[1], "2"), "OK 0 [roomEpoch#9 error#10]");
    another_run(w, "15");
    assert_string_equal(play_leave_room(w, &p[1]),
                        "OK  [roomEpoch#11 playerLeft#12 gameEnd#13 roomCleanup#14]");
    fleet_world_settled(w);
}

/* No epoch of which the log does not tell. A batch goes on behind a message that fails, so Redis does not see
 * a failed script in it. */
static void not_without_its_event(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    another_run(w, "77");
    const char *log = fleet_text("room:%s:log", p[0].room);
    (void)RAW(w, "DEL", log);
    (void)RAW(w, "SET", log, "foreign");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_say(w, &p[0], "{}"), "!WRONGTYPE");
    fleet_world_same(w, &before, "a message that cannot be logged");
    (void)RAW(w, "DEL", log);
    w->unaudited = true; /* the log is not what it was */
    assert_string_equal(room_field(w, &p[0], "epoch"), "1");
    if (w->redis) {
        before = fleet_world_dump(w);
        (void)ADMIN(w, "CONFIG", "SET", "maxmemory", "1");
        const char *answer = fleet_text("%s", play_say(w, &p[0], "{}"));
        (void)ADMIN(w, "CONFIG", "SET", "maxmemory", "0");
        assert_string_equal(answer, "!OOM");
        fleet_world_same(w, &before, "a message to a full store");
    }
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 4 gameMessage#4 roomEpoch#3");
    assert_string_equal(room_field(w, &p[0], "epoch"), "77");
}

static void a_match_that_waits(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    play_waiting_room(w, p, 2, 3);
    another_run(w, "11");
    assert_string_equal(play_confirm(w, &p[0]), "OK waiting [] 1");
    assert_string_equal(play_confirm(w, &p[1]), "OK active [roomEpoch#2 gameStart#3] 3");
    fleet_world_settled(w);
}

/* The timers of a room are found in its later epochs too. */
static void its_timers_stay(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)}, q[2];
    play_waiting_room(w, p, 2, 3);
    another_run(w, "11");
    fleet_world_live(w, 10000);
    const char *answer = play_fire(w, 3, "confirm");
    assert_non_null(strstr(answer, "matchCancelled"));
    q[0] = play_arrive(w, "c", 1);
    q[1] = play_arrive(w, "d", 2);
    play_room(w, q, 2, 4);
    another_run(w, "12");
    assert_string_equal(play_say(w, &q[0], "{}"), "OK 4 gameMessage#4 roomEpoch#3");
    fleet_world_live(w, 1800000);
    answer = play_fire(w, 3, "idle");
    assert_non_null(strstr(answer, "gameEnd"));
    fleet_world_settled(w);
}

/* Born under a run, a room's first epoch lasts until that run is over. */
static void a_new_room_needs_none(struct fleet_world *w)
{
    struct player p[2];
    another_run(w, "11");
    started(w, p);
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 3 gameMessage#3");
    assert_string_equal(room_field(w, &p[0], "epoch"), "1");
    assert_string_equal(room_field(w, &p[0], "run"), "11");
}

/* A store that does not say who it is (the in-memory one, or INFO is forbidden): rooms stay in their epoch.
 */
static void without_a_run(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)RAW(w, "DEL", "lineage");
    assert_string_equal(play_say(w, &p[0], "{}"), "OK 3 gameMessage#3");
}

/* A version that was seen in a former epoch proves nothing in the next one. */
static void versions_belong_to_an_epoch(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    struct room_seat who = play_seat(&p[0]);
    struct room_change change = {.json = STR("1"), .has_expected_version = true};
    who.epoch = 1;
    for (int game = 0; game <= 1; game++) {
        change.game = game;
        assert_string_equal(play_set(w, &p[0], &change),
                            fleet_text("OK 1 %d [%s#%d]", game ? 4 : 3,
                                       game ? "gameDataUpdated" : "playerStateUpdated", game ? 4 : 3));
    }
    another_run(w, "77");
    change.expected_version = 1;
    EXPECT(w, room_state_set(&w->realm[1], &who, &change, ANSWER(w)),
           "OK 2 6 [roomEpoch#5 gameDataUpdated#6]");
    change.expected_version = 2; /* the first of the epoch was right; from now on it must be known */
    EXPECT(w, room_state_set(&w->realm[1], &who, &change, ANSWER(w)), "STALE_VERSION 2");
    EXPECT(w, room_state_deadline(&w->realm[1], &who, 5000, 2, ANSWER(w)), "STALE_VERSION 2");
    who.epoch = 77;
    EXPECT(w, room_state_set(&w->realm[1], &who, &change, ANSWER(w)), "OK 3 7 [gameDataUpdated#7]");
    who.epoch = 1;
    change.has_expected_version = false;
    EXPECT(w, room_state_set(&w->realm[1], &who, &change, ANSWER(w)), "OK 4 8 [gameDataUpdated#8]");
}

/* ---- heartbeats ---- */

static struct presence_beat beat_of(int64_t run, int64_t fence, int64_t answered)
{
    return (struct presence_beat){.info = STR("{\"host\":\"h\",\"seats\":2,\"beat\":7}"),
                                  .known_epoch = 1,
                                  .fence = fence,
                                  .known_run = run,
                                  .answered = answered};
}

static void beat(struct fleet_world *w, int i, int64_t run, int64_t fence, int64_t answered)
{
    struct presence_beat b = beat_of(run, fence, answered);
    (void)ASK(w, presence_heartbeat(&w->realm[i], &b, ANSWER(w)));
}

static void the_run_is_a_level(struct fleet_world *w)
{
    beat(w, 1, 0, 0, 0);
    int64_t run = reply_int(w->reply, 7);
    assert_int_equal(run != 0, w->redis);
    for (int i = 1; i <= 3; i++) {
        beat(w, i, run, 0, 0);
        assert_int_equal(reply_int(w->reply, 7), run);
        assert_int_equal(reply_int(w->reply, 6), 0);
        assert_int_equal(reply_int(w->reply, 8), 0);
    }
}

/* The data is that of another process, whatever it was: a new run, above all that are known. */
static void another_process_is_another_run(struct fleet_world *w)
{
    if (!w->redis)
        return;
    beat(w, 1, 0, 0, 0);
    int64_t first = reply_int(w->reply, 7);
    another_run(w, fleet_text("%lld", (long long)first));
    beat(w, 2, first, 0, 0);
    int64_t second = reply_int(w->reply, 7);
    assert_true(second > first);
    another_run(w, "5"); /* older data, and an instance that has seen more */
    beat(w, 1, INT64_C(9000000000000000), 0, 0);
    assert_int_equal(reply_int(w->reply, 7), INT64_C(9000000000000001));
    beat(w, 3, second, 0, 0);
    assert_int_equal(reply_int(w->reply, 7), INT64_C(9000000000000001));
}

/* A beat that renews nothing is the first call all the same: what follows it must not count in the old epoch.
 */
static void a_late_beat_begins_the_run(struct fleet_world *w)
{
    if (!w->redis)
        return;
    another_run(w, "5");
    struct presence_beat b = beat_of(5, 0, 0);
    b.not_after_ms = 1;
    (void)ASK(w, presence_heartbeat(&w->realm[1], &b, ANSWER(w)));
    assert_true(str_eq(reply_str(w->reply, 0), STR("LATE")));
    assert_true(reply_int(w->reply, 2) > 5); /* what is sent behind it says so too */
    assert_null(strstr(RAW(w, "GET", "lineage"), "another"));
    beat(w, 1, 5, 3, 0);
    assert_true(reply_int(w->reply, 7) > 5);
    assert_int_equal(reply_int(w->reply, 6), 3);
}

/* The first one back makes up for the fences; the others are told all the same. */
static void each_learns_what_it_lost(struct fleet_world *w)
{
    beat(w, 1, 0, 0, 0);
    int64_t run = reply_int(w->reply, 7);
    (void)RAW(w, "SET", "fence", "3");
    if (w->redis)
        another_run(w, "5");
    else
        (void)RAW(w, "SET", "lineage", "another|99|3"); /* as the first beat there would have written it */
    beat(w, 1, run + 1, 10, 0);
    int64_t now = reply_int(w->reply, 7);
    assert_int_equal(reply_int(w->reply, 6), 7);
    assert_string_equal(RAW(w, "GET", "fence"), w->redis ? "1000003" : "10");
    beat(w, 1, now, 10, 0);
    assert_int_equal(reply_int(w->reply, 6), 0); /* once */
    beat(w, 2, run + 1, 5, 0);
    assert_int_equal(reply_int(w->reply, 6), 2);
    beat(w, 3, run + 1, 3, 0); /* nothing of this one's */
    assert_int_equal(reply_int(w->reply, 6), 0);
}

/* What was lost gave out fences that other instances still hold: none of the new ones may be below them, or a
 * connection from before would take the player from the one he has now. */
static void fences_are_not_given_out_twice(struct fleet_world *w)
{
    if (!w->redis)
        return;
    for (int i = 1; i <= 2; i++)
        beat(w, i, 0, 0, 0);
    int64_t run = reply_int(w->reply, 7);
    struct player before = play_arrive(w, "a", 2), now;
    for (int i = 0; i < 5; i++)
        play_attach(w, &before, 2);
    now = before;
    (void)RAW(w, "SET", "fence", "1"); /* the replica had not got that far */
    (void)RAW(w, "DEL", "players");
    another_run(w, "5");
    beat(w, 1, run, 1, 0);
    play_attach(w, &now, 1);
    beat(w, 2, run, before.fence, 0);
    assert_int_equal(reply_int(w->reply, 6), before.fence - 1);
    assert_string_equal(play_attach_again(w, &before), "REPLACED");
    assert_true(now.fence > before.fence);
    w->unaudited = true; /* a lost record, and mappings without one */
}

static void beats_that_were_lost(struct fleet_world *w)
{
    beat(w, 1, 0, 0, 0); /* number 7 */
    beat(w, 2, 0, 0, 0);
    int64_t run = reply_int(w->reply, 7);
    beat(w, 1, run, 0, 12); /* the same store: whoever is wrong, it has not forgotten */
    assert_int_equal(reply_int(w->reply, 8), 0);
    if (!w->redis)
        (void)RAW(w, "SET", "lineage", "another|99|0");
    beat(w, 1, run + 1, 0, 7); /* the very last one is there */
    assert_int_equal(reply_int(w->reply, 8), 0);
    beat(w, 1, run + 1, 0, 9);
    assert_int_equal(reply_int(w->reply, 8), 2);
    beat(w, 4, run + 1, 0, 3); /* never heard of it */
    assert_int_equal(reply_int(w->reply, 8), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_message_begins_it),      BOTH(every_script_begins_it),
        BOTH(not_without_its_event),    BOTH(a_match_that_waits),
        BOTH(its_timers_stay),          BOTH(versions_belong_to_an_epoch),
        BOTH(a_new_room_needs_none),    BOTH(without_a_run),
        BOTH(the_run_is_a_level),       BOTH(another_process_is_another_run),
        BOTH(each_learns_what_it_lost), BOTH(fences_are_not_given_out_twice),
        BOTH(beats_that_were_lost),     BOTH(a_late_beat_begins_the_run),
    };
    return FLEET_WORLD_RUN(tests);
}
