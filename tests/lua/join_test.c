/* join: waiting and being matched, first come first served, and asking twice. */
#include "tests/lib/play.h"

static void waits_then_is_matched(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    assert_string_equal(play_join(w, &a, 3), "WAITING 1 0");
    assert_string_equal(play_record(w, "a"), "queued|3|");
    assert_string_equal(play_queue(w, "3"), "a");
    assert_string_equal(RAW(w, "SMEMBERS", "waiting:levels"), "3");
    fleet_world_settled(w);
    play_forget(w);
    assert_string_equal(play_join(w, &b, 3), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_record(w, "a"), "room|3|<room>");
    assert_string_equal(play_record(w, "b"), "room|3|<room>");
    assert_string_equal(play_queue(w, "3"), "");
    assert_string_equal(RAW(w, "EXISTS", "waiting:levels"), "0");
    assert_string_equal(fleet_world_heard(w, 1), "matchFound#1 ");
    fleet_world_settled(w);
}

/* What the seed's debug commands show, to the byte. */
static void what_a_match_writes(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)play_join(w, &a, 7);
    (void)play_join(w, &b, 7);
    const char *id = b.room;
    const char *expected = fleet_text(
        "{\"player1\":{\"id\":\"a\",\"level\":7},\"player2\":{\"id\":\"b\",\"level\":7},\"roomId\":"
        "\"%s\",\"players\":[{\"id\":\"a\",\"level\":7},{\"id\":\"b\",\"level\":7}],\"createdAt\":",
        id);
    assert_memory_equal(RAW(w, "HGET", "matches", id), expected, strlen(expected));
    expected =
        fleet_text("{\"roomId\":\"%s\",\"players\":[{\"id\":\"a\",\"instanceId\":\"i1\",\"socketId\":\"a.1\","
                   "\"state\":{}},{\"id\":\"b\",\"instanceId\":\"i2\",\"socketId\":\"b.1\",\"state\":{}}],"
                   "\"gameData\":{},\"turn\":0,\"status\":\"waiting\",\"createdAt\":",
                   id);
    assert_memory_equal(RAW(w, "HGET", "game_states", id), expected, strlen(expected));
    assert_non_null(strstr(w->text.data, ",\"version\":0,\"seq\":1,\"epoch\":1}"));
    expected =
        fleet_text("{\"socketId\":\"b.1\",\"instanceId\":\"i2\",\"roomId\":\"%s\",\"playerId\":\"b\"}", id);
    assert_string_equal(RAW(w, "HGET", "socket_mappings", "b.1"), expected);
    expected = fleet_text("confirm:%s/7:1", id);
    int64_t now = fleet_world_now_ms(w), due;
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", expected)), &due));
    assert_in_range(due, now + 10000 - 2000, now + 10000);
    expected = fleet_text("idle:%s:1", id);
    assert_true(str_to_int(str_of(RAW(w, "ZSCORE", "deadlines", expected)), &due));
    assert_in_range(due, now + 1800000 - 2000, now + 1800000);
}

/* The event that tells of a match, as other instances hear it. */
static void what_a_match_says(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)play_join(w, &a, 7);
    play_forget(w);
    (void)play_join(w, &b, 7);
    const char *expected =
        fleet_text("{\"roomId\":\"%s\",\"event\":\"matchFound\",\"data\":{\"roomId\":\"%s\",\"level\":7,"
                   "\"players\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"confirmByMs\":",
                   b.room, b.room);
    const char *heard = fleet_world_heard_raw(w, 1);
    assert_memory_equal(heard, expected, strlen(expected));
    const char *tail = "\"seq\":1,\"place\":\"a|i1|a.1 b|i2|b.1\"}\n";
    assert_string_equal(heard + strlen(heard) - strlen(tail), tail);
    assert_non_null(strstr(heard, "},\"originInstanceId\":\"i2\",\"timestamp\":"));
}

