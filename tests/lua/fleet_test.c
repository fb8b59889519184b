/* Instances that die, freeze and go: the sweep, returning zombies, retirement. */
#include "common/mem.h"
#include "tests/lib/play.h"

/* What a sweeper does, at instance `at`; returns how many sockets it detached. */
static int sweep(struct fleet_world *w, int at, const char *dead)
{
    int removed = 0;
    for (int round = 0; round < 100; round++) {
        (void)ASK(w, presence_leftovers(&w->realm[at], str_of(dead), 5, ANSWER(w)));
        assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
        struct reply *left = fleet_text_copy(reply_at(w->reply, 1));
        for (size_t i = 0; i + 3 < left->count; i += 4, removed++) {
            struct presence_leaving who = {.player_id = reply_str(left, i + 1),
                                           .socket_id = reply_str(left, i),
                                           .owner_instance_id = str_of(dead),
                                           .only_if_owner_dead = true,
                                           .level = reply_int(left, i + 2),
                                           .room_id = reply_str(left, i + 3)};
            (void)ASK(w, presence_detach(&w->realm[at], &who, ANSWER(w)));
            assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
        }
        bool done = left->count == 0;
        mem_free(left);
        if (done)
            return removed;
    }
    fail_msg("the sweep of %s does not end", dead);
    return 0;
}

/* i4 holds an idle player, a queued one, a seat in a waiting room and one in an active room; others hold
 * their partners. */
struct estate {
    struct player idle, queued, waiting[2], active[2];
};

static void build(struct fleet_world *w, struct estate *e)
{
    fleet_world_beat(w, 4);
    e->idle = play_arrive(w, "idle", 4);
    e->active[0] = play_arrive(w, "active", 4);
    e->active[1] = play_arrive(w, "partner", 1);
    play_room(w, e->active, 2, 1);
    e->waiting[0] = play_arrive(w, "early", 4);
    e->waiting[1] = play_arrive(w, "mate", 2);
    play_waiting_room(w, e->waiting, 2, 2);
    e->queued = play_arrive(w, "queued", 4);
    (void)play_join(w, &e->queued, 5);
    fleet_world_settled(w);
    play_forget(w);
}

static void a_dead_instance_is_swept(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    fleet_world_die(w, 4);
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "LEFT 4");
    assert_int_equal(sweep(w, 1, "i4"), 4);
    assert_string_equal(play_record(w, "idle"), "nil");
    assert_string_equal(play_record(w, "queued"), "away|5|");
    assert_string_equal(play_queue(w, "5"), "");
    assert_string_equal(play_record(w, "early"), "nil");
    assert_string_equal(play_record(w, "mate"), "queued|2|");
    assert_string_equal(play_record(w, "active"), "room|1|<room>");
    assert_string_equal(play_say(w, &e.active[1], "{}"), "OK 4 gameMessage#4"); /* 3: opponentDisconnected */
    const char *heard = fleet_world_heard(w, 2);
    assert_non_null(strstr(heard, "matchCancelled#2"));
    assert_string_equal(RAW(w, "EXISTS", "instance:i4:sockets"), "0");
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    assert_string_equal(RAW(w, "ZSCORE", "instances", "i4"), "nil");
    assert_string_equal(RAW(w, "HGET", "instance_info", "i4"), "nil");
    assert_string_equal(RAW(w, "HGET", "instance_epochs", "i4"), "nil");
    fleet_world_settled(w);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(ASK(w, presence_retire(&w->realm[2], STR("i4"), ANSWER(w))), "OK");
    assert_int_equal(sweep(w, 2, "i4"), 0);
    fleet_world_same(w, &before, "a second sweep");
}

/* Everything a sweeper does is refused while the owner lives; it may come back to life in the middle. */
static void the_living_are_not_swept(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(ASK(w, presence_leftovers(&w->realm[1], STR("i4"), 5, ANSWER(w))), "LIVE");
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "LIVE");
    struct presence_leaving who = {.player_id = str_of(e.active[0].id),
                                   .socket_id = str_of(e.active[0].socket),
                                   .owner_instance_id = STR("i4"),
                                   .only_if_owner_dead = true,
                                   .level = 1,
                                   .room_id = str_of(e.active[0].room)};
    assert_string_equal(ASK(w, presence_detach(&w->realm[1], &who, ANSWER(w))), "LIVE");
    fleet_world_same(w, &before, "a sweep of the living");
}

