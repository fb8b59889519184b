/* Requests that were answered in an instance's own memory are known in the store afterwards. */
#include <stdio.h>

#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/trip.h"

struct table {
    struct trip t;
    struct room_seat a;
};

static const char *say(struct table *b, const struct realm *r, int64_t request)
{
    char data[160]; /* as the gateway composes it */
    (void)snprintf(data, sizeof data,
                   "{\"roomId\":\"%s\",\"sender\":\"a.1\",\"playerId\":\"a\",\"message\":\"playerId\"}",
                   b->t.room_id);
    b->a.request_id = request;
    return ASK(b->t.w, room_state_message(r, &b->a, "gameMessage", str_of(data), true, ANSWER(b->t.w)));
}

static void sit_down(struct table *b, struct fleet_world *w)
{
    trip_open(&b->t, w, 2);
    trip_play(&b->t);
    b->a = play_seat(&b->t.p[0]);
    b->a.session_id = b->a.socket_id;
}

/* What was answered there, told to the store. */
static void tell_of(struct table *b, bool with_room)
{
    struct fleet_world *w = b->t.w;
    (void)ASK(w, transfer_read_session(b->t.own, b->a.session_id, ANSWER(w)));
    struct reply *answered = w->reply;
    w->reply = NULL;
    assert_string_equal(
        ASK(w, transfer_restore_session(&w->realm[1], b->a.session_id, with_room, answered, ANSWER(w))),
        "OK");
    mem_free(answered);
}

static void tell(struct table *b)
{
    tell_of(b, false);
}

static void answered_there(struct fleet_world *w)
{
    struct table b;
    sit_down(&b, w);
    const struct realm *store = &w->realm[1];
    (void)say(&b, store, 4);
    trip_go(&b.t);
    assert_string_equal(say(&b, b.t.own, 5), "OK 5 gameMessage#5 roomEpoch#4");
    assert_string_equal(say(&b, store, 6), "OK 4 gameMessage#4"); /* late, and heard by nobody */
    assert_string_equal(say(&b, b.t.own, 6), "OK 6 gameMessage#6");
    tell(&b);
    (void)trip_come_home(&b.t);
    assert_string_equal(say(&b, store, 4), "DONE 3 ");
    assert_string_equal(say(&b, store, 5), "DONE 5 ");
    assert_string_equal(say(&b, store, 6), "DONE 6 ");
    struct buf before = fleet_world_dump(w);
    tell(&b); /* nothing is left there */
    fleet_world_same(w, &before, "telling it again");
    assert_string_equal(say(&b, store, 7), "OK 7 gameMessage#7");
    trip_close(&b.t);
}

/* More than the store remembers: none is done again, and the oldest are known to have been answered. */
static void many_answered_there(struct fleet_world *w)
{
    struct table b;
    sit_down(&b, w);
    const struct realm *store = &w->realm[1];
    (void)say(&b, store, 1);
    trip_go(&b.t);
    for (int64_t request = 2; request <= 80; request++)
        assert_non_null(strstr(say(&b, b.t.own, request), "OK "));
    tell(&b);
    struct buf before = fleet_world_dump(w);
    tell(&b);
    fleet_world_same(w, &before, "telling it again");
    (void)trip_come_home(&b.t);
    assert_string_equal(say(&b, store, 2), "OUTCOME_UNKNOWN");
    assert_string_equal(say(&b, store, 16), "OUTCOME_UNKNOWN");
    assert_string_equal(say(&b, store, 17), "DONE 20 ");
    assert_string_equal(say(&b, store, 80), "DONE 83 ");
    trip_close(&b.t);
}

/* What the store answered before is not known there, but that it was. */
static void answered_before(struct fleet_world *w)
{
    struct table b;
    sit_down(&b, w);
    const struct realm *store = &w->realm[1];
    (void)say(&b, store, 4);
    trip_go(&b.t);
    b.t.own->rules.seats = 2;
    transfer_adopt_seat(b.t.own, str_of(b.t.room_id),
                        &(struct transfer_seat){.player_id = b.a.player_id,
                                                .socket_id = b.a.socket_id,
                                                .session_id = b.a.session_id,
                                                .ticket_id = str_of(b.t.p[0].ticket),
                                                .fence = b.t.p[0].fence,
                                                .level = 3,
                                                .state = STR("{}"),
                                                .answered = 4},
                        NULL, NULL);
    assert_string_equal(say(&b, b.t.own, 4), "OUTCOME_UNKNOWN");
    assert_string_equal(say(&b, b.t.own, 5), "OK 5 gameMessage#5 roomEpoch#4");
    tell(&b);
    (void)trip_come_home(&b.t);
    assert_string_equal(say(&b, store, 3), "OK 6 gameMessage#6"); /* was never asked */
    assert_string_equal(say(&b, store, 4), "DONE 3 ");
    trip_close(&b.t);
}

static void say_there_and_late(struct table *b)
{
    assert_string_equal(say(b, b->t.own, 6), "OK 4 gameMessage#4 roomEpoch#3");
    assert_string_equal(say(b, &b->t.w->realm[1], 5), "OK 3 gameMessage#3");
    assert_string_equal(say(b, b->t.own, 7), "OK 5 gameMessage#5");
    b->t.sessions[0] = (struct transfer_session){b->a.player_id, b->a.session_id};
    b->t.session_count = 1;
    tell_of(b, true);
}

