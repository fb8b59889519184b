/* The audit: silent about every healthy state, and loud about every damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/err.h"
#include "matchmaking/presence.h"
#include "matchmaking/queue.h"
#include "matchmaking/report.h"
#include "matchmaking/room_state.h"
#include "tests/lib/realm_world.h"

enum { LIMIT = 1000, TEXTS = 50 };

static struct report_audit audit_with(struct realm_world *w, int64_t limit)
{
    struct report_audit a;
    report_audit(&w->a, limit, TEXTS, realm_world_answer, w);
    report_audited(realm_world_wait(w), &a);
    return a;
}

static struct report_audit audit(struct realm_world *w)
{
    return audit_with(w, LIMIT);
}

static void print_all(const struct report_audit *a)
{
    for (size_t i = 0; i < a->violation->count; i++)
        print_error("violation: %s\n", a->violation->items[i].str.p);
    for (size_t i = 0; i < a->leftover->count; i++)
        print_error("leftover: %s\n", a->leftover->items[i].str.p);
}

/* Exactly so many of each; prints what there is otherwise. */
static void expect_counts(struct realm_world *w, int64_t violations, int64_t leftovers, const char *where)
{
    struct report_audit a = audit(w);
    if (a.violations != violations || a.leftovers != leftovers || !a.complete) {
        print_error("%s:\n", where);
        print_all(&a);
    }
    assert_true(a.complete);
    assert_int_equal(a.violations, violations);
    assert_int_equal(a.leftovers, leftovers);
}

static void expect_clean(struct realm_world *w, const char *where)
{
    expect_counts(w, 0, 0, where);
}

static bool contains(const struct reply *texts, const char *start)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (strncmp(texts->items[i].str.p, start, strlen(start)) == 0)
            return true;
    }
    return false;
}

static void busy(struct realm_world *w, struct realm_busy *b)
{
    realm_world_busy(w, b);
    expect_clean(w, "busy");
}

/* --- healthy states ----------------------------------------------------------------------------------------
 */

static void test_queue_and_match(void **state)
{
    struct realm_world *w = *state;
    char room[64];
    int64_t fence;
    realm_world_reset(w, 2, 256);
    expect_clean(w, "empty fleet");
    realm_world_match(w, "p1", &w->a, "p2", &w->b, 2, room, &fence);
    expect_clean(w, "matched");
    realm_world_confirm(w, room, "p1");
    expect_clean(w, "half confirmed");
    realm_world_detach(w, &w->b, "p2", "", 2, room);
    expect_clean(w, "dissolved, p1 back in the queue");
    struct report_audit a = audit(w);
    assert_int_equal(report_number(a.totals, STR("queued")), 1);
    assert_int_equal(report_number(a.totals, STR("rooms")), 0);
    assert_int_equal(report_number(a.sockets, STR("A")), 1);
    realm_world_good(w);
}

static void change(struct realm_world *w, const struct room_seat *who, bool game, const char *json,
                   int64_t turn)
{
    const struct room_change c = {.game = game, .json = str_of(json), .has_turn = game, .turn = turn};
    room_state_set(&w->a, who, &c, realm_world_answer, w);
    assert_string_equal(realm_world_wait(w)->items[0].str.p, "OK");
}

