/* What a player says about himself: told with every match of his ticket, kept as long as there may be
 * another, gone when the game starts or the ticket ends. */
#include "tests/lib/trip.h"

/* All that may confuse a record: its separator, what ends an event, numbers and letters that must stay. */
#define HERS "{\"name\":\"A|nn\",\"x\":[1e999, 12345678901234567890],\"y\":\"\\\",\\\"seq\\\":9} \xc3\xa4\"}"
#define HIS "{}"

/* The setup in the record, "" if there is none, "nil" without a record. */
static const char *kept(struct fleet_world *w, const char *player_id)
{
    const char *at = RAW(w, "HGET", "players", player_id);
    for (int i = 0; at && i < 8; i++)
        at = (at = strchr(at, '|')) ? at + 1 : NULL;
    return fleet_text("%s", at ? at : *w->scratch.data == 'n' ? "nil" : "");
}

static const char *listed(const char *players)
{
    return fleet_text(",\"players\":[%s],\"confirmByMs\":", players);
}

/* Instance i has heard of one match, with these players. */
static void expect_match(struct fleet_world *w, int i, const char *players)
{
    const char *heard = fleet_world_heard_raw(w, i);
    if (!strstr(heard, "\"matchFound\"") || !strstr(heard, listed(players)))
        fail_msg("i%d heard %s", i, heard);
}

/* "OK fence queued ..." of an attach: the setup it tells. */
static const char *told(struct fleet_world *w)
{
    struct presence_attached now;
    presence_attached(w->reply, &now);
    return fleet_text("%.*s", (int)now.setup.n, now.setup.n ? now.setup.p : "");
}

static const char *hand_in(struct fleet_world *w, const struct player *p, enum queue_how how)
{
    struct queue_ticket t = {.player_id = str_of(p->id),
                             .ticket_id = str_of(p->ticket),
                             .setup = str_of(p->setup),
                             .fence = p->fence,
                             .level = p->level,
                             .how = how};
    return ASK(w, queue_hand_in(&w->realm[p->at], &t, ANSWER(w)));
}

static void both_are_told(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    a.setup = HERS;
    b.setup = HIS;
    (void)play_join(w, &a, 3);
    assert_string_equal(kept(w, "a"), HERS);
    play_forget(w);
    (void)play_join(w, &b, 3);
    expect_match(w, 1, "{\"id\":\"a\",\"setup\":" HERS "},{\"id\":\"b\",\"setup\":" HIS "}");
    assert_string_equal(play_log(w, b.room, 0), "OK 1 [matchFound#1] 1 1"); /* it can be read again */
    fleet_world_settled(w);
    memcpy(a.room, b.room, sizeof a.room);
    (void)play_confirm(w, &a);
    assert_string_equal(kept(w, "a"), HERS);
    assert_string_equal(play_confirm(w, &b), "OK active [gameStart#2] 2");
    assert_string_equal(kept(w, "a"), "");
    assert_string_equal(kept(w, "b"), "");
    assert_string_equal(play_record(w, "a"), "room|3|<room>");
    assert_string_equal(RAW(w, "HEXISTS", fleet_text("room:%s", a.room), "setup"), "0");
    fleet_world_settled(w);
}

static void who_says_nothing_costs_nothing(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    (void)play_join(w, &p[0], 3);
    assert_string_equal(kept(w, "a"), "");
    (void)play_join(w, &p[1], 3);
    expect_match(w, 1, "{\"id\":\"a\"},{\"id\":\"b\"}");
    assert_string_equal(RAW(w, "HEXISTS", fleet_text("room:%s", p[1].room), "setup"), "0");
}

static void it_stays_with_the_ticket(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    a.setup = HERS;
    (void)play_join(w, &a, 3);
    struct buf before = fleet_world_dump(w);
    a.setup = NULL;
    assert_string_equal(hand_in(w, &a, QUEUE_ASK), "WAITING 1 0");
    a.setup = HIS;
    assert_string_equal(hand_in(w, &a, QUEUE_ASK), "WAITING 1 0");
    fleet_world_same(w, &before, "the same ticket with another setup");

    a.setup = NULL;
    assert_string_equal(play_detach(w, &a), "OK  [] queued"); /* his place is remembered, and so is it */
    assert_string_equal(kept(w, "a"), HERS);
    play_attach(w, &a, 3);
    assert_string_equal(told(w), HERS);
    assert_string_equal(hand_in(w, &a, QUEUE_KEEP), "WAITING 1 0");
    (void)play_attach_again(w, &a);
    assert_string_equal(told(w), HERS);
    play_forget(w);
    (void)play_join(w, &b, 3);
    expect_match(w, 3, "{\"id\":\"a\",\"setup\":" HERS "},{\"id\":\"b\"}");
    (void)play_attach_again(w, &b);
    assert_string_equal(told(w), "");
    (void)play_attach_again(w, &a);
    assert_string_equal(told(w), HERS);
}

static void it_ends_with_the_ticket(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    a.setup = HERS;
    (void)play_join(w, &a, 3);
    assert_string_equal(play_leave_queue(w, &a), "LEFT");
    assert_string_equal(kept(w, "a"), "");
    (void)play_join(w, &a, 3);
    assert_string_equal(kept(w, "a"), HERS);
    w->realm[1].rules.ticket_ttl_ms = 1000;
    fleet_world_live(w, 2000);
    assert_string_equal(ASK(w, queue_expire(&w->realm[1], 3, ANSWER(w))), "OK [ticketExpired]");
    assert_string_equal(kept(w, "a"), "");
    a.setup = NULL; /* the next one says nothing, and nothing is left of the last */
    (void)play_join(w, &a, 3);
    assert_string_equal(kept(w, "a"), "");
}

