/* attach: one connection per player, fences, takeover, and a store that forgot. */
#include <stdio.h>

#include "tests/lib/play.h"

static const char *attach(struct fleet_world *w, int at, const char *id, const char *socket, int64_t held)
{
    return ASK(w, presence_attach(&w->realm[at],
                                  &(struct presence_hello){.player_id = str_of(id),
                                                           .socket_id = str_of(socket),
                                                           .held_fence = held,
                                                           .session_id = str_of(socket)},
                                  ANSWER(w)));
}

static void first_attach(struct fleet_world *w)
{
    assert_string_equal(attach(w, 1, "a", "s1", 0), "OK 1 idle   0    0");
    assert_string_equal(RAW(w, "HGET", "socket_mappings", "s1"),
                        "{\"socketId\":\"s1\",\"instanceId\":\"i1\",\"roomId\":null,\"playerId\":\"a\"}");
    assert_string_equal(RAW(w, "HGET", "players", "a"), "idle|1|||0||s1|i1");
    assert_string_equal(RAW(w, "SMEMBERS", "instance:i1:sockets"), "s1");
    assert_string_equal(attach(w, 2, "b", "s2", 0), "OK 2 idle   0    0");
    assert_string_equal(fleet_world_heard(w, 1), "");
    fleet_world_settled(w);
}

/* Fences only grow, over all players, whoever attaches. */
static void fences_grow(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    for (int i = 0; i < 10; i++) {
        play_attach(w, &p[i % 2], 1 + i % 3);
        assert_true(p[i % 2].fence > p[1 - i % 2].fence);
    }
}

static void takeover_tells_the_old_instance(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    play_forget(w);
    assert_string_equal(attach(w, 2, "a", "new", 0), "OK 2 idle   0  i1 a.1 0");
    assert_string_equal(fleet_world_heard(w, 2), "");
    assert_string_equal(fleet_world_heard(w, 3), "");
    char text[256];
    assert_true(str_copy(text, sizeof text, str_of(fleet_world_heard_raw(w, 1))));
    char *stamp = strstr(text, "\"timestamp\":");
    assert_non_null(stamp);
    assert_int_equal(strspn(stamp + 12, "0123456789"), 13);
    assert_string_equal(stamp + 12 + 13, "}\n");
    *stamp = '\0';
    assert_string_equal(text, "{\"roomId\":\"\",\"event\":\"sessionReplaced\",\"data\":{\"playerId\":\"a\","
                              "\"socketId\":\"a.1\"},\"originInstanceId\":\"i2\",");
    assert_string_equal(RAW(w, "HKEYS", "socket_mappings"), "new");
    assert_string_equal(RAW(w, "HGET", "players", "a"), "idle|2|||0||new|i2");
    /* The old connection's own detach then finds its fence stale, and takes nothing away. */
    assert_string_equal(play_detach(w, &a), "OK  [] stale");
    assert_string_equal(RAW(w, "HGET", "players", "a"), "idle|2|||0||new|i2");
    assert_string_equal(RAW(w, "EXISTS", "instance:i1:sockets"), "0");
    fleet_world_settled(w);
}

/* On the same instance nobody has to be told by message: the reply names the old socket. */
static void takeover_on_one_instance(struct fleet_world *w)
{
    (void)play_arrive(w, "a", 1);
    play_forget(w);
    assert_string_equal(attach(w, 1, "a", "new", 0), "OK 2 idle   0  i1 a.1 0");
    for (int i = 1; i <= 3; i++)
        assert_string_equal(fleet_world_heard(w, i), "");
    assert_string_equal(RAW(w, "HKEYS", "socket_mappings"), "new");
}

static void sessions_attach_again(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    assert_string_equal(play_attach_again(w, &a), "OK 2 idle   0  i1 a.1 0");
    assert_string_equal(play_attach_again(w, &a), "OK 3 idle   0  i1 a.1 0");
    assert_string_equal(RAW(w, "HKEYS", "socket_mappings"), "a.1");
    /* Somebody attached later: this session has lost the player, whatever it holds. */
    struct player same = a;
    play_attach(w, &same, 2);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_attach_again(w, &a), "REPLACED");
    fleet_world_same(w, &before, "a refused attach");
    assert_string_equal(RAW(w, "GET", "fence"), "4");
}

/* The answer to an attach was lost: the same connection may ask again with the fence it knows, nobody else
 * may. */
