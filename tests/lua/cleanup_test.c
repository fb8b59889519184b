/* The clean-up: removes every orphan, hands the dead to the sweeper, and touches nothing that lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "matchmaking/presence.h"
#include "matchmaking/queue.h"
#include "matchmaking/report.h"
#include "matchmaking/room_state.h"
#include "tests/lib/realm_world.h"

enum { PAGES_MAX = 400 };

struct sum {
    int64_t cleaned, errors, of_kind;
};

/* Walks the whole realm; `kind` (may be NULL) is summed up by itself. */
static struct sum clean(struct realm_world *w, bool dry_run, const char *kind)
{
    struct sum sum = {0};
    struct report_page page = {0};
    struct report_cleaned c = {.more = true};
    for (int i = 0; c.more; i++) {
        assert_true(i < PAGES_MAX);
        report_cleanup(&w->a, &page, dry_run, realm_world_answer, w);
        assert_true(report_cleaned(realm_world_wait(w), &c));
        sum.cleaned += c.cleaned;
        sum.errors += c.errors;
        sum.of_kind += kind ? report_number(c.kinds, str_of(kind)) : 0;
        page = c.next;
    }
    return sum;
}

static void expect_found(struct realm_world *w, int64_t violations, int64_t leftovers)
{
    struct report_audit a;
    report_audit(&w->a, 10000, 20, realm_world_answer, w);
    report_audited(realm_world_wait(w), &a);
    if (a.violations != violations || a.leftovers != leftovers) {
        for (size_t i = 0; i < a.violation->count; i++)
            print_error("violation: %s\n", a.violation->items[i].str.p);
        for (size_t i = 0; i < a.leftover->count; i++)
            print_error("leftover: %s\n", a.leftover->items[i].str.p);
    }
    assert_int_equal(a.violations, violations);
    assert_int_equal(a.leftovers, leftovers);
}

/* All keys and values of the realm, in no order but always the same one for the same contents. */
static int64_t fingerprint(struct realm_world *w)
{
    static const char text[] = "#!lua flags=no-writes\n"
                               "local keys, sum = redis.call('SCAN', '0', 'COUNT', 100000)[2], 0\n"
                               "local function add(word)\n"
                               "  local h = 7\n"
                               "  for i = 1, #word do h = (h * 31 + string.byte(word, i)) % 1000003 end\n"
                               "  sum = (sum + h) % 1000000007\n"
                               "end\n"
                               "local read = {hash = 'HGETALL', set = 'SMEMBERS'}\n"
                               "for _, key in ipairs(keys) do\n"
                               "  local kind = redis.call('TYPE', key).ok\n"
                               "  local list = kind == 'string' and {redis.call('GET', key)} or\n"
                               "    kind == 'list' and redis.call('LRANGE', key, 0, -1) or\n"
                               "    kind == 'zset' and redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') or\n"
                               "    redis.call(read[kind], key)\n"
                               "  for i, word in ipairs(list) do\n"
                               "    add(key .. (kind == 'list' and i or kind == 'hash' and i % 2 == 0 and "
                               "list[i - 1] or '') .. word)\n"
                               "  end\n"
                               "end\n"
                               "return sum\n";
    static const struct script script = {"fingerprint", text, sizeof text - 1, {0}};
    w->backend->ops->run(w->backend, &script, NULL, 0, NULL, 0, realm_world_answer, w);
    return realm_world_wait(w)->integer;
}

/* p1 and p2 can go on playing, p3 can still be matched, p5 and p6 can confirm. */
static void expect_alive(struct realm_world *w, const struct realm_busy *b)
{
    const struct room_seat one = {
        .room_id = str_of(b->room), .player_id = STR("p1"), .socket_id = STR("s-p1")};
    room_state_message(&w->a, &one, "gameMessage", STR("{}"), true, realm_world_answer, w);
    assert_string_equal(reply_str(realm_world_wait(w), 0).p, "OK");
    int64_t fence = realm_world_attach(w, &w->b, "p2", "-2");
    presence_reseat(&w->b, str_of(b->room), STR("p2"), STR("session"), fence, realm_world_answer, w);
    assert_string_equal(reply_str(realm_world_wait(w), 0).p, "OK");
    fence = realm_world_attach(w, &w->b, "p9", "");
    assert_non_null(realm_world_join(w, &w->b, "p9", fence, 2)); /* with p3 */
    realm_world_confirm(w, b->waiting_room, "p5");
    realm_world_confirm(w, b->waiting_room, "p6");
    expect_found(w, 0, 0);
}

