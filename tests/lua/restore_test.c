/* A room comes back into a store that has not stood still: what it is refused for, who may have come back
 * elsewhere, and what becomes of it in a store that has lost something. */
#include <stdio.h>

#include "common/err.h"
#include "tests/lib/trip.h"

/* Two or three play, go, and say something there; the image is made, and they are attached at home. */
static void ready(struct trip *t, struct fleet_world *w, size_t players)
{
    trip_open(t, w, players);
    trip_play(t);
    trip_go(t);
    (void)play_say(w, &t->p[0], "{\"there\":1}");
    trip_take_image(t);
    for (size_t i = 0; i < players; i++)
        trip_attach(t, i);
}

static void refuses(struct trip *t, const char *why)
{
    struct buf before = fleet_world_dump(t->w);
    assert_string_equal(trip_restore(t), why);
    fleet_world_same(t->w, &before, "a room refused");
    fleet_world_audit(t->w);
}

/* As it was in the store before it went. */
static struct player at_home(const struct trip *t, size_t i)
{
    struct player p = t->p[i];
    p.at = 1;
    p.fence = t->fleet_fence[i];
    return p;
}

static void set_at_home(struct trip *t, size_t i, bool of_the_game)
{
    struct player p = at_home(t, i);
    struct room_change change = {.game = of_the_game, .json = STR("[1]")};
    (void)play_set(t->w, &p, &change);
    assert_true(realm_said(realm_outcome(t->w->err, t->w->reply), "OK"));
}

/* Somebody, who is no call of ours, has written there. */
static void another_version(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    w->unaudited = true; /* nor has it told anybody */
    (void)RAW(w, "HSET", fleet_text("room:%s", t.room_id), "version", "1");
    assert_string_equal(trip_restore(&t), "CHANGED epoch, version or seats");
    assert_string_equal(trip_end(&t, "1"), "CHANGED epoch, version or seats");
    trip_close(&t);
}

static void another_state(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    w->unaudited = true;
    (void)RAW(w, "HSET", fleet_text("room:%s", t.room_id), "v:b", "1");
    assert_string_equal(trip_restore(&t), "CHANGED epoch, version or seats");
    trip_close(&t);
}

/* Our own calls, carried out late: nobody has heard of them, and those whose they are were told that it is
 * not known. */
static void what_was_late_gives_way(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    set_at_home(&t, 0, true); /* in time */
    trip_go(&t);
    struct player a = at_home(&t, 0);
    (void)play_say(w, &t.p[0], "{\"there\":1}");
    (void)play_say(w, &a, "{\"late\":1}");
    set_at_home(&t, 0, true);
    set_at_home(&t, 1, false);
    set_at_home(&t, 1, true);
    char there[256];
    (void)snprintf(there, sizeof there, "%s", trip_describe(&t, t.own));
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(trip_describe(&t, &w->realm[1]), there);
    assert_string_equal(trip_log(&t), "1 2 3 4@E 5@E");
    fleet_world_settled(w);
    trip_close(&t);
}

/* The same if nothing happened there: an update that is not known there cannot stay, and nothing else gets
 * its number; what was only said can. */
static void what_was_late_and_nothing_else(struct fleet_world *w)
{
    for (int said = 0; said <= 1; said++) {
        struct trip t;
        trip_open(&t, w, 2);
        trip_play(&t);
        trip_go(&t);
        struct player a = at_home(&t, 0);
        if (said)
            assert_string_equal(play_say(w, &a, "{}"), "OK 3 gameMessage#3");
        else
            set_at_home(&t, 0, true);
        assert_string_equal(trip_come_home(&t), said ? "OK []" : "OK [roomEpoch#3]");
        assert_string_equal(trip_log(&t), said ? "1 2 3" : "1 2 3@E");
        assert_string_equal(RAW(w, "HGET", fleet_text("room:%s", t.room_id), "version"), "0");
        assert_string_equal(play_say(w, &a, "{}"), "OK 4 gameMessage#4");
        fleet_world_settled(w);
        trip_close(&t);
        fleet_world_empty(w);
        for (int i = 1; i <= 3; i++)
            fleet_world_beat(w, i);
    }
}