/* A session that began while its instance had no store comes home: who came to another instance later stays.
 */
static void who_came_later_stays(struct fleet_world *w)
{
    static const char early[] = "s_mhd00000AAAAAAAAAAAAAA", late[] = "s_mhd0000zAAAAAAAAAAAAAA",
                      bare[] = "x.1";
    assert_string_equal(attach(w, 1, "a", early, 0), "OK 1 idle   0    0");
    assert_string_equal(attach(w, 2, "a", late, -1), "OK 2 idle   0  i1 s_mhd00000AAAAAAAAAAAAAA 0");
    assert_string_equal(attach(w, 1, "a", early, -1), "REPLACED");
    assert_string_equal(attach(w, 2, "a", early, -1), "OK 3 idle   0  i2 s_mhd0000zAAAAAAAAAAAAAA 0");
    assert_string_equal(attach(w, 1, "a", early, 0), "OK 4 idle   0  i2 s_mhd00000AAAAAAAAAAAAAA 0");
    assert_string_equal(attach(w, 2, "b", late, 0), "OK 5 idle   0    0");
    (void)RAW(w, "HDEL", "players", "b");
    assert_string_equal(attach(w, 1, "b", early, -1), "OK 6 idle   0    0"); /* nobody is there */
    assert_string_equal(attach(w, 2, "c", bare, 0), "OK 7 idle   0    0");
    assert_string_equal(attach(w, 1, "c", early, -1),
                        "OK 8 idle   0  i2 x.1 0"); /* it does not say when it came */
    w->unaudited = true;
}

static void attach_again_after_a_lost_answer(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), lost = a;
    (void)play_attach_again(w, &lost);
    assert_true(lost.fence > a.fence);
    assert_string_equal(play_attach_again(w, &a), "OK 3 idle   0  i1 a.1 0");
    assert_string_equal(play_join(w, &lost, 1), "REPLACED");
    assert_string_equal(play_join(w, &a, 1), "WAITING 1 0");
    fleet_world_settled(w);
}

/* What an instance asks to compare with what it believes. */
static void where_players_are(struct fleet_world *w)
{
    struct player p[3] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2), play_arrive(w, "c", 3)};
    play_room(w, p, 2, 4);
    (void)play_join(w, &p[2], 5);
    struct presence_whose ids[] = {
        {STR("c"), STR("c.1")}, {STR("nobody"), STR("b.1")}, {STR("a"), STR("a.1")}};
    struct buf before = fleet_world_dump(w);
    (void)ASK(w, presence_where(&w->realm[2], ids, 3, ANSWER(w)));
    assert_int_equal(w->reply->count, 3);
    struct presence_record r;
    assert_true(presence_record(reply_str(w->reply, 0), &r));
    assert_true(str_eq(r.state, STR("queued")) && r.room_id.n == 0 && r.fence == p[2].fence);
    assert_true(str_eq(r.socket_id, STR("c.1")));
    assert_false(presence_record(reply_str(w->reply, 1), &r));
    assert_true(presence_record(reply_str(w->reply, 2), &r));
    assert_true(str_eq(r.state, STR("room")) && str_eq(r.room_id, str_of(p[0].room)));
    fleet_world_same(w, &before, "where");
}

static bool about(int64_t value, int64_t wanted)
{
    return value <= wanted && value > wanted - 5000;
}

static int64_t session_ttl(struct fleet_world *w, const char *session_id)
{
    (void)RAW(w, "PTTL", fleet_text("session:%s", session_id));
    return w->reply->integer;
}

/* The session's record lives a day while its connection does, and session_ms after it: the connection that
 * has it now decides, not an older one whose end is noticed late. */
static void how_long_a_session_lives(struct fleet_world *w)
{
    struct presence_hello hello = {
        .player_id = STR("a"), .socket_id = STR("old"), .session_id = STR("S"), .token_hash = STR("hash")};
    struct presence_leaving leaving = {.player_id = STR("a"),
                                       .socket_id = STR("old"),
                                       .owner_instance_id = STR("i1"),
                                       .session_id = STR("S")};
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.session_ms = 60000;
    (void)ASK(w, presence_attach(&w->realm[1], &hello, ANSWER(w)));
    assert_true(about(session_ttl(w, "S"), 86400000));
    hello.socket_id = STR("new");
    hello.resume = true;
    assert_string_equal(ASK(w, presence_attach(&w->realm[2], &hello, ANSWER(w))), "OK 2 idle   0  i1 old 0");
    (void)ASK(w, presence_detach(&w->realm[1], &leaving, ANSWER(w)));
    assert_true(about(session_ttl(w, "S"), 86400000));
    leaving.socket_id = STR("new");
    leaving.owner_instance_id = STR("i2");
    (void)ASK(w, presence_detach(&w->realm[2], &leaving, ANSWER(w)));
    assert_true(about(session_ttl(w, "S"), 60000));
    fleet_world_settled(w);
}

