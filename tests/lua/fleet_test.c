/* Instances: leases and their epochs, seats that must agree, death, the sweep, retirement. */
#include "tests/lib/play.h"

#include "common/mem.h"

static const char *beat(struct fleet_world *w, int i, int64_t known, bool first)
{
    struct presence_beat b = {
        .info = str_of(fleet_text("{\"host\":\"h\",\"seats\":%lld}", (long long)w->realm[i].rules.seats)),
        .known_epoch = known,
        .first = first};
    return ASK(w, presence_heartbeat(&w->realm[i], &b, ANSWER(w)));
}

/* "OK 3": word and epoch of the last heartbeat. */
static const char *epoch_of(struct fleet_world *w)
{
    return fleet_text("%.*s %lld", (int)reply_str(w->reply, 0).n, reply_str(w->reply, 0).p,
                      (long long)reply_int(w->reply, 1));
}

static void a_lease(struct fleet_world *w)
{
    int64_t before = fleet_world_now_ms(w), ends;
    (void)beat(w, 4, 0, true);
    assert_string_equal(epoch_of(w), "OK 1");
    assert_in_range(reply_int(w->reply, 2), before, before + 2000);
    assert_int_equal(reply_at(w->reply, 3)->count, 0);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "instances", "i4")), &ends));
    assert_in_range(ends, before + w->realm[4].rules.lease_ms, before + w->realm[4].rules.lease_ms + 2000);
    assert_string_equal(RAW(w, "HGET", "instance_info", "i4"), "{\"host\":\"h\",\"seats\":2}");
    assert_string_equal(RAW(w, "HGET", "instance_epochs", "i4"), "1");
    for (int i = 0; i < 3; i++) {
        (void)beat(w, 4, 1, false);
        assert_string_equal(epoch_of(w), "OK 1");
    }
    fleet_world_settled(w);
}

/* A store that gave out fences and forgot them: it says so once, and gives none of them out again. */
static void fences_lost_are_skipped(struct fleet_world *w)
{
    struct presence_beat b = {.info = STR("{\"host\":\"h\",\"seats\":2}"), .fence = 1000007};
    (void)ASK(w, presence_heartbeat(&w->realm[4], &b, ANSWER(w)));
    assert_true(reply_int(w->reply, 6) > 0);
    assert_string_equal(RAW(w, "GET", "fence"), "1000007");
    (void)ASK(w, presence_heartbeat(&w->realm[4], &b, ANSWER(w)));
    assert_int_equal(reply_int(w->reply, 6), 0);
    b.fence = 5; /* less than the store's: nothing was lost */
    (void)ASK(w, presence_heartbeat(&w->realm[4], &b, ANSWER(w)));
    assert_int_equal(reply_int(w->reply, 6), 0);
    assert_string_equal(RAW(w, "GET", "fence"), "1000007");
}

/* A lost reply of the first heartbeat: the second one says the same epoch. */
static void first_beat_twice(struct fleet_world *w)
{
    (void)beat(w, 4, 0, true);
    struct buf before = fleet_world_dump(w);
    (void)beat(w, 4, 0, true);
    assert_string_equal(epoch_of(w), "OK 1");
    fleet_world_same(w, &before, "a second first heartbeat");
}

static void a_lost_lease_shows_in_the_epoch(struct fleet_world *w)
{
    (void)beat(w, 4, 0, true);
    fleet_world_pass(w, w->realm[4].rules.lease_ms - 5000);
    (void)beat(w, 4, 1, false);
    assert_string_equal(epoch_of(w), "OK 1"); /* in time */
    fleet_world_pass(w, w->realm[4].rules.lease_ms);
    (void)beat(w, 4, 1, false);
    assert_string_equal(epoch_of(w), "OK 2");
    /* The reply that said so was lost: it is a level, so it is said again, as long as it takes. */
    (void)beat(w, 4, 1, false);
    assert_string_equal(epoch_of(w), "OK 2");
    (void)beat(w, 4, 1, false);
    assert_string_equal(epoch_of(w), "OK 2");
}

static void an_empty_store_is_a_lost_lease(struct fleet_world *w)
{
    for (int i = 0; i < 4; i++) {
        fleet_world_die(w, 1);
        fleet_world_beat(w, 1);
    }
    assert_string_equal(epoch_of(w), "OK 5");
    fleet_world_empty(w);
    (void)beat(w, 1, 5, false);
    assert_string_equal(epoch_of(w), "OK 6");
    (void)beat(w, 1, 6, false);
    assert_string_equal(epoch_of(w), "OK 6");
}

/* Retired by a sweep while it was away: the epoch it knows is not given out again. */
static void back_after_retirement(struct fleet_world *w)
{
    (void)beat(w, 4, 0, true);
    fleet_world_die(w, 4);
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    (void)beat(w, 4, 1, false);
    assert_string_equal(epoch_of(w), "OK 2");
    fleet_world_settled(w);
}

static void seats_must_agree(struct fleet_world *w)
{
    w->realm[4].rules.seats = 3;
    struct buf before = fleet_world_dump(w);
    (void)beat(w, 4, 0, true);
    struct str word = reply_str(w->reply, 0), seats = reply_str(w->reply, 1), other = reply_str(w->reply, 2);
    assert_true(str_eq(word, STR("SEATS")) && str_eq(seats, STR("2")));
    assert_true(other.n == 2 && other.p[0] == 'i' && other.p[1] >= '1' && other.p[1] <= '3');
    fleet_world_same(w, &before, "a refused start");
    /* Only the living count, and only at the start. */
    for (int i = 1; i <= 3; i++)
        fleet_world_die(w, i);
    (void)beat(w, 4, 0, true);
    assert_string_equal(epoch_of(w), "OK 1");
    (void)beat(w, 1, 1, false);
    assert_string_equal(epoch_of(w), "OK 2");
    (void)beat(w, 1, 2, true);
    assert_true(str_eq(reply_str(w->reply, 0), STR("SEATS")));
    (void)beat(w, 4, 1, true); /* its own line is no obstacle, the other's is */
    assert_true(str_eq(reply_str(w->reply, 2), STR("i1")));
    fleet_world_beat(w, 2);
    fleet_world_beat(w, 3);
}