static void first_come_first_served(struct fleet_world *w)
{
    struct player p[6];
    fleet_world_seats(w, 7); /* so that nobody is matched yet */
    for (int i = 0; i < 6; i++) {
        const char *id = fleet_text("p%d", i), *expected;
        p[i] = play_arrive(w, id, 1 + i % 3);
        expected = fleet_text("WAITING %d 0", i + 1);
        assert_string_equal(play_join(w, &p[i], 1), expected);
    }
    fleet_world_seats(w, 2);
    assert_string_equal(play_match(w, 1, NULL), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_queue(w, "1"), "p2 p3 p4 p5");
    struct player late = play_arrive(w, "late", 1);
    assert_string_equal(play_join(w, &late, 1), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_queue(w, "1"), "p3 p4 p5"); /* the longest waiting got the partner */
    assert_string_equal(play_record(w, "p2"), "room|1|<room>");
    assert_string_equal(play_match(w, 1, NULL), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_match(w, 1, NULL), "NONE 0");
    assert_string_equal(play_queue(w, "1"), "p5");
    fleet_world_settled(w);
}

static void levels_do_not_meet(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 1), c = play_arrive(w, "c", 1);
    assert_string_equal(play_join(w, &a, 0), "WAITING 1 0");
    assert_string_equal(play_join(w, &b, 1), "WAITING 1 0");
    assert_string_equal(play_join(w, &c, 1000), "WAITING 1 0");
    assert_string_equal(play_match(w, 0, NULL), "NONE 0");
    assert_string_equal(play_match(w, 1, NULL), "NONE 0");
    assert_string_equal(play_match(w, 2, NULL), "NONE 0");
    assert_string_equal(RAW(w, "SCARD", "waiting:levels"), "3");
    fleet_world_settled(w);
}

static void one_ticket_at_a_time(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 1);
    (void)play_join(w, &a, 3);
    struct buf before = fleet_world_dump(w);
    struct player other = a;
    const char *expected = fleet_text("ALREADY_QUEUED %s", a.ticket);
    assert_string_equal(play_join(w, &other, 3), expected);
    assert_string_equal(play_join(w, &other, 4), expected);
    fleet_world_same(w, &before, "a second ticket");
    (void)play_join(w, &b, 3);
    before = fleet_world_dump(w);
    assert_string_equal(play_join(w, &other, 3), "ALREADY_IN_MATCH <room>");
    assert_string_equal(play_join_again(w, &a), "MATCHED <room> []");
    assert_string_equal(play_join_again(w, &b), "MATCHED <room> []");
    fleet_world_same(w, &before, "a ticket of somebody in a match");
    fleet_world_settled(w);
}

/* The answer was lost, so the instance asks again: nothing changes. */
static void same_ticket_again(struct fleet_world *w)
{
    struct player p[3] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2), play_arrive(w, "c", 3)};
    fleet_world_seats(w, 4);
    for (int i = 0; i < 3; i++) {
        (void)play_join(w, &p[i], 3);
        fleet_world_pass(w, 1000);
    }
    for (int i = 0; i < 3; i++) {
        struct buf before = fleet_world_dump(w);
        const char *expected = fleet_text("WAITING %d 0", i + 1);
        assert_string_equal(play_join_again(w, &p[i]), expected);
        fleet_world_same(w, &before, "the same ticket");
    }
    assert_string_equal(play_queue(w, "3"), "a b c");
    fleet_world_settled(w);
}

/* The list lost an entry: the ticket comes back to the place that its time gives it. */
static void same_ticket_repairs_the_list(struct fleet_world *w)
{
    static const char *const ids[] = {"a", "b", "c"};
    struct player p[3];
    fleet_world_seats(w, 4);
    for (int i = 0; i < 3; i++) {
        p[i] = play_arrive(w, ids[i], 1);
        (void)play_join(w, &p[i], 3);
        fleet_world_pass(w, 1000);
    }
    for (int i = 0; i < 3; i++) {
        const char *expected = fleet_text("WAITING %d 0", i + 1);
        (void)RAW(w, "LREM", "waiting:level:3", "0", ids[i]);
        assert_string_equal(play_join_again(w, &p[i]), expected);
        assert_string_equal(play_queue(w, "3"), "a b c");
    }
    (void)RAW(w, "DEL", "waiting:level:3");
    (void)RAW(w, "DEL", "waiting:levels");
    assert_string_equal(play_join_again(w, &p[2]), "WAITING 1 0");
    assert_string_equal(play_join_again(w, &p[0]), "WAITING 1 0");
    assert_string_equal(play_join_again(w, &p[1]), "WAITING 2 0");
    assert_string_equal(play_queue(w, "3"), "a b c");
    assert_string_equal(RAW(w, "SMEMBERS", "waiting:levels"), "3");
    fleet_world_settled(w);
}