static void test_a_whole_game(void **state)
{
    struct realm_world *w = *state;
    char room[64];
    int64_t fence;
    realm_world_reset(w, 2, 4); /* a log of four: the beginning falls out */
    realm_world_match(w, "p1", &w->a, "p2", &w->b, 2, room, &fence);
    realm_world_confirm(w, room, "p1");
    realm_world_confirm(w, room, "p2");
    expect_clean(w, "started");
    const struct room_seat one = {.room_id = str_of(room), .player_id = STR("p1"), .socket_id = STR("s-p1")},
                           two = {
                               .room_id = str_of(room), .player_id = STR("p2"), .socket_id = STR("s-p2-2")};
    for (int i = 0; i < 6; i++) {
        room_state_message(&w->a, &one, "gameMessage", STR("{\"x\":\"\\\"originInstanceId\\\":\\\"\"}"), true,
                           realm_world_answer, w);
        (void)realm_world_wait(w);
        expect_clean(w, "message");
    }
    change(w, &one, false, "{\"hp\":1.50,\"a\":[]}", 0);
    change(w, &one, true, "[{\"seq\":1,\"epoch\":2}]", 7);
    expect_clean(w, "state and gameData");
    realm_world_detach(w, &w->b, "p2", "", 2, room);
    expect_clean(w, "in grace");
    fence = realm_world_attach(w, &w->a, "p2", "-2");
    expect_counts(w, 0, 1, "attached, seat not taken");
    assert_true(contains(audit(w).leftover, "I1 room "));
    presence_reseat(&w->a, str_of(room), STR("p2"), STR("session"), fence, realm_world_answer, w);
    assert_string_equal(realm_world_wait(w)->items[0].str.p, "OK");
    expect_clean(w, "seat taken again");
    room_state_end(&w->a, &one, STR("1"), realm_world_answer, w);
    (void)realm_world_wait(w);
    expect_clean(w, "one vote");
    room_state_end(&w->a, &two, STR("2"), realm_world_answer, w);
    (void)realm_world_wait(w);
    expect_clean(w, "dispute");
    room_state_end(&w->a, &two, STR("1"), realm_world_answer, w);
    (void)realm_world_wait(w);
    room_state_end(&w->a, &one, STR("1"), realm_world_answer, w);
    assert_string_equal(realm_world_wait(w)->items[1].str.p, "1");
    expect_clean(w, "ended");
    realm_world_good(w);
}

/* An instance dies: leftovers, never a violation; after the sweeper's work nothing. */
static void test_a_dead_instance(void **state)
{
    struct realm_world *w = *state;
    struct realm_busy b;
    busy(w, &b);
    (void)realm_world_raw(w, "ZADD %Pinstances 1 A", NULL, NULL);
    struct report_audit a = audit(w);
    assert_int_equal(a.violations, 0);
    assert_true(contains(a.leftover, "I9 instance A is dead"));
    assert_true(contains(a.leftover, "I9 mapping s-p1 belongs to instance A, whose lease is over"));
    assert_true(contains(a.leftover, "I5 player p3 waits at level 2, but instance A is dead"));
    assert_int_equal(report_number(a.kinds, STR("mapping_dead_instance")), 3);
    assert_int_equal(report_number(a.totals, STR("deadInstances")), 1);
    const struct {
        const char *player;
        int64_t level;
        const char *room;
    } left[] = {{"p1", 2, b.room}, {"p3", 2, ""}, {"p5", 3, b.waiting_room}};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        realm_world_detach(w, &w->a, left[i].player, "", left[i].level, left[i].room);
        assert_int_equal(audit(w).violations, 0);
    }
    presence_retire(&w->b, STR("A"), realm_world_answer, w);
    assert_string_equal(realm_world_wait(w)->items[0].str.p, "OK");
    expect_clean(w, "swept");
    realm_world_good(w);
}

/* --- damage ------------------------------------------------------------------------------------------------
 */