/* Older than when the room went: the same versions, fewer events. */
static void go_back(struct trip *t, const char *seq, const char *keep)
{
    struct fleet_world *w = t->w;
    (void)RAW(w, "HSET", fleet_text("room:%s", t->room_id), "seq", seq);
    (void)RAW(w, "LTRIM", fleet_text("room:%s:log", t->room_id), "0", keep);
}

/* The store has lost the beginning of the epoch in which the room went. */
static void another_epoch(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    (void)RAW(w, "SET", "lineage", "another|1800000000001|0");
    assert_string_equal(play_say(w, &t.p[0], "{}"), "OK 4 gameMessage#4 roomEpoch#3");
    trip_go(&t);
    (void)play_say(w, &t.p[0], "{}");
    trip_take_image(&t);
    go_back(&t, "2", "1");
    (void)RAW(w, "HSET", fleet_text("room:%s", t.room_id), "epoch", "1");
    refuses(&t, "CHANGED epoch, version or seats");
    trip_close(&t);
}

/* A store that was started anew detaches somebody before the room is back: that begins an epoch. */
static void an_epoch_that_leads_on(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 3);
    trip_play(&t);
    trip_go(&t);
    (void)play_say(w, &t.p[0], "{}");
    (void)play_detach(w, &t.p[2]);
    (void)RAW(w, "SET", "lineage", "another|1800000000001|0");
    struct player c = at_home(&t, 2);
    assert_string_equal(play_detach(w, &c), "OK  [roomEpoch#3 opponentDisconnected#4] seat");
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(trip_log(&t), "1 2 3@E 4@E 5@E");
    fleet_world_settled(w);
    trip_close(&t);
}

static void a_seat_less(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 3);
    struct player c = at_home(&t, 2);
    (void)play_leave_room(w, &c);
    refuses(&t, "CHANGED epoch, version or seats");
    trip_close(&t);
}

static void gone(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    struct player a = at_home(&t, 0);
    (void)play_leave_room(w, &a);
    refuses(&t, "GONE");
    t.data_lost = true; /* of other rooms: this one's log says that it has ended */
    refuses(&t, "GONE");
    assert_string_equal(trip_end(&t, "1"), "GONE");
    trip_close(&t);
}

/* It began there, arrived, and ended here; the answer to its arrival was lost. */
static void born_and_gone(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_begin_there(&t, true);
    trip_take_image(&t);
    trip_attach(&t, 0);
    trip_attach(&t, 1);
    assert_string_equal(trip_restore(&t), "OK []");
    struct player a = at_home(&t, 0);
    (void)play_leave_room(w, &a);
    trip_may_be_home(&t);
    trip_take_image(&t);
    refuses(&t, "GONE");
    trip_close(&t);
}

static void waits_elsewhere(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_begin_there(&t, true);
    trip_take_image(&t);
    trip_attach(&t, 0);
    struct player b = at_home(&t, 1);
    play_attach(w, &b, 2);
    (void)play_join(w, &b, 5);
    refuses(&t, "CHANGED b waits or plays elsewhere");
    struct player d = play_arrive(w, "d", 3);
    (void)play_join(w, &d, 5);
    refuses(&t, "CHANGED b waits or plays elsewhere");
    trip_close(&t);
}

/* Before the start nobody may be missing. */
static void nobody_waits_for_the_absent(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_begin_there(&t, false);
    trip_take_image(&t);
    trip_attach(&t, 0);
    struct player b = at_home(&t, 1);
    (void)play_detach(w, &b);
    refuses(&t, "CHANGED b has left before the start");
    trip_close(&t);
}

/* ---- somebody came back elsewhere ---- */

/* b, on another instance; his line to the first one is gone. */
static struct player b_elsewhere(struct trip *t)
{
    const struct player before = at_home(t, 1);
    struct player b = before;
    play_attach(t->w, &b, 2);
    (void)play_detach(t->w, &before);
    return b;
}