static void test_nothing_to_do(void **state)
{
    struct realm_world *w = *state;
    struct realm_busy b;
    realm_world_busy(w, &b);
    int64_t before = fingerprint(w);
    struct sum s = clean(w, false, NULL);
    assert_int_equal(s.cleaned, 0);
    assert_int_equal(s.errors, 0);
    assert_true(before == fingerprint(w));
    expect_alive(w, &b);
    realm_world_good(w);
}

/* %1 is the room that plays, %2 the one that waits. `left` = leftovers that are the sweeper's afterwards. */
static const struct {
    const char *damage, *kind;
    int64_t count, left;
} orphans[] = {
    {"HSET %Psocket_mappings s-x "
     "{\"socketId\":\"s-x\",\"instanceId\":\"Z\",\"roomId\":null,\"playerId\":\"p1\"}",
     "mappings", 1, 0},
    {"HSET %Pmatches r_gone x r_lost y", "matches", 2, 0},
    {"HSET %Pgame_states r_gone x", "gameStates", 1, 0},
    {"RPUSH %Proom:r_gone:log x", "logs", 1, 0},
    {"LPUSH %Pwaiting:level:2 ghost p1 p4 ghost", "queueEntries", 4, 0},
    {"SREM %Pwaiting:levels 2", "levels", 1, 0},
    {"SADD %Pwaiting:levels 8 9", "levels", 2, 0},
    {"ZADD %Pdeadlines 9000000000000 idle:r_gone:1 9000000000000 grace:r_gone/p1:3", "deadlines", 2, 0},
    {"HSET %Pinstance_info Z {}", "instances", 1, 0},
    {"HSET %Pinstance_epochs Z 1", "instances", 1, 0},
    {"HSET %Pplayers p7 room|1|2|t|5|r_gone||", "players", 1, 0},
    {"HSET %Pplayers p7 idle|1|||0|||", "players", 1, 0},
    /* "Z is dead", "its sockets", and so on: whoever sweeps Z takes them away */
    {"SADD %Pinstance:Z:sockets s-x", "handedToSweeper", 1, 2},
    {"HSET %Pplayers p7 idle|1|||0||s-p7|Z", "handedToSweeper", 1, 3},
};

static void test_each_orphan(void **state)
{
    struct realm_world *w = *state;
    struct realm_busy b;
    for (size_t i = 0; i < sizeof orphans / sizeof *orphans; i++) {
        realm_world_busy(w, &b);
        (void)realm_world_raw(w, orphans[i].damage, b.room, b.waiting_room);
        int64_t before = fingerprint(w);
        struct sum dry = clean(w, true, orphans[i].kind);
        assert_true(before == fingerprint(w));
        assert_int_equal(dry.of_kind, orphans[i].count);
        struct sum s = clean(w, false, orphans[i].kind);
        assert_int_equal(s.of_kind, orphans[i].count);
        assert_int_equal(s.cleaned, orphans[i].count);
        assert_int_equal(s.errors, 0);
        expect_found(w, 0, orphans[i].left);
        assert_int_equal(clean(w, false, NULL).cleaned, 0);
        if (orphans[i].left == 0)
            expect_alive(w, &b);
    }
    realm_world_good(w);
}

/* What the sweeper does with an instance that it was told about. */
static void sweep(struct realm_world *w, const char *instance)
{
    presence_leftovers(&w->a, str_of(instance), 100, realm_world_answer, w);
    const struct reply *list = reply_at(realm_world_wait(w), 1);
    char socket[64] = "", player[64] = "";
    if (list->count >= 4) {
        (void)snprintf(socket, sizeof socket, "%s", list->items[0].str.p);
        (void)snprintf(player, sizeof player, "%s", list->items[1].str.p);
        presence_detach(&w->a,
                        &(struct presence_leaving){.player_id = str_of(player),
                                                   .socket_id = str_of(socket),
                                                   .owner_instance_id = str_of(instance),
                                                   .only_if_owner_dead = true},
                        realm_world_answer, w);
        assert_string_equal(reply_str(realm_world_wait(w), 0).p, "OK");
    }
    presence_retire(&w->a, str_of(instance), realm_world_answer, w);
    assert_string_equal(reply_str(realm_world_wait(w), 0).p, "OK");
}

