/* Requests with an id are done once per session, however often they are asked and wherever. */
#include "tests/lib/play.h"

/* a on session "S" at i1, b at i2, in a room; what a asks has ids. */
struct table {
    struct player p[2];
    struct room_seat a;
};

static void resume(struct fleet_world *w, struct table *t, int at, const char *socket, bool known)
{
    struct presence_hello hello = {.player_id = STR("a"),
                                   .socket_id = str_of(socket),
                                   .session_id = STR("S"),
                                   .token_hash = STR("hash"),
                                   .resume = known};
    (void)ASK(w, presence_attach(&w->realm[at], &hello, ANSWER(w)));
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    t->p[0].at = at;
    t->p[0].fence = reply_int(w->reply, 1);
    assert_true(str_copy(t->p[0].id, sizeof t->p[0].id, STR("a")));
    assert_true(str_copy(t->p[0].socket, sizeof t->p[0].socket, str_of(socket)));
}

static void sit_down(struct fleet_world *w, struct table *t)
{
    *t = (struct table){0};
    resume(w, t, 1, "s1", false);
    t->p[1] = play_arrive(w, "b", 2);
    play_room(w, t->p, 2, 3);
    t->a = play_seat(&t->p[0]);
    t->a.session_id = STR("S");
}

static const char *say(struct fleet_world *w, struct table *t, int64_t request, const char *json)
{
    t->a.request_id = request;
    return ASK(
        w, room_state_message(&w->realm[t->p[0].at], &t->a, "gameMessage", str_of(json), false, ANSWER(w)));
}

static void a_message_is_said_once(struct fleet_world *w)
{
    struct table t;
    sit_down(w, &t);
    assert_string_equal(say(w, &t, 5, "{}"), "OK 3 gameMessage#3");
    assert_string_equal(say(w, &t, 6, "{}"), "OK 4 gameMessage#4");
    play_forget(w);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(say(w, &t, 5, "{}"), "DONE 3 ");
    assert_string_equal(say(w, &t, 6, "{}"), "DONE 4 ");
    fleet_world_same(w, &before, "a repeated request");
    assert_string_equal(fleet_world_heard(w, 2), "");
    fleet_world_settled(w);
}

/* Without an id, or without a session, at most once means: as often as it is asked. */
static void nothing_to_remember_by(struct fleet_world *w)
{
    struct table t;
    sit_down(w, &t);
    assert_string_equal(say(w, &t, 0, "{}"), "OK 3 gameMessage#3");
    assert_string_equal(say(w, &t, 0, "{}"), "OK 4 gameMessage#4");
    t.a.session_id = (struct str){0};
    assert_string_equal(say(w, &t, 9, "{}"), "OK 5 gameMessage#5");
    assert_string_equal(say(w, &t, 9, "{}"), "OK 6 gameMessage#6");
    t.a.session_id = STR("nobody's");
    assert_string_equal(say(w, &t, 9, "{}"), "OK 7 gameMessage#7");
    assert_string_equal(RAW(w, "EXISTS", "session:nobody's"), "0");
}

/* What was refused was not done: the same id may succeed later. */
static void a_refusal_is_not_remembered(struct fleet_world *w)
{
    struct table t;
    sit_down(w, &t);
    struct str socket = t.a.socket_id;
    t.a.socket_id = STR("stale");
    assert_string_equal(say(w, &t, 5, "{}"), "NOT_IN_ROOM");
    t.a.socket_id = socket;
    assert_string_equal(say(w, &t, 5, "{}"), "OK 3 gameMessage#3");
    struct room_change change = {
        .game = true, .json = STR("1"), .has_expected_version = true, .expected_version = 4};
    t.a.request_id = 6;
    assert_string_equal(ASK(w, room_state_set(&w->realm[1], &t.a, &change, ANSWER(w))), "STALE_VERSION 0");
    change.expected_version = 0;
    assert_string_equal(ASK(w, room_state_set(&w->realm[1], &t.a, &change, ANSWER(w))),
                        "OK 1 4 [gameDataUpdated#4]");
    assert_string_equal(ASK(w, room_state_set(&w->realm[1], &t.a, &change, ANSWER(w))), "DONE 1 4");
}

