/* Versioned state: a player's own, and the room's gameData and turn. */
#include "tests/lib/play.h"

#include <stdlib.h>

#include "common/mem.h"

static void started(struct fleet_world *w, struct player *p)
{
    p[0] = play_arrive(w, "a", 1);
    p[1] = play_arrive(w, "b", 2);
    play_room(w, p, 2, 3);
}

static const char *set_own(struct fleet_world *w, const struct player *p, const char *json, int64_t expected)
{
    return play_set(w, p,
                    &(struct room_change){.json = str_of(json),
                                          .has_expected_version = expected >= 0,
                                          .expected_version = expected});
}

static const char *set_game(struct fleet_world *w, const struct player *p, const char *json, int64_t turn,
                            int64_t expected)
{
    return play_set(w, p,
                    &(struct room_change){.game = true,
                                          .json = str_of(json),
                                          .has_turn = turn >= 0,
                                          .turn = turn,
                                          .has_expected_version = expected >= 0,
                                          .expected_version = expected});
}

static const char *field(struct fleet_world *w, const struct player *p, const char *name)
{
    return RAW(w, "HGET", fleet_text("room:%s", p->room), name);
}

static void own_state(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    assert_string_equal(set_own(w, &p[0], "{\"hp\":9}", -1), "OK 1 3 [playerStateUpdated#3]");
    assert_string_equal(set_own(w, &p[0], "{\"hp\":8}", 1), "OK 2 4 [playerStateUpdated#4]");
    assert_string_equal(set_own(w, &p[1], "[]", 0),
                        "OK 1 5 [playerStateUpdated#5]"); /* one version per seat */
    assert_string_equal(field(w, &p[0], "s:a"), "{\"hp\":8}");
    assert_string_equal(field(w, &p[0], "s:b"), "[]");
    assert_non_null(
        strstr(RAW(w, "HGET", "game_states", p[0].room), "\"socketId\":\"a.1\",\"state\":{\"hp\":8}}"));
    assert_string_equal(field(w, &p[0], "version"), "0");
    fleet_world_settled(w);
}

/* The seed's record says when it changed last. */
static void updated_now(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    for (int i = 0; i < 2; i++) {
        fleet_world_pass(w, 9000);
        (void)(i ? set_own(w, &p[0], "1", -1) : set_game(w, &p[0], "1", -1, -1));
        const char *found = strstr(RAW(w, "HGET", "game_states", p[0].room), "\"updatedAt\":");
        int64_t at = strtoll(found + strlen("\"updatedAt\":"), NULL, 10);
        assert_true(at + 5000 > fleet_world_now_ms(w));
    }
}

static void game_data_and_turn(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    assert_string_equal(set_game(w, &p[0], "{\"board\":[1]}", 1, 0), "OK 1 3 [gameDataUpdated#3]");
    assert_string_equal(set_game(w, &p[1], "", 2, 1), "OK 2 4 [gameDataUpdated#4]");
    assert_string_equal(field(w, &p[0], "gameData"), "{\"board\":[1]}");
    assert_string_equal(field(w, &p[0], "turn"), "2");
    assert_string_equal(set_game(w, &p[0], "null", -1, 2), "OK 3 5 [gameDataUpdated#5]");
    assert_string_equal(field(w, &p[0], "turn"), "2");
    const char *record = RAW(w, "HGET", "game_states", p[0].room);
    assert_non_null(strstr(record, ",\"gameData\":null,\"turn\":2,\"status\":\"active\","));
    assert_non_null(strstr(record, ",\"version\":3,\"seq\":5,\"epoch\":1}"));
    assert_string_equal(set_game(w, &p[0], "", INT64_C(9007199254740991), 3), "OK 4 6 [gameDataUpdated#6]");
    assert_string_equal(field(w, &p[0], "turn"), "9007199254740991");
    fleet_world_settled(w);
}

/* The data of the events, to the byte. */
static void what_changes_say(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)set_own(w, &p[0], "{\"hp\":9}", -1);
    const char *heard = fleet_world_heard_raw(w, 2);
    assert_non_null(strstr(heard, fleet_text("\"event\":\"playerStateUpdated\",\"data\":{\"roomId\":\"%s\","
                                             "\"playerId\":\"a\",\"state\":{\"hp\":9},\"version\":1},"
                                             "\"originInstanceId\":\"i1\"",
                                             p[0].room)));
    assert_non_null(strstr(heard, ",\"seq\":3,\"skip\":\"a\"}\n"));
    (void)set_game(w, &p[1], "{}", 7, 0);
    assert_non_null(
        strstr(fleet_world_heard_raw(w, 1),
               fleet_text("\"event\":\"gameDataUpdated\",\"data\":{\"roomId\":\"%s\",\"playerId\":"
                          "\"b\",\"gameData\":{},\"turn\":7,\"version\":1},",
                          p[0].room)));
    (void)set_game(w, &p[1], "", 8, 1);
    assert_non_null(strstr(fleet_world_heard_raw(w, 1), "\"playerId\":\"b\",\"turn\":8,\"version\":2},"));
    (void)set_game(w, &p[1], "1", -1, 2);
    assert_non_null(strstr(fleet_world_heard_raw(w, 1), "\"playerId\":\"b\",\"gameData\":1,\"version\":3},"));
}