static void seats_are_compared_as_numbers(struct fleet_world *w)
{
    (void)RAW(w, "HSET", "instance_info", "i1", "{\"seats\":21}");
    (void)RAW(w, "HSET", "instance_info", "i2", "{}");
    fleet_world_die(w, 2);
    fleet_world_die(w, 3);
    (void)beat(w, 4, 0, true);
    assert_true(str_eq(reply_str(w->reply, 0), STR("SEATS")) && str_eq(reply_str(w->reply, 1), STR("21")));
    fleet_world_die(w, 1);
    fleet_world_beat(w, 2);
    (void)RAW(w, "HSET", "instance_info", "i2", "{}");
    (void)beat(w, 4, 0, true);
    assert_true(str_eq(reply_str(w->reply, 0), STR("SEATS")) && reply_str(w->reply, 1).n == 0);
}

/* Who beats learns of the dead, a few at a time. */
static void the_dead_are_named(struct fleet_world *w)
{
    fleet_world_die(w, 2);
    fleet_world_die(w, 3);
    (void)beat(w, 1, 1, false);
    assert_non_null(strstr(w->text.data, " [i2 i3] [i1]"));
    for (int i = 0; i < 20; i++)
        (void)RAW(w, "ZADD", "instances", "7", fleet_text("x%02d", i));
    (void)beat(w, 1, 1, false);
    assert_int_equal(reply_at(w->reply, 3)->count, 8);
    for (int i = 0; i < 20; i++)
        (void)RAW(w, "ZREM", "instances", fleet_text("x%02d", i));
}

/* Nobody lived for a while: all deadlines get that time, once, and the audit has nothing against it. */
static void an_outage_moves_the_deadlines(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    play_waiting_room(w, p, 2, 3);
    const char *entry = fleet_text("confirm:%s/3:1", p[0].room);
    int64_t planned, moved, again;
    fleet_world_pass(w, w->realm[1].rules.lease_ms + 20000);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", entry)), &planned));
    assert_string_equal(ASK(w, timers_due(&w->realm[1], 10, ANSWER(w))), entry);
    (void)beat(w, 1, 1, false);
    int64_t by = reply_int(w->reply, 5);
    assert_in_range(by, w->realm[1].rules.lease_ms + 20000, w->realm[1].rules.lease_ms + 25000);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", entry)), &moved));
    assert_int_equal(moved, planned + by);
    (void)beat(w, 2, 1, false);
    assert_int_equal(reply_int(w->reply, 5), 0);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", entry)), &again));
    assert_int_equal(again, moved);
    assert_string_equal(play_fire(w, 1, "confirm"), "EARLY");
    fleet_world_beat(w, 3);
    fleet_world_settled(w);
}

/* ---- the sweep ---- */

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
    (void)beat(w, 4, 1, false);
    assert_string_equal(epoch_of(w), "OK 2");
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
    (void)beat(w, 4, 1, false);
    assert_string_equal(epoch_of(w), "OK 2");
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
    (void)beat(w, 4, 1, false);
    (void)play_attach_again(w, &e.active[0]);
    (void)play_reseat(w, &e.active[0]);
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    fleet_world_audit(w);
}

/* Swept and retired while it was frozen, it takes a connection before it has beaten again, and dies: the
 * connection stands in the fleet table's care all the same, so that somebody comes for it. */
static void a_retired_instance_attaches(struct fleet_world *w)
{
    (void)beat(w, 4, 0, true);
    fleet_world_die(w, 4);
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    struct player p = play_arrive(w, "p", 4);
    fleet_world_audit(w);
    assert_string_equal(play_join(w, &p, 1), "LEASE");
    (void)beat(w, 1, 1, false);
    assert_non_null(strstr(w->text.data, " [i4] "));
    assert_int_equal(sweep(w, 1, "i4"), 1);
    assert_string_equal(ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w))), "OK");
    fleet_world_settled(w);
    (void)play_attach_again(w, &p);
    (void)beat(w, 4, 1, false); /* or it lives: then it finds its epoch changed */
    assert_string_equal(epoch_of(w), "OK 2");
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
        BOTH(a_lease),
        BOTH(first_beat_twice),
        BOTH(fences_lost_are_skipped),
        BOTH(a_lost_lease_shows_in_the_epoch),
        BOTH(an_empty_store_is_a_lost_lease),
        BOTH(back_after_retirement),
        BOTH(seats_must_agree),
        BOTH(seats_are_compared_as_numbers),
        BOTH(the_dead_are_named),
        BOTH(an_outage_moves_the_deadlines),
        BOTH(a_dead_instance_is_swept),
        BOTH(the_living_are_not_swept),
        BOTH(a_sweep_with_old_knowledge),
        BOTH(two_sweepers),
        BOTH(taken_over_before_the_sweep),
        BOTH(the_zombie_returns),
        BOTH(the_zombie_was_not_missed),
        BOTH(the_zombie_takes_its_seat_too_late),
        BOTH(a_retired_instance_attaches),
        BOTH(many_sockets_in_pages),
        BOTH(sockets_without_mapping),
        BOTH(an_instance_retires_itself),
    };
    return FLEET_WORLD_RUN(tests);
}