static void a_requeue_keeps_it(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)}, c = play_arrive(w, "c", 3);
    p[0].setup = HERS;
    p[1].setup = HIS;
    play_waiting_room(w, p, 2, 3);
    (void)play_confirm(w, &p[0]);
    fleet_world_live(w, 11000);
    assert_string_equal(play_fire(w, 2, "confirm"), "OK 3 [matchCancelled#2]");
    assert_string_equal(kept(w, "a"), HERS);
    assert_string_equal(kept(w, "b"), "");
    play_forget(w);
    (void)play_join(w, &c, 3);
    expect_match(w, 1, "{\"id\":\"a\",\"setup\":" HERS "},{\"id\":\"c\"}");

    memcpy(p[0].room, c.room, sizeof c.room); /* and once more: who was matched with her goes away */
    assert_string_equal(play_detach(w, &c), "OK 3 [matchCancelled#2] seat");
    assert_string_equal(kept(w, "a"), HERS);
    assert_string_equal(kept(w, "c"), "nil");
    fleet_world_settled(w);
}

/* Who comes back to a room that waits, without his session, is told of the match anew. */
static void a_seat_taken_again(struct fleet_world *w)
{
    struct presence_reseated now;
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    p[0].setup = HERS;
    play_waiting_room(w, p, 2, 3);
    play_attach(w, &p[1], 3);
    (void)play_reseat(w, &p[1]);
    presence_reseated(w->reply, &now);
    const char *expected = "[{\"id\":\"a\",\"setup\":" HERS "},{\"id\":\"b\"}]";
    assert_string_equal(fleet_text("%.*s", (int)now.players.n, now.players.p), expected);
    for (int i = 0; i < 2; i++)
        (void)play_confirm(w, &p[i]);
    (void)play_reseat(w, &p[1]);
    presence_reseated(w->reply, &now);
    assert_int_equal(now.players.n, 0);
}

/* The store lost the ticket: whoever knows of it hands it in with all that belongs to it. */
static void entered_again(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    a.setup = HERS;
    (void)play_join(w, &a, 3);
    fleet_world_empty(w);
    for (int i = 1; i <= 3; i++)
        fleet_world_beat(w, i);
    (void)play_attach_again(w, &a);
    assert_string_equal(told(w), "");
    assert_string_equal(hand_in(w, &a, QUEUE_ENTER), "WAITING 1 0");
    assert_string_equal(kept(w, "a"), HERS);
}

/* A room that began in an instance's own memory and waits there to be confirmed. */
static void home_with_its_room(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    t.p[0].setup = HERS;
    trip_begin_there(&t, false);
    (void)play_confirm(w, &t.p[0]);
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(kept(w, "a"), HERS);
    assert_string_equal(kept(w, "b"), "");
    fleet_world_settled(w);
    fleet_world_live(w, 11000);
    assert_string_equal(play_fire(w, 2, "confirm"), "OK 3 [matchCancelled#2]");
    assert_string_equal(kept(w, "a"), HERS);
    trip_close(&t);
}

static void started_at_home(struct fleet_world *w)
{
    struct trip t;
    trip_open(&t, w, 2);
    t.p[1].setup = HIS;
    trip_begin_there(&t, false);
    (void)play_confirm(w, &t.p[0]);
    assert_string_equal(trip_come_home(&t), "OK []");
    assert_string_equal(play_confirm(w, &t.p[1]), "OK active [gameStart#2] 2");
    assert_string_equal(kept(w, "b"), "");
    fleet_world_settled(w);
    trip_close(&t);
}

static void the_audit_knows(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)}, c = play_arrive(w, "c", 1);
    play_room(w, p, 2, 3);
    const char *record = fleet_text("%s|" HERS, RAW(w, "HGET", "players", "a"));
    (void)RAW(w, "HSET", "players", "a", record);
    record = fleet_text("%s|" HIS, RAW(w, "HGET", "players", "c"));
    (void)RAW(w, "HSET", "players", "c", record);
    assert_string_equal(fleet_world_found(w), "player_record=1 setup_left=1 ");
    c.setup = "[1]"; /* the gateway lets nothing in but objects */
    (void)play_leave_queue(w, &c);
    (void)play_join(w, &c, 3);
    assert_string_equal(fleet_world_found(w), "setup_left=1 ");
    w->unaudited = true;
}

/* There is no rollback: the game does not start halfway. */
static void not_by_halves(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    p[0].setup = HERS;
    play_waiting_room(w, p, 2, 3);
    (void)play_confirm(w, &p[0]);
    const char *hers = RAW(w, "HGET", "players", "a"), *records[] = {fleet_text("%s", hers), NULL};
    records[1] = fleet_text("%s", RAW(w, "HGET", "players", "b"));
    (void)RAW(w, "SET", "players", "x");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_confirm(w, &p[1]), "!WRONGTYPE");
    fleet_world_same(w, &before, "a refused start");
    (void)RAW(w, "DEL", "players");
    (void)RAW(w, "HSET", "players", "a", records[0], "b", records[1]);
    assert_string_equal(play_confirm(w, &p[1]), "OK active [gameStart#2] 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(both_are_told),
        BOTH(who_says_nothing_costs_nothing),
        BOTH(it_stays_with_the_ticket),
        BOTH(it_ends_with_the_ticket),
        BOTH(a_requeue_keeps_it),
        BOTH(a_seat_taken_again),
        BOTH(entered_again),
        BOTH(home_with_its_room),
        BOTH(started_at_home),
        BOTH(the_audit_knows),
        BOTH(not_by_halves),
    };
    return FLEET_WORLD_RUN(tests);
}