static void stale_versions_change_nothing(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)set_game(w, &p[0], "1", -1, 0);
    (void)set_own(w, &p[0], "1", -1);
    (void)set_own(w, &p[0], "2", -1);
    play_forget(w);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(set_game(w, &p[0], "1", -1, 0), "STALE_VERSION 1"); /* the same call again */
    assert_string_equal(set_game(w, &p[1], "2", 3, 2), "STALE_VERSION 1");  /* one ahead is as wrong */
    assert_string_equal(set_own(w, &p[0], "3", 1), "STALE_VERSION 2");
    assert_string_equal(set_own(w, &p[1], "3", 2), "STALE_VERSION 0");
    fleet_world_same(w, &before, "a stale version");
    assert_string_equal(fleet_world_heard(w, 2), "");
}

/* Two instances, one version: exactly one of both writes wins. */
static void one_of_two_writers_wins(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    for (int i = 0; i < 20; i++) {
        const struct player *first = &p[i % 2], *second = &p[1 - i % 2];
        assert_string_equal(set_game(w, first, "1", -1, i),
                            fleet_text("OK %d %d [gameDataUpdated#%d]", i + 1, i + 3, i + 3));
        assert_string_equal(set_game(w, second, "2", -1, i), fleet_text("STALE_VERSION %d", i + 1));
    }
    fleet_world_settled(w);
}

static void refusals(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    started(w, p);
    struct buf before = fleet_world_dump(w);
    memcpy(c.room, p[0].room, sizeof c.room);
    assert_string_equal(set_own(w, &c, "1", -1), "NOT_IN_ROOM");
    assert_string_equal(set_game(w, &c, "1", -1, -1), "NOT_IN_ROOM");
    struct player stale = p[0];
    assert_true(str_copy(stale.socket, sizeof stale.socket, STR("a.0")));
    assert_string_equal(set_own(w, &stale, "1", -1), "NOT_IN_ROOM");
    assert_true(str_copy(c.room, sizeof c.room, STR("r_1234567890123456789012")));
    assert_string_equal(set_own(w, &c, "1", -1), "ROOM_NOT_FOUND");
    fleet_world_same(w, &before, "a refused change");
}

/* A JSON string of so many bytes, quotes included. */
static char *json_of(size_t bytes)
{
    char *text = mem_alloc(bytes + 1);
    memset(text, 'x', bytes);
    text[0] = text[bytes - 1] = '"';
    text[bytes] = '\0';
    return text;
}

/* The whole record may have record_max_bytes, not one more; what a change replaces does not count. */
static void the_record_has_a_limit(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)set_game(w, &p[0], "[1,2]", -1,
                   -1); /* one digit more in the version, two in the seq, is what comes */
    size_t base = strlen(RAW(w, "HGET", "game_states", p[0].room)) - strlen("[1,2]");
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.record_max_bytes = (int64_t)base + 1000;
    char *exact = json_of(1000), *more = json_of(1001);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(set_game(w, &p[0], more, -1, 1), "TOO_LARGE");
    assert_string_equal(set_own(w, &p[0], exact, -1),
                        "TOO_LARGE"); /* 2 bytes "{}" go, 1000 come, 5 are there */
    fleet_world_same(w, &before, "what is too large");
    assert_string_equal(set_game(w, &p[0], exact, -1, 1), "OK 2 4 [gameDataUpdated#4]");
    assert_int_equal(strlen(RAW(w, "HGET", "game_states", p[0].room)), base + 1000);
    assert_string_equal(set_game(w, &p[0], exact, -1, 2), "OK 3 5 [gameDataUpdated#5]");
    assert_string_equal(set_own(w, &p[0], "{ }", -1), "TOO_LARGE");
    assert_string_equal(set_own(w, &p[0], "[]", -1), "OK 1 6 [playerStateUpdated#6]");
    assert_string_equal(set_game(w, &p[0], "1", -1, 3), "OK 4 7 [gameDataUpdated#7]");
    assert_string_equal(set_own(w, &p[1], "{ }", -1), "OK 1 8 [playerStateUpdated#8]");
    mem_free(exact);
    mem_free(more);
    fleet_world_settled(w);
}