/* With the room: from the moment in which it is there. What was said late gives way, and can be said again.
 */
static void with_the_room(struct fleet_world *w)
{
    struct table b;
    sit_down(&b, w);
    const struct realm *store = &w->realm[1];
    trip_go(&b.t);
    say_there_and_late(&b);
    (void)trip_come_home(&b.t);
    assert_string_equal(say(&b, store, 6), "DONE 4 ");
    assert_string_equal(say(&b, store, 7), "DONE 5 ");
    assert_string_equal(say(&b, store, 5), "OK 6 gameMessage#6");
    assert_string_equal(say(&b, store, 5), "DONE 6 ");
    assert_string_equal(RAW(w, "HEXISTS", "session:a.1", "i"), "0");
    assert_string_equal(trip_restore(&b.t), "OK []"); /* the answer was lost */
    assert_string_equal(say(&b, store, 7), "DONE 5 ");
    trip_close(&b.t);
}

/* The store is right: what was answered there was not done, what was done late was. */
static void without_the_room(struct fleet_world *w)
{
    struct table b;
    sit_down(&b, w);
    const struct realm *store = &w->realm[1];
    trip_go(&b.t);
    say_there_and_late(&b);
    trip_take_image(&b.t);
    (void)RAW(w, "HSET", fleet_text("room:%s", b.t.room_id), "version", "7");
    assert_string_equal(trip_restore(&b.t), "CHANGED epoch, version or seats");
    assert_string_equal(RAW(w, "HEXISTS", "session:a.1", "i"), "0");
    assert_string_equal(say(&b, store, 5), "DONE 3 ");
    assert_string_equal(say(&b, store, 7), "OK 4 gameMessage#4");
    w->unaudited = true;
    trip_close(&b.t);
}

static const char *report(struct table *b, const struct realm *r, int64_t request)
{
    b->a.request_id = request;
    return ASK(b->t.w, room_state_end(r, &b->a, STR("1"), ANSWER(b->t.w)));
}

/* A result that was reported late counts as little, unless nothing else happened: that it was has no event.
 */
static void a_late_result(struct fleet_world *w)
{
    for (int quiet = 0; quiet <= 1; quiet++) {
        struct table b;
        sit_down(&b, w);
        const struct realm *store = &w->realm[1];
        trip_go(&b.t);
        b.t.sessions[0] = (struct transfer_session){b.a.player_id, b.a.session_id};
        b.t.session_count = 1;
        if (!quiet)
            (void)say(&b, b.t.own, 6);
        assert_string_equal(report(&b, store, 5), "OK 0 []");
        tell_of(&b, true);
        (void)trip_come_home(&b.t);
        assert_string_equal(RAW(w, "HEXISTS", fleet_text("room:%s", b.t.room_id), "r:a"), quiet ? "1" : "0");
        assert_string_equal(report(&b, store, 5), quiet ? "DONE 0 " : "OK 0 []");
        trip_close(&b.t);
        fleet_world_empty(w);
        for (int i = 1; i <= 3; i++)
            fleet_world_beat(w, i);
    }
}

/* The room ended there: so did what was said here late, and nobody is told its number. What another room is
 * about to bring home is left alone. */
static void it_ended_there(struct fleet_world *w)
{
    struct table b;
    sit_down(&b, w);
    const struct realm *store = &w->realm[1];
    assert_string_equal(say(&b, store, 4), "OK 3 gameMessage#3");
    trip_go(&b.t);
    assert_string_equal(say(&b, store, 5), "OK 4 gameMessage#4");
    b.t.sessions[0] = (struct transfer_session){b.a.player_id, b.a.session_id};
    b.t.session_count = 1;
    (void)RAW(w, "HSET", "session:a.1", "i", "7|9|");
    assert_string_equal(trip_end(&b.t, "1"), "ENDED [gameEnd#5 roomCleanup#6]");
    assert_string_equal(RAW(w, "HGET", "session:a.1", "i"), "7|9|");
    assert_string_equal(say(&b, store, 4), "DONE 3 ");
    assert_string_equal(say(&b, store, 5), "ROOM_NOT_FOUND");
    assert_string_equal(trip_end(&b.t, "1"), "GONE");
    assert_string_equal(RAW(w, "HGET", "session:a.1", "i"), "7|9|");
    trip_close(&b.t);
}

static void no_session(struct fleet_world *w)
{
    struct table b;
    sit_down(&b, w);
    trip_go(&b.t);
    (void)say(&b, b.t.own, 5);
    (void)RAW(w, "DEL", "session:a.1");
    tell(&b);
    assert_string_equal(RAW(w, "EXISTS", "session:a.1"), "0");
    trip_close(&b.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(answered_there), BOTH(many_answered_there), BOTH(answered_before), BOTH(no_session),
        BOTH(with_the_room),  BOTH(without_the_room),    BOTH(a_late_result),   BOTH(it_ended_there)};
    return FLEET_WORLD_RUN(tests);
}