/* A sweeper that knows old levels and rooms is told the new ones. */
static void a_sweep_with_old_knowledge(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    fleet_world_die(w, 4);
    struct presence_leaving who = {.player_id = str_of(e.active[0].id),
                                   .socket_id = str_of(e.active[0].socket),
                                   .owner_instance_id = STR("i4"),
                                   .only_if_owner_dead = true};
    assert_string_equal(ASK(w, presence_detach(&w->realm[1], &who, ANSWER(w))), "AGAIN 1 <room>");
    who.player_id = str_of(e.queued.id);
    who.socket_id = str_of(e.queued.socket);
    assert_string_equal(ASK(w, presence_detach(&w->realm[1], &who, ANSWER(w))), "AGAIN 5 ");
    assert_int_equal(sweep(w, 2, "i4"), 4);
}

/* Two sweepers at once: each socket is detached once, whoever comes second finds it stale. */
static void two_sweepers(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    fleet_world_die(w, 4);
    (void)ASK(w, presence_leftovers(&w->realm[1], STR("i4"), 100, ANSWER(w)));
    struct reply *seen = fleet_text_copy(reply_at(w->reply, 1));
    assert_int_equal(seen->count, 16);
    assert_int_equal(sweep(w, 2, "i4"), 4);
    struct buf before = fleet_world_dump(w);
    for (size_t i = 0; i + 3 < seen->count; i += 4) {
        struct presence_leaving who = {.player_id = reply_str(seen, i + 1),
                                       .socket_id = reply_str(seen, i),
                                       .owner_instance_id = STR("i4"),
                                       .only_if_owner_dead = true,
                                       .level = reply_int(seen, i + 2),
                                       .room_id = reply_str(seen, i + 3)};
        assert_string_equal(ASK(w, presence_detach(&w->realm[1], &who, ANSWER(w))), "OK  [] stale");
    }
    mem_free(seen);
    fleet_world_same(w, &before, "the second sweeper");
}

/* Players who have come back elsewhere are nobody's leftovers. */
static void taken_over_before_the_sweep(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    fleet_world_die(w, 4);
    play_attach(w, &e.active[0], 3);
    play_attach(w, &e.queued, 3);
    play_attach(w, &e.idle, 3);
    fleet_world_audit(w);
    assert_int_equal(sweep(w, 1, "i4"), 1); /* only `early` is still there */
    assert_string_equal(play_record(w, "active"), "room|1|<room>");
    assert_string_equal(play_record(w, "queued"), "queued|5|");
    assert_string_equal(play_record(w, "idle"), "idle||");
    (void)play_reseat(w, &e.active[0]);
    assert_string_equal(play_join_again(w, &e.queued), "WAITING 1 0");
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    fleet_world_settled(w);
}

/* It was not dead but frozen. It finds its epoch changed, attaches its sessions again, and they get what is
 * left of theirs. */
static void the_zombie_returns(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    fleet_world_die(w, 4);
    assert_int_equal(sweep(w, 1, "i4"), 4);
    (void)ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w)));
    struct player elsewhere = e.idle;
    play_attach(w, &elsewhere, 2);
    /* Before it knows: */
    assert_string_equal(play_say(w, &e.active[0], "{}"), "NOT_IN_ROOM");
    assert_string_equal(play_join_again(w, &e.queued), "GONE");
    assert_string_equal(play_confirm(w, &e.waiting[0]), "ROOM_NOT_FOUND");
    assert_string_equal(play_leave_queue(w, &e.idle), "REPLACED");
    fleet_world_audit(w);
    (void)play_beat(w, 4, 1, false);
    assert_string_equal(play_epoch(w), "OK 2");
    assert_string_equal(play_attach_again(w, &e.idle), "REPLACED");
    (void)play_attach_again(w, &e.active[0]);
    (void)play_reseat(w, &e.active[0]);
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    (void)play_attach_again(w, &e.waiting[0]);
    assert_string_equal(play_record(w, "early"), "idle||");
    (void)play_attach_again(w, &e.queued);
    assert_string_equal(play_join_again(w, &e.queued), "WAITING 1 0");
    fleet_world_settled(w);
    assert_string_equal(play_say(w, &e.active[0], "{}"), "OK 5 gameMessage#5");
}

/* Its lease ran out but nobody has swept: attaching again finds everything as it was. */
static void the_zombie_was_not_missed(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    fleet_world_die(w, 4);
    (void)play_beat(w, 4, 1, false);
    assert_string_equal(play_epoch(w), "OK 2");
    struct player *all[] = {&e.idle, &e.queued, &e.waiting[0], &e.active[0]};
    for (size_t i = 0; i < 4; i++)
        assert_true(strncmp(play_attach_again(w, all[i]), "OK ", 3) == 0);
    (void)play_reseat(w, &e.active[0]);
    (void)play_reseat(w, &e.waiting[0]);
    assert_string_equal(play_join_again(w, &e.queued), "WAITING 1 0");
    (void)play_confirm(w, &e.waiting[0]);
    assert_string_equal(play_confirm(w, &e.waiting[1]), "OK active [gameStart#3] 3");
    fleet_world_settled(w);
}