/* Nothing is decoded and printed again on the way: what came in stands in hash, record, event and log. */
static void bytes_as_they_came(struct fleet_world *w)
{
    static const char *const texts[] = {
        "[]",
        "{}",
        "[[],{}]",
        "{\"a\":[],\"b\":{}}",
        "12345678901234567890123456789",
        "0.1000000000000000055511151231257827",
        "1E400",
        "-0",
        "\"\\u0041\\ud83d\\ude00 \\/ \xc3\xa9 \xf0\x9f\x98\x80\"",
        "{ \"b\" : 1 ,\t\"a\" : 2,\"b\":3 }",
        "\"%d %s %1 %% ]] -- | \\\" ' \"",
        "\"\x7f\"",
        "true",
        "\"\\\"version\\\":7,\\\"seq\\\":9,\\\"epoch\\\":9}\"",
    };
    struct player p[2];
    started(w, p);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *room = fleet_text("room:%s", p[0].room);
        (void)set_own(w, &p[0], texts[i], -1);
        assert_non_null(
            strstr(fleet_world_heard_raw(w, 2), fleet_text("\"state\":%s,\"version\":", texts[i])));
        assert_string_equal(RAW(w, "HGET", room, "s:a"), texts[i]);
        (void)set_game(w, &p[1], texts[i], -1, -1);
        assert_non_null(
            strstr(fleet_world_heard_raw(w, 1), fleet_text("\"gameData\":%s,\"version\":", texts[i])));
        assert_string_equal(RAW(w, "HGET", room, "gameData"), texts[i]);
        const char *record = RAW(w, "HGET", "game_states", p[0].room);
        assert_non_null(strstr(record, fleet_text("\"socketId\":\"a.1\",\"state\":%s},", texts[i])));
        assert_non_null(strstr(record, fleet_text("],\"gameData\":%s,\"turn\":0,", texts[i])));
        (void)play_say(w, &p[0], texts[i]);
        assert_non_null(strstr(RAW(w, "LINDEX", fleet_text("room:%s:log", p[0].room), "-1"),
                               fleet_text("\"data\":%s,\"originInstanceId\":", texts[i])));
        play_forget(w);
        fleet_world_settled(w);
    }
}

static const char *limit(struct fleet_world *w, const struct player *p, int64_t ms, int64_t expected)
{
    const struct room_seat seat = {
        .room_id = str_of(p->room), .player_id = str_of(p->id), .socket_id = str_of(p->socket)};
    (void)ASK(w, room_state_deadline(&w->realm[p->at], &seat, ms, expected, ANSWER(w)));
    return fleet_text("%.*s", (int)reply_str(w->reply, 0).n, reply_str(w->reply, 0).p);
}

static void a_turn_runs_out_once(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    (void)set_game(w, &p[0], "{}", 1, 0);
    assert_string_equal(limit(w, &p[0], 1000, 0), "STALE_VERSION");
    assert_string_equal(limit(w, &p[0], 1000, 1), "OK");
    assert_string_equal(limit(w, &p[1], 5000, 1), "OK"); /* the last call counts */
    fleet_world_settled(w);
    fleet_world_live(w, 2000);
    assert_string_equal(play_fire(w, 3, "turn"), "EARLY");
    fleet_world_live(w, 3500);
    play_forget(w);
    assert_string_equal(play_fire(w, 3, "turn"), "OK  [turnTimeout#4]");
    assert_string_equal(fleet_world_heard(w, 2), "turnTimeout#4 ");
    assert_non_null(strstr(fleet_world_heard_raw(w, 1), "\"turn\":1,\"version\":1}"));
    assert_string_equal(RAW(w, "ZSCORE", "deadlines", fleet_text("turn:%s:1", p[0].room)), "nil");
    fleet_world_settled(w);
}

static void a_turn_made_in_time_has_no_limit(struct fleet_world *w)
{
    struct player p[2];
    started(w, p);
    assert_string_equal(limit(w, &p[0], 1000, 0), "OK");
    (void)set_game(w, &p[1], "{}", 1, 0);
    assert_string_equal(RAW(w, "ZSCORE", "deadlines", fleet_text("turn:%s:0", p[0].room)), "nil");
    assert_string_equal(limit(w, &p[0], 1000, 1), "OK");
    (void)play_leave_room(w, &p[0]); /* the game ends, and its limit with it */
    assert_string_equal(RAW(w, "ZSCORE", "deadlines", fleet_text("turn:%s:1", p[0].room)), "nil");
    fleet_world_settled(w);
}

static void a_limit_is_for_those_who_play(struct fleet_world *w)
{
    struct player p[2], stranger = play_arrive(w, "x", 3);
    p[0] = play_arrive(w, "a", 1);
    p[1] = play_arrive(w, "b", 2);
    (void)play_join(w, &p[0], 3);
    (void)play_join(w, &p[1], 3);
    memcpy(p[0].room, p[1].room, sizeof p[0].room);
    memcpy(stranger.room, p[1].room, sizeof stranger.room);
    assert_string_equal(limit(w, &p[0], 1000, 0), "NOT_STARTED");
    assert_string_equal(limit(w, &stranger, 1000, 0), "NOT_IN_ROOM");
    (void)str_copy(stranger.room, sizeof stranger.room, STR("r_none"));
    assert_string_equal(limit(w, &stranger, 1000, 0), "ROOM_NOT_FOUND");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(own_state),
        BOTH(updated_now),
        BOTH(game_data_and_turn),
        BOTH(what_changes_say),
        BOTH(stale_versions_change_nothing),
        BOTH(one_of_two_writers_wins),
        BOTH(refusals),
        BOTH(the_record_has_a_limit),
        BOTH(bytes_as_they_came),
        BOTH(a_turn_runs_out_once),
        BOTH(a_turn_made_in_time_has_no_limit),
        BOTH(a_limit_is_for_those_who_play),
    };
    return FLEET_WORLD_RUN(tests);
}