static void test_the_sweeper_finds_what_it_is_handed(void **state)
{
    struct realm_world *w = *state;
    struct realm_busy b;
    realm_world_busy(w, &b);
    (void)realm_world_raw(w, "HSET %Pplayers p7 idle|1|||0||s-p7|Z", NULL, NULL);
    assert_int_equal(clean(w, false, "handedToSweeper").of_kind, 1);
    sweep(w, "Z");
    expect_found(w, 0, 0);
    expect_alive(w, &b);
    realm_world_good(w);
}

/* A room without match: taken away with all that belongs to it once nobody who lives sits in it; an error
 * until then. */
static void test_a_room_without_match(void **state)
{
    struct realm_world *w = *state;
    struct realm_busy b;
    realm_world_busy(w, &b);
    (void)realm_world_raw(w, "HDEL %Pmatches %1", b.room, NULL);
    int64_t before = fingerprint(w);
    struct sum s = clean(w, false, "rooms");
    assert_int_equal(s.cleaned, 0);
    assert_int_equal(s.errors, 1);
    assert_true(before == fingerprint(w));
    realm_world_detach(w, &w->a, "p1", "", 2, b.room); /* now both seats are in grace */
    s = clean(w, false, "rooms");
    assert_int_equal(s.of_kind, 1);
    assert_int_equal(s.errors, 0);
    expect_found(w, 0, 0);
    assert_int_equal(realm_world_raw(w, "EXISTS %Proom:%1", b.room, NULL)->integer, 0);
    assert_int_equal(realm_world_raw(w, "HEXISTS %Pplayers p1", NULL, NULL)->integer, 0);
    assert_true(realm_world_raw(w, "PTTL %Proom:%1:log", b.room, NULL)->integer > 0);
    realm_world_good(w);
}

static void test_what_is_not_ours_to_remove(void **state)
{
    static const struct {
        const char *damage;
        int64_t errors;
    } damages[] = {
        {"HSET %Psocket_mappings s-x "
         "{\"socketId\":\"s-x\",\"instanceId\":\"A\",\"roomId\":null,\"playerId\":\"p1\"}",
         1},
        {"HSET %Psocket_mappings s-x rubbish", 1},
        {"HSET %Pplayers p4 rubbish", 2}, /* the mapping that points to it, too */
        {"ZADD %Pdeadlines 9000000000000 rubbish", 1},
        {"SET %Proom:r_x x", 1},
        {"ZADD %Pdeadlines 4000000000005000 shift", 0}, /* no damage: the deadlines' clock */
    };
    struct realm_world *w = *state;
    struct realm_busy b;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        realm_world_busy(w, &b);
        (void)realm_world_raw(w, damages[i].damage, NULL, NULL);
        int64_t before = fingerprint(w);
        struct sum s = clean(w, false, NULL);
        assert_int_equal(s.cleaned, 0);
        assert_int_equal(s.errors, damages[i].errors);
        assert_true(before == fingerprint(w));
    }
    realm_world_good(w);
}

/* Many pages: every orphan is met although the collections shrink under the walk. */
static void test_thousands(void **state)
{
    static const char text[] = "#!lua\n"
                               "for i = 1, 3000 do\n"
                               "  redis.call('HSET', ARGV[1] .. 'matches', 'r_' .. i, 'x')\n"
                               "  redis.call('HSET', ARGV[1] .. 'game_states', 'r_' .. i, 'x')\n"
                               "  redis.call('ZADD', ARGV[1] .. 'deadlines', i, 'idle:r_' .. i .. ':1')\n"
                               "  redis.call('LPUSH', ARGV[1] .. 'waiting:level:2', 'ghost' .. i)\n"
                               "  redis.call('SADD', ARGV[1] .. 'waiting:levels', 10000 + i)\n"
                               "end\n";
    static const struct script script = {"thousands", text, sizeof text - 1, {0}};
    struct realm_world *w = *state;
    struct realm_busy b;
    realm_world_busy(w, &b);
    struct str prefix = STR(REALM_WORLD_PREFIX);
    w->backend->ops->run(w->backend, &script, NULL, 0, &prefix, 1, realm_world_answer, w);
    (void)realm_world_wait(w);
    assert_int_equal(clean(w, true, NULL).cleaned, 15000);
    struct sum s = clean(w, false, "levels");
    assert_int_equal(s.cleaned, 15000);
    assert_int_equal(s.of_kind, 3000);
    assert_int_equal(s.errors, 0);
    expect_alive(w, &b);
    realm_world_good(w);
}