/* A hello that its instance reads late, when the player has come back on another one: ids of requests grow.
 */
static void a_late_hello_takes_nobody_over(struct fleet_world *w)
{
    struct presence_hello hello = {
        .player_id = STR("a"), .socket_id = STR("first"), .session_id = STR("S"), .token_hash = STR("hash")};
    (void)ASK(w, presence_attach(&w->realm[1], &hello, ANSWER(w)));
    hello.resume = true;
    hello.socket_id = STR("later");
    hello.hello_id = 8;
    EXPECT(w, presence_attach(&w->realm[2], &hello, ANSWER(w)), "OK 2 idle   0  i1 first 0");
    struct presence_hello late = hello;
    late.socket_id = STR("earlier");
    late.hello_id = 7;
    struct buf before = fleet_world_dump(w);
    EXPECT(w, presence_attach(&w->realm[1], &late, ANSWER(w)), "REPLACED");
    fleet_world_same(w, &before, "a late hello");
    EXPECT(w, presence_attach(&w->realm[2], &hello, ANSWER(w)), "OK 3 idle   0  i2 later 0");
    late.hello_id = 0; /* it does not say */
    EXPECT(w, presence_attach(&w->realm[3], &late, ANSWER(w)), "OK 4 idle   0  i2 later 0");
    struct presence_leaving leaving = {.player_id = STR("a"),
                                       .socket_id = STR("earlier"),
                                       .owner_instance_id = STR("i3"),
                                       .session_id = STR("S")};
    (void)ASK(w, presence_detach(&w->realm[3], &leaving, ANSWER(w)));
    late.hello_id = 7; /* nobody is connected: one whose ids began anew is let in */
    EXPECT(w, presence_attach(&w->realm[1], &late, ANSWER(w)), "OK 5 idle   0    0");
}

static const char *look(struct fleet_world *w, const struct player *p)
{
    struct presence_whose who = {str_of(p->id),
                                 str_of(p->socket)}; /* play.h: its session bears the socket's name */
    return ASK(w, presence_where(&w->realm[p->at], &who, 1, ANSWER(w)));
}

/* However long a connection lives, its session is there: looking at the player renews it when half its time
 * is over. */
static void looking_keeps_the_session(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    char record[128];
    (void)snprintf(record, sizeof record, "%s", look(w, &a));
    for (int i = 0; i < 5; i++) { /* 2.5 days */
        fleet_world_pass(w, 43000000);
        struct buf before = fleet_world_dump(w);
        assert_string_equal(look(w, &a), record);
        assert_true(about(session_ttl(w, a.socket), 43400000)); /* not yet */
        fleet_world_same(w, &before, "a look");
        fleet_world_pass(w, 500000);
        assert_string_equal(look(w, &a), record);
        assert_true(about(session_ttl(w, a.socket), 86400000));
    }
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.session_ms = 172700000; /* longer than the day it has otherwise */
    (void)look(w, &a);
    assert_true(about(session_ttl(w, a.socket), 86400000)); /* more than half by 50 s */
    fleet_world_pass(w, 60000);
    (void)look(w, &a);
    assert_true(about(session_ttl(w, a.socket), 172700000));
}

/* A session that is lost all the same shows as a difference, and attaching again makes it anew. */
static void a_lost_session_is_made_anew(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    assert_string_not_equal(look(w, &a), "");
    (void)RAW(w, "DEL", fleet_text("session:%s", a.socket));
    assert_string_equal(look(w, &a), "");
    (void)play_attach_again(w, &a);
    assert_string_not_equal(look(w, &a), "");
    assert_true(about(session_ttl(w, a.socket), 86400000));
    assert_string_equal(RAW(w, "HGET", fleet_text("session:%s", a.socket), "player"), "a");
    fleet_world_settled(w);
}