static void sits_elsewhere(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    struct player b = b_elsewhere(&t);
    (void)play_reseat(w, &b);
    play_forget(w);
    assert_string_equal(trip_restore(&t), "OK [opponentReconnected#5]");
    assert_string_equal(fleet_world_heard(w, 2), "opponentReconnected#5 ");
    assert_string_equal(trip_log(&t), "1 2 3@E 4@E 5@E");
    fleet_world_settled(w);
    struct player a = at_home(&t, 0);
    assert_string_equal(play_say(w, &a, "{}"), "OK 6 gameMessage#6");
    assert_string_equal(play_say(w, &b, "{}"), "OK 7 gameMessage#7");
    assert_string_equal(fleet_world_heard(w, 2), "gameMessage#6 gameMessage#7 ");
    fleet_world_settled(w);
    trip_close(&t);
}

/* He has been attached there, and asks for his seat when the room is back. */
static void arrives_elsewhere(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    struct player b = b_elsewhere(&t);
    assert_string_equal(trip_restore(&t), "OK [opponentReconnected#5]");
    (void)play_reseat(w, &b);
    assert_int_equal(reply_int(w->reply, 2), 6);
    fleet_world_settled(w);
    trip_close(&t);
}

/* What he did there was confirmed to him. */
static void speaks_elsewhere(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    struct player b = b_elsewhere(&t);
    (void)play_reseat(w, &b);
    (void)play_say(w, &b, "{}");
    refuses(&t, "CHANGED something was said");
    (void)play_detach(w, &b); /* and he has gone again */
    refuses(&t, "CHANGED something was said");
    trip_close(&t);
}

/* He may have heard what the store carried out late for us. */
static void heard_elsewhere(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    struct player a = at_home(&t, 0);
    (void)play_say(w, &a, "{}");
    struct player b = b_elsewhere(&t);
    (void)play_reseat(w, &b);
    refuses(&t, "CHANGED something was said");
    trip_close(&t);
}

static void votes_elsewhere(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    (void)play_end(w, &t.p[0], "1");
    trip_take_image(&t);
    struct player b = b_elsewhere(&t);
    (void)play_reseat(w, &b);
    assert_string_equal(play_end(w, &b, "1"), "OK 0 []");
    assert_string_equal(trip_restore(&t), "OK [opponentReconnected#5 gameEnd#6 roomCleanup#7]");
    fleet_world_settled(w);
    trip_close(&t);
}

/* With nothing said there the room is as it is here, and all have heard it. */
static void quiet_and_elsewhere(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    trip_go(&t);
    struct player b = b_elsewhere(&t);
    (void)play_reseat(w, &b);
    trip_take_image(&t);
    trip_attach(&t, 0);
    assert_string_equal(trip_restore(&t), "OK []");
    assert_string_equal(trip_log(&t), "1 2 3");
    fleet_world_settled(w);
    trip_close(&t);
}

/* Lost there, come back here as somebody new: his instance is told to look. */
static void born_there_he_is_elsewhere(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_begin_there(&t, true);
    (void)play_detach(w, &t.p[1]);
    struct player b = b_elsewhere(&t);
    play_forget(w);
    trip_take_image(&t);
    trip_attach(&t, 0);
    assert_string_equal(trip_restore(&t), "OK [opponentReconnected#4]");
    assert_string_equal(fleet_world_heard(w, 2), "opponentReconnected#4 sessionReplaced ");
    assert_string_equal(play_attach_again(w, &b) ? play_record(w, "b") : "", "room|3|<room>");
    (void)play_reseat(w, &b);
    fleet_world_settled(w);
    trip_close(&t);
}

static void ends_and_he_is_elsewhere(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    struct player b = b_elsewhere(&t);
    (void)play_reseat(w, &b);
    play_forget(w);
    assert_string_equal(trip_end(&t, "1"), "ENDED [gameEnd#4 roomCleanup#5]");
    assert_string_equal(fleet_world_heard(w, 2), "gameEnd#4 roomCleanup#5 ");
    fleet_world_settled(w);
    trip_close(&t);
}

/* Its instance was taken for dead: its players were detached, and nobody else has done anything. */
static void swept_meanwhile(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    trip_go(&t);
    (void)play_say(w, &t.p[0], "{}");
    for (size_t i = 0; i < 2; i++) {
        struct player p = at_home(&t, i);
        assert_string_equal(play_detach(w, &p), fleet_text("OK  [opponentDisconnected#%zu] seat", 3 + i));
    }
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(trip_log(&t), "1 2 3@E 4@E");
    fleet_world_settled(w);
    trip_close(&t);
}