/* Frozen between attach and reseat, swept, thawed: its fence is still the player's last one, but the
 * connection that held it is written off. It has to attach again before it gets the seat, and the grace goes
 * on until then. */
static void the_zombie_takes_its_seat_too_late(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    (void)play_attach_again(w, &e.active[0]);
    (void)play_attach_again(w, &e.queued);
    fleet_world_die(w, 4);
    assert_int_equal(sweep(w, 1, "i4"), 4);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_reseat(w, &e.active[0]), "GONE");
    assert_string_equal(play_join_again(w, &e.active[0]), "GONE");
    assert_string_equal(play_leave_queue(w, &e.active[0]), "GONE");
    assert_string_equal(play_join_again(w, &e.queued), "GONE");
    fleet_world_same(w, &before, "a zombie's step");
    (void)play_beat(w, 4, 1, false);
    (void)play_attach_again(w, &e.active[0]);
    (void)play_reseat(w, &e.active[0]);
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    fleet_world_audit(w);
}

/* Swept and retired while it was frozen, it takes a connection before it has beaten again, and dies: the
 * connection stands in the fleet table's care all the same, so that somebody comes for it. */
static void a_retired_instance_attaches(struct fleet_world *w)
{
    (void)play_beat(w, 4, 0, true);
    fleet_world_die(w, 4);
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    struct player p = play_arrive(w, "p", 4);
    fleet_world_audit(w);
    assert_string_equal(play_join(w, &p, 1), "LEASE");
    (void)play_beat(w, 1, 1, false);
    assert_non_null(strstr(w->text.data, " [i4] "));
    assert_int_equal(sweep(w, 1, "i4"), 1);
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    fleet_world_settled(w);
    (void)play_attach_again(w, &p);
    (void)play_beat(w, 4, 1, false); /* or it lives: then it finds its epoch changed */
    assert_string_equal(play_epoch(w), "OK 2");
    assert_string_equal(play_join(w, &p, 1), "WAITING 1 0");
    fleet_world_settled(w);
}

static void many_sockets_in_pages(struct fleet_world *w)
{
    fleet_world_beat(w, 4);
    for (int i = 0; i < 300; i++)
        (void)play_arrive(w, fleet_text("p%d", i), 4);
    fleet_world_die(w, 4);
    (void)ASK(w, presence_leftovers(&w->realm[1], STR("i4"), 5, ANSWER(w)));
    assert_in_range(reply_at(w->reply, 1)->count / 4, 1, 50); /* about five */
    assert_int_equal(sweep(w, 1, "i4"), 300);
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    assert_string_equal(RAW(w, "EXISTS", "players"), "0");
    fleet_world_settled(w);
}

/* Sockets without a mapping have nothing to detach; they go as they are met. */
static void sockets_without_mapping(struct fleet_world *w)
{
    fleet_world_beat(w, 4);
    struct player p = play_arrive(w, "p", 4);
    for (int i = 0; i < 50; i++)
        (void)RAW(w, "SADD", "instance:i4:sockets", fleet_text("lost%d", i));
    fleet_world_die(w, 4);
    int removed = 0;
    for (int i = 0; i < 20; i++)
        removed += sweep(w, 1, "i4");
    assert_int_equal(removed, 1);
    assert_string_equal(play_record(w, p.id), "nil");
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    fleet_world_settled(w);
}

/* ---- going away in order ---- */

static void an_instance_retires_itself(struct fleet_world *w)
{
    struct estate e;
    build(w, &e);
    assert_string_equal(ASK(w, presence_retire(&w->realm[4], STR("i4"), ANSWER(w))), "LEFT 4");
    struct player *all[] = {&e.idle, &e.queued, &e.waiting[0], &e.active[0]};
    for (size_t i = 0; i < 4; i++)
        (void)play_detach(w, all[i]);
    assert_string_equal(ASK(w, presence_retire(&w->realm[4], STR("i4"), ANSWER(w))), "OK");
    assert_string_equal(ASK(w, presence_retire(&w->realm[4], STR("i4"), ANSWER(w))), "OK");
    assert_string_equal(RAW(w, "ZCARD", "instances"), "3");
    fleet_world_settled(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_dead_instance_is_swept),    BOTH(the_living_are_not_swept),
        BOTH(a_sweep_with_old_knowledge),  BOTH(two_sweepers),
        BOTH(taken_over_before_the_sweep), BOTH(the_zombie_returns),
        BOTH(the_zombie_was_not_missed),   BOTH(the_zombie_takes_its_seat_too_late),
        BOTH(a_retired_instance_attaches), BOTH(many_sockets_in_pages),
        BOTH(sockets_without_mapping),     BOTH(an_instance_retires_itself),
    };
    return FLEET_WORLD_RUN(tests);
}