/* --- the other reports
 * --------------------------------------------------------------------------------------- */

struct seen {
    struct realm_world *world;
    struct report_health health;
    char bad[128];
    struct report_queue queues[8];
    size_t count;
};

static void on_health(void *arg, int err, const struct report_health *h)
{
    struct seen *s = arg;
    if (h) {
        s->health = *h;
        for (size_t i = 0; i < h->bad_count; i++)
            (void)snprintf(s->bad, sizeof s->bad, "%.*s", (int)report_bad_key(h, i).n,
                           report_bad_key(h, i).p);
    }
    realm_world_answer(s->world, err, NULL);
}

static void on_queues(void *arg, int err, const struct report_queue *queues, size_t count)
{
    struct seen *s = arg;
    s->count = count;
    for (size_t i = 0; i < count && i < 8; i++)
        s->queues[i] = queues[i];
    realm_world_answer(s->world, err, NULL);
}

static void test_health_and_queues(void **state)
{
    struct realm_world *w = *state;
    struct realm_busy b;
    struct seen s = {.world = w};
    realm_world_busy(w, &b);
    (void)realm_world_raw(w, "RPUSH %Pwaiting:level:10 x y", NULL, NULL);
    (void)realm_world_raw(w, "SADD %Pwaiting:levels 10 rubbish -3 99999999999999999999", NULL, NULL);
    w->now_ms += 5000;
    report_health(&w->a, on_health, &s);
    (void)realm_world_wait(w);
    assert_int_equal(s.health.mappings, 5);
    assert_int_equal(s.health.game_states, 2);
    assert_int_equal(s.health.matches, 2);
    assert_int_equal(s.health.waiting, 3);
    assert_int_equal(s.health.bad_count, 0);
    report_queues(&w->a, on_queues, &s);
    (void)realm_world_wait(w);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.queues[0].level, 2);
    assert_int_equal(s.queues[0].length, 1);
    if (w->server == NULL)
        assert_int_equal(s.queues[0].oldest_wait_ms, 5000);
    assert_int_equal(s.queues[1].level, 10);
    assert_int_equal(s.queues[1].length, 2);
    (void)realm_world_raw(w, "DEL %Pgame_states", NULL, NULL);
    (void)realm_world_raw(w, "SET %Pgame_states x", NULL, NULL);
    report_health(&w->a, on_health, &s);
    (void)realm_world_wait(w);
    assert_int_equal(s.health.bad_count, 1);
    assert_string_equal(s.bad, REALM_WORLD_PREFIX "game_states string");
    assert_int_equal(s.health.game_states, -1);
    (void)realm_world_raw(w, "DEL %Pwaiting:levels", NULL, NULL);
    (void)realm_world_raw(w, "SET %Pwaiting:levels x", NULL, NULL);
    report_health(&w->a, on_health, &s);
    (void)realm_world_wait(w);
    assert_int_equal(s.health.bad_count, 2);
    report_fleet(&w->a, realm_world_answer, w);
    struct report_instance one;
    size_t at = 0, count = 0;
    const struct reply *fleet = realm_world_wait(w);
    while (report_fleet_next(fleet, &at, &one)) {
        count++;
        assert_true(one.lease_left_ms > 0);
    }
    assert_int_equal(count, 2);
    realm_world_good(w);
}

#define TESTS(open)                                                                                          \
    cmocka_unit_test_setup_teardown(test_nothing_to_do, open, realm_world_close),                            \
        cmocka_unit_test_setup_teardown(test_each_orphan, open, realm_world_close),                          \
        cmocka_unit_test_setup_teardown(test_the_sweeper_finds_what_it_is_handed, open, realm_world_close),  \
        cmocka_unit_test_setup_teardown(test_a_room_without_match, open, realm_world_close),                 \
        cmocka_unit_test_setup_teardown(test_what_is_not_ours_to_remove, open, realm_world_close),           \
        cmocka_unit_test_setup_teardown(test_thousands, open, realm_world_close),                            \
        cmocka_unit_test_setup_teardown(test_health_and_queues, open, realm_world_close)

int main(void)
{
    const struct CMUnitTest memory[] = {TESTS(realm_world_open_memory)};
    const struct CMUnitTest redis[] = {TESTS(realm_world_open_redis)};
    int failed = cmocka_run_group_tests_name("memory", memory, NULL, NULL);
    return failed + cmocka_run_group_tests_name("redis", redis, NULL, NULL);
}