/* Attached, then taken for dead before the room came: his seat is held. */
static void swept_on_the_way(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    struct player b = at_home(&t, 1);
    (void)play_detach(w, &b);
    assert_string_equal(trip_restore(&t), "OK [opponentDisconnected#5]");
    fleet_world_settled(w);
    fleet_world_live(w, 31000);
    assert_string_equal(play_fire(w, 2, "grace"), "OK  [playerLeft#6 gameEnd#7 roomCleanup#8]");
    trip_close(&t);
}

/* ---- a store that has lost something ---- */

static void forget_all(struct trip *t)
{
    fleet_world_empty(t->w);
    for (int i = 1; i <= 3; i++)
        fleet_world_beat(t->w, i);
    for (size_t i = 0; i < t->n; i++)
        trip_attach(t, i);
}

static void an_empty_store(struct fleet_world *w)
{
    struct trip t;
    ready(&t, w, 2);
    const char *there = trip_describe(&t, t.own);
    forget_all(&t);
    refuses(&t, "GONE");
    t.data_lost = true;
    assert_string_equal(trip_restore(&t), "OK []");
    assert_string_equal(trip_describe(&t, &w->realm[1]), there);
    assert_string_equal(trip_log(&t), "3@E 4@E");
    assert_string_equal(fleet_world_found(w), "log_length=1 "); /* that is lost */
    trip_close(&t);
}

static void an_empty_store_after_a_quiet_time(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    trip_play(&t);
    trip_go(&t);
    trip_take_image(&t);
    forget_all(&t);
    t.data_lost = true;
    assert_string_equal(trip_restore(&t), "OK [roomEpoch#3]");
    assert_string_equal(trip_log(&t), "3@E");
    assert_string_equal(fleet_world_found(w), "log_length=1 ");
    assert_string_equal(trip_restore(&t), "OK []");
    trip_close(&t);
}

static void an_older_store(struct fleet_world *w)
{
    for (int quiet = 0; quiet < 2; quiet++) {
        struct trip t;
        fleet_world_empty(w);
        for (int i = 1; i <= 3; i++)
            fleet_world_beat(w, i);
        trip_open(&t, w, 2);
        trip_play(&t);
        (void)play_say(w, &t.p[0], "{}");
        (void)play_say(w, &t.p[1], "{}");
        trip_go(&t);
        if (!quiet)
            (void)play_say(w, &t.p[0], "{}");
        go_back(&t, "3", "2");
        assert_string_equal(trip_come_home(&t), quiet ? "OK [roomEpoch#5]" : "OK []");
        assert_string_equal(trip_log(&t), quiet ? "5@E" : "5@E 6@E");
        assert_string_equal(fleet_world_found(w), "log_length=1 ");
        assert_true(strncmp(play_say(w, &t.p[1], "{}"), "OK ", 3) == 0);
        trip_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(another_version),
        BOTH(another_state),
        BOTH(what_was_late_gives_way),
        BOTH(what_was_late_and_nothing_else),
        BOTH(another_epoch),
        BOTH(an_epoch_that_leads_on),
        BOTH(a_seat_less),
        BOTH(gone),
        BOTH(born_and_gone),
        BOTH(waits_elsewhere),
        BOTH(nobody_waits_for_the_absent),
        BOTH(sits_elsewhere),
        BOTH(arrives_elsewhere),
        BOTH(speaks_elsewhere),
        BOTH(heard_elsewhere),
        BOTH(votes_elsewhere),
        BOTH(quiet_and_elsewhere),
        BOTH(born_there_he_is_elsewhere),
        BOTH(ends_and_he_is_elsewhere),
        BOTH(swept_meanwhile),
        BOTH(swept_on_the_way),
        BOTH(an_empty_store),
        BOTH(an_empty_store_after_a_quiet_time),
        BOTH(an_older_store),
    };
    return FLEET_WORLD_RUN(tests);
}