/* As many as one call takes, with the longest ids there are. */
static void many_players_at_one_look(struct fleet_world *w)
{
    static char ids[PRESENCE_WHERE_MAX][ID_SIZE];
    struct presence_whose who[PRESENCE_WHERE_MAX];
    struct realm far = w->realm[1];
    memset(far.prefix, 'p', REALM_PREFIX_MAX);
    for (size_t i = 0; i < PRESENCE_WHERE_MAX; i++) {
        (void)snprintf(ids[i], ID_SIZE, "%064zu", i);
        who[i] = (struct presence_whose){str_of(ids[i]), str_of(ids[i])};
    }
    (void)ASK(w, presence_where(&far, who, PRESENCE_WHERE_MAX, ANSWER(w)));
    assert_int_equal(w->reply->count, PRESENCE_WHERE_MAX);
}

static void resuming_needs_player_and_token(struct fleet_world *w)
{
    struct presence_hello hello = {
        .player_id = STR("a"), .socket_id = STR("s1"), .session_id = STR("S"), .token_hash = STR("hash")};
    (void)ASK(w, presence_attach(&w->realm[1], &hello, ANSWER(w)));
    struct buf before = fleet_world_dump(w);
    struct presence_hello other = hello;
    other.resume = true;
    other.token_hash = STR("guess");
    assert_string_equal(ASK(w, presence_attach(&w->realm[2], &other, ANSWER(w))), "NO_SESSION");
    other.token_hash = hello.token_hash;
    other.player_id = STR("b");
    assert_string_equal(ASK(w, presence_attach(&w->realm[2], &other, ANSWER(w))), "NO_SESSION");
    other.player_id = STR("a");
    other.session_id = STR("T");
    assert_string_equal(ASK(w, presence_attach(&w->realm[2], &other, ANSWER(w))), "NO_SESSION");
    fleet_world_same(w, &before, "a refused resume");
}

/* A fence that was given out before is stale for everything the old connection may still try. */
static void stale_fence_everywhere(struct fleet_world *w)
{
    struct player old = play_arrive(w, "a", 1), new = old;
    play_attach(w, &new, 2);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_join(w, &old, 3), "REPLACED");
    assert_string_equal(play_leave_queue(w, &old), "REPLACED");
    assert_true(str_copy(old.room, sizeof old.room, STR("r_1234567890123456789012")));
    assert_string_equal(play_reseat(w, &old), "REPLACED");
    fleet_world_same(w, &before, "a stale fence");
    assert_string_equal(play_detach(w, &new), "OK  [] idle");
    assert_string_equal(play_join(w, &new, 3), "GONE");
    assert_string_equal(play_leave_queue(w, &new), "GONE");
    assert_string_equal(play_reseat(w, &new), "GONE");
    assert_string_equal(play_record(w, "a"), "nil");
}

static void ticket_moves_with_the_player(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 3);
    assert_string_equal(play_join(w, &a, 4), "WAITING 1 0");
    play_attach(w, &a, 2);
    struct presence_attached now;
    presence_attached(w->reply, &now);
    assert_true(str_eq(now.state, STR("queued")));
    assert_int_equal(now.level, 4);
    assert_true(str_eq(now.ticket_id, str_of(a.ticket)));
    assert_true(str_eq(now.old_instance_id, STR("i1")));
    assert_string_equal(play_queue(w, "4"), "a");
    play_forget(w);
    assert_string_equal(play_join(w, &b, 4), "MATCHED <room> [matchFound#1]");
    assert_string_equal(fleet_world_heard(w, 2), "matchFound#1 ");
    assert_non_null(strstr(RAW(w, "LRANGE", fleet_text("room:%s:log", b.room), "0", "-1"),
                           "\"place\":\"a|i2|a.2 b|i3|b.1\""));
}

static void seat_is_known_to_the_next_connection(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    play_room(w, p, 2, 1);
    play_attach(w, &p[0], 3);
    struct presence_attached now;
    presence_attached(w->reply, &now);
    assert_true(str_eq(now.state, STR("room")));
    assert_true(str_eq(now.room_id, str_of(p[0].room)));
    const char *expected = fleet_text(
        "{\"socketId\":\"a.2\",\"instanceId\":\"i3\",\"roomId\":\"%s\",\"playerId\":\"a\"}", p[0].room);
    assert_string_equal(RAW(w, "HGET", "socket_mappings", "a.2"), expected);
    assert_string_equal(fleet_world_found(w), "seat_not_taken=1 socket_without_mapping=1 ");
}