/* %1 is the room that plays, %2 the one that waits for confirmations. */
static const struct {
    const char *damage;
    const char *text; /* how a sentence about it begins */
    bool leftover;
} damages[] = {
    {"HDEL %Pgame_states %1", "I3 match %1 has no game_states", false},
    {"HDEL %Pmatches %1", "I3 game_states %1 has no match", false},
    {"DEL %Proom:%1", "I3 match %1 has no room", false},
    {"DEL %Proom:%1", "I1 player p1 is said to sit in room %1", false},
    {"HDEL %Pplayers p1", "I1 room %1, seat of p1: the record says nothing", false},
    {"HSET %Pplayers p4 idle|1", "I1 the record of player p4 reads idle|1", false},
    {"HSET %Pplayers p4 idle|1|2|t|5||s-p4|B", "I1 the record of player p4 reads", false},
    {"HSET %Pplayers p4 queued|1|2|t|5||s-p4|B", "I6 player p4 is queued at level 2, but stands in no list",
     true},
    {"HSET %Pplayers p4 room|1|2|t|5|%1|s-p4|B", "I1 player p4 is said to sit in room %1", false},
    {"HSET %Pplayers p4 idle|99|||0||s-p4|B", "I8 player p4 holds fence 99", false},
    {"HSET %Pplayers p1 room|1|5|t-p1-1|0|%1|s-p1|A", "I1 room %1, seat of p1 and the record differ", false},
    {"SET %Pfence 0", "I8 room %1, seat of p1 holds fence 1", false},
    {"RPUSH %Pwaiting:level:2 p3", "I1 player p3 waits twice", false},
    {"RPUSH %Pwaiting:level:2 p1", "I1 player p1 waits at level 2 and sits in room %1", false},
    {"RPUSH %Pwaiting:level:2 ghost", "I5 player ghost waits at level 2 without a record", false},
    {"RPUSH %Pwaiting:level:2 p4", "I5 player p4 waits at level 2, the record says idle", false},
    {"RPUSH %Pwaiting:level:9 p3", "I6 players wait at level 9, which waiting:levels does not name", false},
    {"DEL %Pwaiting:level:2", "I6 waiting:levels names level 2, where nobody waits", false},
    {"SREM %Pwaiting:levels 2", "I6 players wait at level 2, which waiting:levels does not name", false},
    {"SET %Pwaiting:level:9 x", "I6 waiting:levels", false},
    {"HDEL %Psocket_mappings s-p1", "I9 player p1 is connected as s-p1, which has no mapping", false},
    {"HSET %Psocket_mappings s-p1 rubbish", "I9 mapping s-p1 reads rubbish", false},
    {"HSET %Psocket_mappings s-p1 "
     "{\"socketId\":\"s-p1\",\"instanceId\":\"A\",\"roomId\":null,\"playerId\":\"p1\"}",
     "I9 mapping s-p1 says room null", false},
    {"HSET %Psocket_mappings s-x "
     "{\"socketId\":\"s-x\",\"instanceId\":\"A\",\"roomId\":null,\"playerId\":\"p1\"}",
     "I9 mapping s-x names player p1, whose record does not name it", false},
    {"HSET %Psocket_mappings s-x "
     "{\"socketId\":\"s-x\",\"instanceId\":\"Z\",\"roomId\":null,\"playerId\":\"p1\"}",
     "I9 mapping s-x belongs to instance Z, which is unknown", true},
    {"SREM %Pinstance:A:sockets s-p1", "I9 mapping s-p1 is missing in the set of instance A", false},
    {"SADD %Pinstance:B:sockets s-p1", "I9 socket s-p1 stands in the set of instance B", false},
    {"SADD %Pinstance:A:sockets s-x", "I9 socket s-x of instance A has no mapping", true},
    {"SADD %Pinstance:Z:sockets s-x", "I9 sockets of instance Z are left", true},
    {"HSET %Proom:%1 seq 99", "I7 the log of room %1 has a gap", false},
    {"LTRIM %Proom:%1:log 0 1", "I7 the log of room %1 has a gap", false},
    {"LTRIM %Proom:%1:log 1 -1", "I7 the log of room %1 holds", true},
    {"DEL %Proom:%1:log", "I7 room %1 has no log", false},
    {"RPUSH %Proom:r_gone:log x", "I3 the log of room r_gone is left for ever", false},
    {"HSET %Proom:%1 turn 5", "I3 game_states %1 is not what room %1 says", false},
    {"HSET %Proom:%1 s:p1 {\"hp\":1}", "I3 game_states %1 is not what room %1 says", false},
    {"HSET %Pgame_states %1 {}", "I3 game_states %1 is not what room %1 says", false},
    {"HSET %Proom:%1 status waiting", "I4 room %1 is waiting, but all seats are confirmed", false},
    {"HSET %Proom:%2 status active", "I4 room %2 is active, but not all seats are confirmed", false},
    {"HSET %Proom:%1 status waiting", "I4 room %1, seat of p2 is empty, but the match was not dissolved",
     false},
    {"HSET %Proom:%1 insts B", "I3 room %1 is published to \"B\", its seats are on \"A\"", false},
    {"HSET %Proom:%1 seats p1", "I3 room %1: field ", false},
    {"HSET %Proom:%1 epoch 2", "I7 the log of room %1 ends in epoch 1, the room is in 2", false},
    {"HSET %Proom:%1 epoch x", "I3 room %1: epoch is not a number", false},
    {"HSET %Proom:%1 p:p1 rubbish", "I3 room %1: the seat of p1", false},
    {"HSET %Proom:%1 p:p1 s-other|A|1|1|2|t-p1-1|0", "I1 room %1, seat of p1 and the record differ", false},
    {"HSET %Proom:%2 p:p6 ||0|9|3|t|0", "I4 room %2, seat of p6 is empty", false},
    {"HSET %Pmatches %1 {\"roomId\":\"%1\"}", "I3 match %1 reads", false},
    {"HSET %Pmatches %1 {\"roomId\":\"%1\"}", "I2 match %1 does not hold player p1", false},
    {"HSET %Pmatches %1 "
     "{\"player1\":{},\"player2\":{},\"roomId\":\"%1\",\"players\":[{\"id\":\"p1\",\"level\":2},{\"id\":"
     "\"p1\",\"level\":2}]"
     ",\"createdAt\":1}",
     "I2 match %1 holds player p1 twice", false},
    {"ZREM %Pdeadlines idle:%1:1", "I11 room %1 has no idle deadline", false},
    {"ZREM %Pdeadlines confirm:%2/3:1", "I11 room %2 waits without confirm:%2/3:1", false},
    {"ZREM %Pdeadlines grace:%1/p2:2", "I11 room %1, seat of p2 is in grace without grace:%1/p2:2", false},
    {"ZADD %Pdeadlines 9000000000000 confirm:%1/2:1", "I11 room %1 has started and still has confirm:%1/2:1",
     false},
    {"ZADD %Pdeadlines 9000000000000 idle:%1:7", "I11 idle:%1:7 does not belong to the room as it is", false},
    {"ZADD %Pdeadlines 9000000000000 idle:r_gone:1", "I11 idle:r_gone:1 is left of a room that has ended",
     false},
    {"ZADD %Pdeadlines 9000000000000 rubbish", "I11 deadlines holds rubbish", false},
    {"ZADD %Pdeadlines 9000000000000 grace:r_gone/p1:3", "I11 grace:r_gone/p1:3 will find nothing to do",
     true},
    {"ZADD %Pdeadlines 9000000000000 grace:%1/p1:1", "I11 grace:%1/p1:1 will find nothing to do", true},
    {"ZADD %Pdeadlines 1 idle:%1:1", "I11 idle:%1:1 is overdue by", true},
    {"HDEL %Pinstance_info A",
     "I10 instance A has a lease but no entry in " REALM_WORLD_PREFIX "instance_info", false},
    {"HSET %Pinstance_epochs Z 1",
     "I10 " REALM_WORLD_PREFIX "instance_epochs names instance Z, which has no lease", false},
    {"HSET %Pinstance_info Z {}",
     "I10 " REALM_WORLD_PREFIX "instance_info names instance Z, which has no lease", false},
};