/* It may also be the moment of the match: somebody came while the entry was missing. */
static void same_ticket_may_be_matched(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)play_join(w, &a, 3);
    (void)RAW(w, "DEL", "waiting:level:3");
    assert_string_equal(play_join(w, &b, 3), "WAITING 1 0");
    assert_string_equal(play_join_again(w, &a), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_record(w, "b"), "room|3|<room>");
    fleet_world_settled(w);
}

/* A ticket belongs to its level: asked for under another one it is still where it was, and that level's list
 * is none of its business. */
static void same_ticket_under_another_level(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)play_join(w, &a, 3);
    (void)play_join(w, &b, 4);
    struct buf before = fleet_world_dump(w);
    const char *expected = fleet_text("ALREADY_QUEUED %s", a.ticket);
    a.level = 4;
    assert_string_equal(play_join_again(w, &a), expected);
    fleet_world_same(w, &before, "a ticket under another level");
}

static void not_with_the_wrong_hold(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), stale = a;
    play_attach(w, &a, 2);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_join(w, &stale, 1), "REPLACED");
    struct player nobody = {.id = "nobody", .at = 1, .fence = 1};
    assert_string_equal(play_join(w, &nobody, 1), "GONE");
    fleet_world_same(w, &before, "a join without a hold");
}

/* An instance whose own lease is over must not enter anybody: others would take the entry for dead. */
static void not_without_a_lease(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 4);
    fleet_world_die(w, 1);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_join(w, &a, 1), "LEASE");
    assert_string_equal(play_join(w, &b, 1), "LEASE"); /* never had one */
    fleet_world_same(w, &before, "a join without a lease");
    fleet_world_beat(w, 1);
    fleet_world_beat(w, 4);
    assert_string_equal(play_join(w, &a, 1), "WAITING 1 0");
    assert_string_equal(play_join(w, &b, 1), "MATCHED <room> [matchFound#1]");
}

static void never_with_oneself(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 1);
    (void)RAW(w, "RPUSH", "waiting:level:1", "a");
    (void)RAW(w, "RPUSH", "waiting:level:1", "a");
    (void)RAW(w, "SADD", "waiting:levels", "1");
    assert_string_equal(play_join(w, &a, 1), "WAITING 1 0");
    assert_string_equal(play_queue(w, "1"), "a");
    (void)RAW(w, "RPUSH", "waiting:level:1", "a");
    assert_string_equal(play_match(w, 1, NULL), "NONE 0");
    assert_string_equal(play_queue(w, "1"), "a");
    (void)RAW(w, "RPUSH", "waiting:level:1", "a");
    (void)RAW(w, "RPUSH", "waiting:level:1", "a");
    assert_string_equal(play_join_again(w, &a), "WAITING 1 0");
    assert_string_equal(play_queue(w, "1"), "a");
    assert_string_equal(play_join(w, &b, 1), "MATCHED <room> [matchFound#1]");
    fleet_world_settled(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(waits_then_is_matched),      BOTH(what_a_match_writes),
        BOTH(what_a_match_says),          BOTH(first_come_first_served),
        BOTH(levels_do_not_meet),         BOTH(one_ticket_at_a_time),
        BOTH(same_ticket_again),          BOTH(same_ticket_repairs_the_list),
        BOTH(same_ticket_may_be_matched), BOTH(same_ticket_under_another_level),
        BOTH(not_with_the_wrong_hold),    BOTH(not_without_a_lease),
        BOTH(never_with_oneself),
    };
    return FLEET_WORLD_RUN(tests);
}
