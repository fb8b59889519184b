/* Rooms of 2, 3, 8 and 64 seats: who is in them, in which order, and that everybody is told. */
#include "matchmaking/scripts.h"
#include "tests/lib/play.h"

enum { MOST = 64 };

static void arrive(struct fleet_world *w, struct player *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = play_arrive(w, fleet_text("p%02zu", i), 1 + (int)(i % 3));
}

/* "p00 p01 ..." */
static const char *all(size_t from, size_t to)
{
    struct buf text = {0};
    for (size_t i = from; i < to; i++)
        buf_add_fmt(&text, "%sp%02zu", i > from ? " " : "", i);
    const char *out = fleet_text("%s", text.data ? text.data : "");
    buf_close(&text);
    return out;
}

static void gather(struct fleet_world *w, struct player *p, size_t n)
{
    arrive(w, p, n);
    fleet_world_seats(w, (int64_t)n);
    for (size_t i = 0; i + 1 < n; i++)
        assert_string_equal(play_join(w, &p[i], 2), fleet_text("WAITING %zu 0", i + 1));
    assert_string_equal(play_queue(w, "2"), all(0, n - 1));
    play_forget(w);
    assert_string_equal(play_join(w, &p[n - 1], 2), "MATCHED <room> [matchFound#1]");
    for (size_t i = 0; i < n; i++) {
        memcpy(p[i].room, p[n - 1].room, ID_SIZE);
        assert_string_equal(play_record(w, p[i].id), "room|2|<room>");
    }
    assert_string_equal(RAW(w, "HGET", fleet_text("room:%s", p[0].room), "seats"), all(0, n));
    fleet_world_settled(w);
}

static void confirm_all(struct fleet_world *w, struct player *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool last = i + 1 == n;
        assert_string_equal(play_confirm(w, &p[i]), last ? "OK active [gameStart#2] 2" : "OK waiting [] 1");
        if (!last)
            assert_string_equal(play_say(w, &p[i], "{}"), "NOT_STARTED");
    }
}

/* Instances that are not the speaker's hear each event once and in order. */
static void a_room_of(struct fleet_world *w, size_t n)
{
    struct player p[MOST];
    gather(w, p, n);
    confirm_all(w, p, n);
    assert_string_equal(fleet_world_heard(w, 1), "matchFound#1 gameStart#2 ");
    play_forget(w);
    struct buf expected = {0};
    for (size_t i = 0; i < n; i++) {
        const char *state = fleet_text("{\"n\":%zu}", i);
        assert_string_equal(play_say(w, &p[i], "{}"),
                            fleet_text("OK %zu gameMessage#%zu", 2 * i + 3, 2 * i + 3));
        assert_string_equal(play_set(w, &p[i], &(struct room_change){.json = str_of(state)}),
                            fleet_text("OK 1 %zu [playerStateUpdated#%zu]", 2 * i + 4, 2 * i + 4));
        buf_add_fmt(&expected, "gameMessage#%zu playerStateUpdated#%zu ", 2 * i + 3, 2 * i + 4);
    }
    assert_string_equal(fleet_world_heard(w, 2), expected.data);
    assert_string_equal(fleet_world_heard(w, 3), expected.data);
    buf_close(&expected);
    fleet_world_settled(w);
    for (size_t i = 0; i + 1 < n; i++) {
        assert_string_equal(RAW(w, "HGET", fleet_text("room:%s", p[0].room), "seats"), all(i, n));
        (void)play_leave_room(w, &p[i]);
        assert_string_equal(play_record(w, p[i].id), "idle||");
        fleet_world_settled(w);
    }
    assert_string_equal(RAW(w, "EXISTS", "game_states"), "0");
    assert_string_equal(play_record(w, p[n - 1].id), "idle||");
}

static void room_of_2(struct fleet_world *w)
{
    a_room_of(w, 2);
}
static void room_of_3(struct fleet_world *w)
{
    a_room_of(w, 3);
}
static void room_of_8(struct fleet_world *w)
{
    a_room_of(w, 8);
}
static void room_of_64(struct fleet_world *w)
{
    a_room_of(w, 64);
}

static void keep_word(void *arg, int err, const struct reply *reply)
{
    struct realm_outcome o = realm_outcome(err, reply);
    assert_true(str_copy(arg, ID_SIZE, o.word));
}

/* The calls of one pass are one, and each has its own answer, also behind one that is refused. */
static void confirming_several_at_once(struct fleet_world *w)
{
    struct player p[3];
    char word[3][ID_SIZE] = {"", "", ""};
    gather(w, p, 3);
    struct loop *own = loop_new();
    struct realm *r = &w->realm[1];
    r->batch = batch_new(own);
    for (size_t i = 0; i < 3; i++) {
        struct room_seat seat = play_seat(&p[i]);
        if (i == 1)
            seat.socket_id = STR("stale");
        room_state_confirm(r, &seat, keep_word, word[i]);
        assert_string_equal(word[i], "");
    }
    batch_free(r->batch);
    r->batch = NULL;
    loop_free(own);
    p[1].at = 1; /* by the same line: behind them, and so is its answer */
    assert_string_equal(play_confirm(w, &p[1]), "OK active [gameStart#2] 2");
    assert_string_equal(word[0], "OK");
    assert_string_equal(word[1], "NOT_IN_ROOM");
    assert_string_equal(word[2], "OK");
}

/* More wait than a room holds: rooms fill from the head, the rest keep their order. */
static void rooms_fill_from_the_head(struct fleet_world *w)
{
    struct player p[20];
    arrive(w, p, 20);
    fleet_world_seats(w, 21);
    for (size_t i = 0; i < 20; i++)
        (void)play_join(w, &p[i], 2);
    fleet_world_seats(w, 8);
    char room[ID_SIZE];
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(play_match(w, 2, room), "MATCHED <room> [matchFound#1]");
        assert_string_equal(RAW(w, "HGET", fleet_text("room:%s", room), "seats"), all(8 * i, 8 * i + 8));
    }
    assert_string_equal(play_match(w, 2, NULL), "NONE 0");
    assert_string_equal(play_queue(w, "2"), all(16, 20));
    fleet_world_settled(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(room_of_2),
        BOTH(room_of_3),
        BOTH(room_of_8),
        BOTH(room_of_64),
        BOTH(confirming_several_at_once),
        BOTH(rooms_fill_from_the_head),
    };
    return FLEET_WORLD_RUN(tests);
}