static void test_every_damage_is_found(void **state)
{
    struct realm_world *w = *state;
    struct realm_busy b;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct buf text = {0};
        busy(w, &b);
        (void)realm_world_raw(w, damages[i].damage, b.room, b.waiting_room);
        for (const char *p = damages[i].text; *p; p++) {
            if (*p == '%')
                buf_add_text(&text, *++p == '1' ? b.room : b.waiting_room);
            else
                buf_add(&text, p, 1);
        }
        struct report_audit a = audit(w);
        if (!contains(damages[i].leftover ? a.leftover : a.violation, text.data)) {
            print_error("damage: %s\nexpected: %s\n", damages[i].damage, text.data);
            print_all(&a);
            fail();
        }
        if (damages[i].leftover)
            assert_int_equal(a.violations, 0);
        buf_close(&text);
    }
    realm_world_good(w);
}

/* A player in two rooms at once needs more than one line. */
static void test_two_rooms(void **state)
{
    struct realm_world *w = *state;
    struct realm_busy b;
    char text[256];
    busy(w, &b);
    (void)realm_world_raw(w, "HSET %Proom:%2 seats p5%_p1 p:p1 s-p1|A|0|1|2|t-p1-1|0", b.room,
                          b.waiting_room);
    (void)realm_world_raw(w, "HDEL %Proom:%2 p:p6", b.room, b.waiting_room);
    struct report_audit a = audit(w);
    (void)snprintf(text, sizeof text, "I1 player p1 sits in room %s and in %s", b.room, b.waiting_room);
    bool found = contains(a.violation, text);
    (void)snprintf(text, sizeof text, "I1 player p1 sits in room %s and in %s", b.waiting_room, b.room);
    assert_true(found || contains(a.violation, text)); /* in which order the rooms are read is not promised */
    realm_world_good(w);
}