static void remembered_on_another_instance(struct fleet_world *w)
{
    struct table t;
    sit_down(w, &t);
    assert_string_equal(say(w, &t, 5, "{}"), "OK 3 gameMessage#3");
    resume(w, &t, 3, "s2", true);
    t.a.socket_id = str_of(t.p[0].socket);
    assert_string_equal(say(w, &t, 5, "{}"), "DONE 3 "); /* before the seat is taken */
    assert_string_equal(say(w, &t, 6, "{}"), "NOT_IN_ROOM");
    (void)ASK(w, presence_reseat(&w->realm[3], str_of(t.p[0].room), str_of(t.p[0].id), t.a.session_id,
                                 t.p[0].fence, ANSWER(w)));
    struct presence_reseated seat;
    presence_reseated(w->reply, &seat);
    assert_int_equal(seat.answered_id, 5); /* on whatever connection */
    assert_string_equal(say(w, &t, 5, "{}"), "DONE 3 ");
    assert_string_equal(say(w, &t, 6, "{}"), "OK 5 gameMessage#5");
    assert_string_equal(say(w, &t, 6, "{}"), "DONE 5 ");
}

static void remembered_after_the_room(struct fleet_world *w)
{
    struct table t;
    sit_down(w, &t);
    t.a.request_id = 1;
    assert_string_equal(ASK(w, room_state_end(&w->realm[1], &t.a, STR("7"), ANSWER(w))), "OK 0 []");
    t.a.request_id = 2;
    assert_string_equal(ASK(w, room_state_leave(&w->realm[1], &t.a, 3, ANSWER(w))),
                        "OK  [playerLeft#3 gameEnd#4 roomCleanup#5]");
    assert_string_equal(ASK(w, room_state_leave(&w->realm[1], &t.a, 3, ANSWER(w))), "DONE  ");
    t.a.request_id = 1;
    assert_string_equal(ASK(w, room_state_end(&w->realm[1], &t.a, STR("7"), ANSWER(w))), "DONE 0 ");
    t.a.request_id = 3;
    assert_string_equal(ASK(w, room_state_leave(&w->realm[1], &t.a, 3, ANSWER(w))), "ROOM_NOT_FOUND");
    fleet_world_settled(w);
}

/* The last 64 are kept; about an older one nothing is claimed, and it is not done again. */
static void the_last_64(struct fleet_world *w)
{
    struct table t;
    sit_down(w, &t);
    for (int64_t i = 1; i <= 70; i++) /* ids grow, with gaps */
        assert_string_equal(say(w, &t, 10 * i, "{}"),
                            fleet_text("OK %lld gameMessage#%lld", (long long)i + 2, (long long)i + 2));
    play_forget(w);
    struct buf before = fleet_world_dump(w);
    for (int64_t i = 1; i <= 6; i++)
        assert_string_equal(say(w, &t, 10 * i, "{}"), "OUTCOME_UNKNOWN");
    assert_string_equal(say(w, &t, 55, "{}"), "OUTCOME_UNKNOWN");
    for (int64_t i = 7; i <= 70; i++)
        assert_string_equal(say(w, &t, 10 * i, "{}"), fleet_text("DONE %lld ", (long long)i + 2));
    fleet_world_same(w, &before, "what is asked again");
    (void)RAW(w, "HLEN", "session:S");
    assert_true(w->reply->integer <= 5 + 1 + 64); /* player, token, socket, fence, ticket; n; each request */
    assert_string_equal(say(w, &t, 705, "{}"), "OK 73 gameMessage#73");
    fleet_world_settled(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_message_is_said_once),      BOTH(nothing_to_remember_by),
        BOTH(a_refusal_is_not_remembered), BOTH(remembered_on_another_instance),
        BOTH(remembered_after_the_room),   BOTH(the_last_64),
    };
    return FLEET_WORLD_RUN(tests);
}
