/* A ticket leads to one game at most: asked for late, kept, entered again, and what a lost record means. */
#include "tests/lib/play.h"

static const char *hand_in(struct fleet_world *w, const struct player *p, enum queue_how how)
{
    struct queue_ticket t = {.player_id = str_of(p->id),
                             .ticket_id = str_of(p->ticket),
                             .session_id = str_of(p->socket), /* play.h: a session bears its socket's name */
                             .fence = p->fence,
                             .level = p->level,
                             .how = how};
    return ASK(w, queue_hand_in(&w->realm[p->at], &t, ANSWER(w)));
}

static const char *ask(struct fleet_world *w, struct player *p, const char *ticket)
{
    p->level = 3;
    assert_true(str_copy(p->ticket, sizeof p->ticket, str_of(ticket)));
    return hand_in(w, p, QUEUE_ASK);
}

/* Attaches again; was the record lost? */
static bool lost(struct fleet_world *w, struct player *p)
{
    (void)play_attach_again(w, p);
    struct presence_attached now;
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    presence_attached(w->reply, &now);
    return now.lost;
}

static void lose_record(struct fleet_world *w, const struct player *p)
{
    (void)RAW(w, "HDEL", "players", p->id);
}

static void asking_late_is_not_joining_again(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    assert_string_equal(ask(w, &a, "one"), "WAITING 1 0");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(ask(w, &a, "one"), "WAITING 1 0");
    fleet_world_same(w, &before, "the same request again");
    (void)play_leave_queue(w, &a);
    before = fleet_world_dump(w);
    assert_string_equal(ask(w, &a, "one"), "NOT_QUEUED");
    fleet_world_same(w, &before, "a request whose ticket was given up");

    assert_string_equal(ask(w, &a, "two"), "WAITING 1 0");
    assert_string_equal(ask(w, &b, "bob"), "MATCHED <room> [matchFound#1]");
    struct str room = reply_str(w->reply, 1);
    (void)str_copy(a.room, sizeof a.room, room);
    memcpy(b.room, a.room, sizeof b.room);
    assert_string_equal(ask(w, &a, "two"), "MATCHED <room> []");
    for (int i = 0; i < 2; i++)
        (void)play_confirm(w, i ? &a : &b);
    assert_string_equal(ask(w, &b, "bob"), "MATCHED <room> []");
    (void)play_leave_room(w, &b);
    assert_string_equal(ask(w, &a, "two"), "NOT_QUEUED");
    assert_string_equal(ask(w, &b, "bob"), "NOT_QUEUED");
    assert_string_equal(ask(w, &a, "three"), "WAITING 1 0");
    fleet_world_settled(w);
}

static void a_ticket_that_expired_is_over(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    w->realm[1].rules.ticket_ttl_ms = 60000;
    assert_string_equal(ask(w, &a, "one"), "WAITING 1 0");
    fleet_world_pass(w, 60001);
    assert_string_equal(ASK(w, queue_expire(&w->realm[1], 3, ANSWER(w))), "OK [ticketExpired]");
    assert_string_equal(ask(w, &a, "one"), "NOT_QUEUED");
    assert_false(lost(w, &a));
    assert_string_equal(hand_in(w, &a, QUEUE_KEEP), "NOT_QUEUED");
    fleet_world_settled(w);
}

/* The session goes on with its player: it knows the ticket on every line. */
static void the_session_remembers_on_every_line(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    struct presence_hello hello = {
        .player_id = STR("a"), .socket_id = STR("new"), .session_id = str_of(a.socket), .resume = true};
    assert_string_equal(ask(w, &a, "one"), "WAITING 1 0");
    (void)play_detach(w, &a);
    assert_string_equal(play_fire(w, 1, "queue"), "EARLY");
    fleet_world_live(w, w->realm[1].rules.queue_grace_ms);
    assert_string_equal(play_fire(w, 1, "queue"), "OK  []");
    (void)ASK(w, presence_attach(&w->realm[2], &hello, ANSWER(w)));
    a.fence = reply_int(w->reply, 1);
    a.at = 2;
    assert_string_equal(ask(w, &a, "one"), "NOT_QUEUED");
    assert_string_equal(ask(w, &a, "two"), "WAITING 1 0");
    fleet_world_settled(w);
}

/* Without a session nothing is remembered, and none is made. */
static void without_a_session(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    char key[ID_SIZE + 16];
    (void)str_copy(key, sizeof key, str_of(fleet_text("session:%s", a.socket)));
    (void)RAW(w, "DEL", key);
    assert_string_equal(ask(w, &a, "one"), "WAITING 1 0");
    assert_string_equal(RAW(w, "EXISTS", key), "0");
    (void)play_leave_queue(w, &a);
    assert_string_equal(ask(w, &a, "one"), "WAITING 1 0");
    (void)RAW(w, "SET", key, "x");
    assert_string_equal(ask(w, &a, "one"), "!WRONGTYPE");
    (void)RAW(w, "DEL", key);
    fleet_world_settled(w);
}