/* The store came back empty and counts from the beginning: nobody's fence goes back. */
static void store_that_lost_its_data(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 1), c = play_arrive(w, "c", 2);
    for (int i = 0; i < 5; i++)
        play_attach(w, &c, 2);
    int64_t held = c.fence;
    fleet_world_empty(w);
    for (int i = 1; i <= 3; i++)
        fleet_world_beat(w, i);
    (void)play_attach_again(w, &a);
    assert_int_equal(a.fence, 2);
    (void)play_attach_again(w, &c);
    assert_int_equal(c.fence, held + 1);
    (void)play_attach_again(w, &b);
    assert_int_equal(b.fence, held + 2);
    assert_string_equal(RAW(w, "GET", "fence"), fleet_text("%lld", (long long)b.fence));
    fleet_world_settled(w);
}

/* Only the counter is gone, the record is still there. */
static void counter_behind_the_record(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    for (int i = 0; i < 6; i++)
        play_attach(w, &a, 1);
    (void)RAW(w, "DEL", "fence");
    play_attach(w, &a, 2); /* checks that it grew */
    struct player b = play_arrive(w, "b", 1);
    assert_true(b.fence > a.fence);
}

/* The connection was lost while it attached again, so its detach carries the fence of before: it is gone all
 * the same. */
static void detach_with_an_older_fence_of_the_same_socket(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), older = a;
    (void)play_attach_again(w, &a);
    assert_string_equal(play_detach(w, &older), "OK  [] idle");
    assert_string_equal(play_record(w, "a"), "nil");
    fleet_world_settled(w);
    assert_string_equal(play_detach(w, &a), "OK  [] stale");
    fleet_world_settled(w);
}

/* A store that came back with older data has forgotten the last attach: it is the same connection all the
 * same, and nobody else will ever detach it. */
static void detach_of_an_attach_that_the_store_forgot(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2), p[2] = {a, b};
    play_room(w, p, 2, 3);
    char before[256];
    assert_true(str_copy(before, sizeof before, str_of(RAW(w, "HGET", "players", "a"))));
    (void)play_attach_again(w, &p[0]);
    (void)RAW(w, "HSET", "players", "a", before);
    assert_string_equal(play_detach(w, &p[0]), "OK  [opponentDisconnected#3] seat");
    fleet_world_settled(w);
}

static void detach_of_an_idle_player(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    assert_string_equal(play_detach(w, &a), "OK  [] idle");
    assert_string_equal(RAW(w, "EXISTS", "players"), "0");
    assert_string_equal(RAW(w, "EXISTS", "socket_mappings"), "0");
    assert_string_equal(RAW(w, "EXISTS", "instance:i1:sockets"), "0");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_detach(w, &a), "OK  [] stale");
    fleet_world_same(w, &before, "a second detach");
    fleet_world_settled(w);
}

/* Ids may hold everything the pattern allows; the longest fit. */
static void odd_ids(struct fleet_world *w)
{
    static const char *const ids[] = {
        "A", "x:y:z",   "-_.:",
        "0", "players", "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        (void)attach(w, 1, ids[i], fleet_text("s:%zu", i), 0);
        assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    }
    assert_string_equal(RAW(w, "HLEN", "players"), "6");
    fleet_world_settled(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(who_came_later_stays),
        BOTH(first_attach),
        BOTH(fences_grow),
        BOTH(takeover_tells_the_old_instance),
        BOTH(takeover_on_one_instance),
        BOTH(sessions_attach_again),
        BOTH(attach_again_after_a_lost_answer),
        BOTH(where_players_are),
        BOTH(how_long_a_session_lives),
        BOTH(a_late_hello_takes_nobody_over),
        BOTH(looking_keeps_the_session),
        BOTH(a_lost_session_is_made_anew),
        BOTH(many_players_at_one_look),
        BOTH(resuming_needs_player_and_token),
        BOTH(stale_fence_everywhere),
        BOTH(ticket_moves_with_the_player),
        BOTH(seat_is_known_to_the_next_connection),
        BOTH(store_that_lost_its_data),
        BOTH(counter_behind_the_record),
        BOTH(detach_with_an_older_fence_of_the_same_socket),
        BOTH(detach_of_an_attach_that_the_store_forgot),
        BOTH(detach_of_an_idle_player),
        BOTH(odd_ids),
    };
    return FLEET_WORLD_RUN(tests);
}