/* Three seats; one player drops twice without taking the seat back, another leaves. */
static void test_three_seats(void **state)
{
    struct realm_world *w = *state;
    char room[64] = "";
    int64_t fence[3];
    const char *const players[] = {"p1", "p2", "p3"};
    realm_world_reset(w, 3, 256);
    for (size_t i = 0; i < 3; i++) {
        fence[i] = realm_world_attach(w, i == 1 ? &w->b : &w->a, players[i], "");
        const char *made = realm_world_join(w, &w->a, players[i], fence[i], 4);
        assert_int_equal(made != NULL, i == 2);
        if (made)
            (void)snprintf(room, sizeof room, "%s", made);
        expect_clean(w, "joined");
    }
    for (size_t i = 0; i < 3; i++)
        realm_world_confirm(w, room, players[i]);
    realm_world_detach(w, &w->b, "p2", "", 4, room);
    fence[1] = realm_world_attach(w, &w->a, "p2", "-2");
    realm_world_detach(w, &w->a, "p2", "-2", 4, room);
    assert_int_equal(audit(w).violations, 0);
    const struct room_seat three = {
        .room_id = str_of(room), .player_id = STR("p3"), .socket_id = STR("s-p3")};
    room_state_leave(&w->a, &three, 4, realm_world_answer, w);
    assert_string_equal(realm_world_wait(w)->items[0].str.p, "OK");
    assert_int_equal(audit(w).violations, 0);
    assert_int_equal(report_number(audit(w).totals, STR("rooms")), 1);
    realm_world_good(w);
}

static void test_bounded(void **state)
{
    struct realm_world *w = *state;
    realm_world_reset(w, 2, 256);
    for (int i = 0; i < 30; i++) {
        char player[16];
        (void)snprintf(player, sizeof player, "q%d", i);
        int64_t fence = realm_world_attach(w, &w->a, player, "");
        assert_null(realm_world_join(w, &w->a, player, fence, i)); /* each on a level of his own */
    }
    expect_clean(w, "thirty levels");
    struct report_audit a = audit_with(w, 10);
    assert_false(a.complete);
    if (a.violations + a.leftovers > 0)
        print_all(&a);
    assert_int_equal(a.violations + a.leftovers, 0); /* what was not read is not held against anybody */
    assert_int_equal(report_number(a.totals, STR("players")), 30);
    realm_world_good(w);
}

static void test_a_foreign_type_is_an_error(void **state)
{
    struct realm_world *w = *state;
    realm_world_reset(w, 2, 256);
    (void)realm_world_raw(w, "SET %Pmatches x", NULL, NULL);
    report_audit(&w->a, LIMIT, TEXTS, realm_world_answer, w);
    assert_int_equal(realm_world_err(w), ERR_SCRIPT);
    static const char text[] = "WRONGTYPE " REALM_WORLD_PREFIX "matches holds a string, not a hash";
    assert_memory_equal(w->reply->str.p, text, sizeof text - 1);
    realm_world_good(w);
}

#define TESTS(open)                                                                                          \
    cmocka_unit_test_setup_teardown(test_queue_and_match, open, realm_world_close),                          \
        cmocka_unit_test_setup_teardown(test_a_whole_game, open, realm_world_close),                         \
        cmocka_unit_test_setup_teardown(test_a_dead_instance, open, realm_world_close),                      \
        cmocka_unit_test_setup_teardown(test_every_damage_is_found, open, realm_world_close),                \
        cmocka_unit_test_setup_teardown(test_two_rooms, open, realm_world_close),                            \
        cmocka_unit_test_setup_teardown(test_three_seats, open, realm_world_close),                          \
        cmocka_unit_test_setup_teardown(test_bounded, open, realm_world_close),                              \
        cmocka_unit_test_setup_teardown(test_a_foreign_type_is_an_error, open, realm_world_close)

int main(void)
{
    const struct CMUnitTest memory[] = {TESTS(realm_world_open_memory)};
    const struct CMUnitTest redis[] = {TESTS(realm_world_open_redis)};
    int failed = cmocka_run_group_tests_name("memory", memory, NULL, NULL);
    return failed + cmocka_run_group_tests_name("redis", redis, NULL, NULL);
}