/* To keep is not to enter. */
static void keeping_a_place(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)ask(w, &a, "one");
    assert_string_equal(hand_in(w, &a, QUEUE_KEEP), "WAITING 1 0");
    (void)RAW(w, "DEL", "waiting:level:3"); /* a list entry that was lost is repaired */
    assert_string_equal(hand_in(w, &a, QUEUE_KEEP), "WAITING 1 0");
    assert_string_equal(play_queue(w, "3"), "a");
    (void)play_leave_queue(w, &a);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(hand_in(w, &a, QUEUE_KEEP), "NOT_QUEUED");
    fleet_world_die(w, 1);
    assert_string_equal(hand_in(w, &a, QUEUE_KEEP), "NOT_QUEUED"); /* whatever the lease */
    fleet_world_beat(w, 1);
    buf_close(&before);
    (void)ask(w, &a, "two");
    (void)ask(w, &b, "bob");
    assert_string_equal(hand_in(w, &a, QUEUE_KEEP), "MATCHED <room> []");
    fleet_world_settled(w);
}

/* The store lost the record: that shows until something becomes of the player, however often it is asked. */
static void a_lost_record_shows(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    assert_false(lost(w, &a));
    (void)ask(w, &a, "one");
    lose_record(w, &a);
    (void)RAW(w, "DEL", "waiting:level:3");
    (void)RAW(w, "DEL", "waiting:levels");
    assert_true(lost(w, &a));
    assert_true(lost(w, &a)); /* the answer was lost */
    assert_string_equal(RAW(w, "HGET", "players", "a"),
                        fleet_text("idle|%lld||-|0||a.1|i1", (long long)a.fence));
    fleet_world_settled(w);
    fleet_world_die(w, 1);
    assert_string_equal(hand_in(w, &a, QUEUE_ENTER), "LEASE");
    fleet_world_beat(w, 1);
    assert_true(lost(w, &a));
    assert_string_equal(hand_in(w, &a, QUEUE_KEEP), "NOT_QUEUED");
    assert_string_equal(hand_in(w, &a, QUEUE_ASK), "NOT_QUEUED"); /* its client has asked before */
    assert_string_equal(hand_in(w, &a, QUEUE_ENTER), "WAITING 1 0");
    assert_false(lost(w, &a));
    assert_string_equal(play_record(w, "a"), "queued|3|");
    (void)play_leave_queue(w, &a);
    assert_false(lost(w, &a));
    fleet_world_settled(w);

    fleet_world_empty(w);
    fleet_world_beat(w, 1);
    assert_true(lost(w, &a));
    (void)play_detach(w, &a);
    fleet_world_settled(w);
}

/* A new connection knows of no ticket: nothing is lost for it, nor for the one after it. */
static void nothing_is_lost_for_a_new_connection(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), old = a;
    lose_record(w, &a);
    play_attach(w, &a, 2);
    (void)play_detach(w, &old); /* nobody tells its instance, but its line ends */
    assert_false(lost(w, &a));
    fleet_world_settled(w);
}

/* The player went on elsewhere with his session, and left from there: no record is left, but the session
 * knows. */
static void the_session_went_on_elsewhere(struct fleet_world *w)
{
    struct player old = play_arrive(w, "a", 1), new = old;
    struct presence_hello hello = {
        .player_id = STR("a"), .socket_id = STR("new"), .session_id = str_of(old.socket), .resume = true};
    (void)ask(w, &old, "one");
    new.level = old.level;
    (void)ASK(w, presence_attach(&w->realm[2], &hello, ANSWER(w)));
    new.fence = reply_int(w->reply, 1);
    new.at = 2;
    (void)str_copy(new.socket, sizeof new.socket, STR("new"));
    (void)play_leave_queue(w, &new);
    (void)play_detach(w, &new);
    assert_string_equal(RAW(w, "EXISTS", "players"), "0");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_attach_again(w, &old), "REPLACED");
    fleet_world_same(w, &before, "an attach that comes too late");
    /* The store came back with data from before the player was here: that is no other connection. */
    (void)RAW(w, "HSET", fleet_text("session:%s", old.socket), "fence", "0");
    assert_true(lost(w, &old));
}

static const char *enter(struct fleet_world *w, struct player *p, const char *ticket, int64_t since_ms)
{
    p->level = 3;
    assert_true(str_copy(p->ticket, sizeof p->ticket, str_of(ticket)));
    struct queue_ticket t = {.player_id = str_of(p->id),
                             .ticket_id = str_of(p->ticket),
                             .session_id = str_of(p->socket),
                             .fence = p->fence,
                             .level = p->level,
                             .how = QUEUE_ENTER,
                             .since_ms = since_ms};
    return ASK(w, queue_hand_in(&w->realm[p->at], &t, ANSWER(w)));
}

/* The time for which a ticket has waited gives it its place, whenever it comes back; nobody is before his
 * time. */
static void a_ticket_enters_at_its_time(struct fleet_world *w)
{
    struct player p[5];
    for (int i = 0; i < 5; i++)
        p[i] = play_arrive(w, fleet_text("p%d", i), 1 + i % 3);
    fleet_world_seats(w, 5);
    assert_string_equal(ask(w, &p[0], "t0"), "WAITING 1 0");
    fleet_world_live(w, 2000);
    assert_string_equal(ask(w, &p[1], "t1"), "WAITING 2 0");
    fleet_world_live(w, 2000);
    assert_string_equal(enter(w, &p[2], "t2", -3000), "WAITING 2 0");
    assert_string_equal(play_queue(w, "3"), "p0 p2 p1");
    assert_string_equal(enter(w, &p[2], "t2", -9000), "WAITING 2 0"); /* it waits already: asked, not moved */
    assert_string_equal(enter(w, &p[3], "t3", fleet_world_now_ms(w) + 60000), "WAITING 4 0");
    assert_string_equal(play_queue(w, "3"), "p0 p2 p1 p3");
    play_forget(w);
    assert_string_equal(enter(w, &p[4], "t4", fleet_world_now_ms(w) - 5000), "MATCHED <room> [matchFound#1]");
    const char *order =
        "\"players\":[{\"id\":\"p4\"},{\"id\":\"p0\"},{\"id\":\"p2\"},{\"id\":\"p1\"},{\"id\":\"p3\"}]";
    assert_non_null(strstr(fleet_world_heard_raw(w, 1), order));
}

/* What the store knows of a waiting player, for whoever brings his ticket home. */
static void since_when_he_waits(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    struct presence_record now;
    assert_string_equal(ask(w, &a, "one"), "WAITING 1 0");
    const char *record = fleet_text("%s", RAW(w, "HGET", "players", "a"));
    assert_true(presence_record(str_of(record), &now));
    assert_true(str_eq(now.ticket_id, STR("one")));
    assert_in_range(now.joined_at_ms, fleet_world_now_ms(w) - 2000, fleet_world_now_ms(w));
    (void)play_leave_queue(w, &a);
    record = fleet_text("%s", RAW(w, "HGET", "players", "a"));
    assert_true(presence_record(str_of(record), &now));
    assert_int_equal(now.joined_at_ms, 0);
    assert_int_equal(now.ticket_id.n, 0);
}

/* The same without the session, as after a reload: then the store remembers whose line was taken over, for as
 * long as a session lives. */
static void another_session_went_on_elsewhere(struct fleet_world *w)
{
    struct player old = play_arrive(w, "a", 1), new = old;
    (void)ask(w, &old, "one");
    new.level = old.level;
    play_attach(w, &new, 2);
    assert_string_equal(RAW(w, "ZRANGE", "replaced", "0", "-1"), old.socket);
    int64_t left_ms;
    assert_true(str_to_int(str_of(RAW(w, "PTTL", "replaced")), &left_ms));
    assert_true(left_ms > 0 && left_ms <= w->realm[2].rules.session_ms);
    (void)play_leave_queue(w, &new);
    (void)play_detach(w, &new);
    assert_string_equal(RAW(w, "EXISTS", "players"), "0");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_attach_again(w, &old), "REPLACED");
    fleet_world_same(w, &before, "an attach that comes too late");
    (void)RAW(w, "DEL", "replaced"); /* so it is this that tells */
    assert_true(lost(w, &old));
}

/* Who came back with his session, or on the same instance, needs no such memory. */
static void nobody_is_remembered_without_need(struct fleet_world *w)
{
    struct player old = play_arrive(w, "a", 1), reloaded = old;
    play_attach(w, &reloaded, 1);
    const struct presence_hello hello = {.player_id = STR("a"),
                                         .socket_id = STR("new"),
                                         .session_id = str_of(reloaded.socket),
                                         .resume = true};
    assert_string_equal(
        ASK(w, presence_attach(&w->realm[2], &hello, ANSWER(w))),
        fleet_text("OK %lld idle   0  i1 %s 0", (long long)reloaded.fence + 1, reloaded.socket));
    assert_string_equal(RAW(w, "EXISTS", "replaced"), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(asking_late_is_not_joining_again),
        BOTH(a_ticket_that_expired_is_over),
        BOTH(the_session_remembers_on_every_line),
        BOTH(without_a_session),
        BOTH(keeping_a_place),
        BOTH(a_lost_record_shows),
        BOTH(nothing_is_lost_for_a_new_connection),
        BOTH(the_session_went_on_elsewhere),
        BOTH(a_ticket_enters_at_its_time),
        BOTH(since_when_he_waits),
        BOTH(another_session_went_on_elsewhere),
        BOTH(nobody_is_remembered_without_need),
    };
    return FLEET_WORLD_RUN(tests);
}
