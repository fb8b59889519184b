/* The waiting list under bad circumstances: dead entries, foreign entries, duplicates; and leaving it. */
#include "tests/lib/play.h"

#include <stdlib.h>

/* `count` waiting players of an instance at level 1, as their joins would leave them, but without
 * connections. */
static void put_crowd(struct fleet_world *w, const char *instance, int count, const char *ids)
{
    static const char text[] = "#!lua\n"
                               "redis.call('INCR', ARGV[1] .. 'fence')\n"
                               "for i = 1, tonumber(ARGV[3]) do\n"
                               "    local id = ARGV[4] .. i\n"
                               "    redis.call('HSET', ARGV[1] .. 'players', id, 'queued|1|1|t|1|' .. '|s' "
                               ".. id .. '|' .. ARGV[2])\n"
                               "    redis.call('RPUSH', ARGV[1] .. 'waiting:level:1', id)\n"
                               "end\n"
                               "redis.call('SADD', ARGV[1] .. 'waiting:levels', '1')\n"
                               "return {'OK'}\n";
    static const struct script crowd = {"crowd", text, sizeof text - 1, {0}};
    struct str args[] = {STR(FLEET_WORLD_PREFIX), str_of(instance), str_of(fleet_text("%d", count)),
                         str_of(ids)};
    struct backend *b = w->backend[1];
    assert_string_equal(ASK(w, b->ops->run(b, &crowd, NULL, 0, args, 4, ANSWER(w))), "OK");
}

/* ... of an instance that is dead. */
static void put_dead(struct fleet_world *w, int count)
{
    fleet_world_beat(w, 4);
    fleet_world_die(w, 4);
    put_crowd(w, "i4", count, "dead");
}

static int64_t length(struct fleet_world *w)
{
    (void)RAW(w, "LLEN", "waiting:level:1");
    return w->reply->integer;
}

static void dead_heads_are_passed_over(struct fleet_world *w)
{
    put_dead(w, 3);
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    assert_string_equal(play_join(w, &a, 1), "WAITING 1 0");
    assert_string_equal(play_queue(w, "1"), "a");
    assert_string_equal(play_join(w, &b, 1), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_record(w, "dead1"), "queued|1|"); /* its sweeper still finds it */
}

static void dead_between_the_living(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2), c = play_arrive(w, "c", 3);
    fleet_world_beat(w, 4);
    struct player x = play_arrive(w, "x", 4), y = play_arrive(w, "y", 4);
    fleet_world_seats(w, 4);
    (void)play_join(w, &x, 1);
    (void)play_join(w, &a, 1);
    (void)play_join(w, &y, 1);
    fleet_world_die(w, 4);
    assert_string_equal(play_join(w, &b, 1), "WAITING 2 0");
    assert_string_equal(play_queue(w, "1"), "a b"); /* in their order, the dead are gone */
    fleet_world_seats(w, 3);
    assert_string_equal(play_join(w, &c, 1), "MATCHED <room> [matchFound#1]");
}

/* A bounded look each time: the answer says that there is more, and asking again clears the way (invariant
 * I5). */
static void a_thousand_dead(struct fleet_world *w)
{
    put_dead(w, 1000);
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    assert_string_equal(play_join(w, &a, 1), "WAITING 937 1");
    int64_t left = length(w);
    assert_int_equal(left, 1000 - 64 + 1);
    int rounds = 0;
    while (strcmp(play_match(w, 1, NULL), "NONE 1") == 0) {
        int64_t now = length(w);
        assert_int_equal(now, left - 64);
        left = now;
        rounds++;
    }
    assert_int_equal(rounds, 14); /* 1000 = 64 (the join) + 14 * 64 + the last 40 */
    assert_string_equal(w->text.data, "NONE 0");
    assert_string_equal(play_queue(w, "1"), "a");
    assert_string_equal(play_join(w, &b, 1), "MATCHED <room> [matchFound#1]");
}

/* The same without anybody calling match.lua: each join takes its share of the dead. */
static void joins_clear_the_way(struct fleet_world *w)
{
    put_dead(w, 200);
    for (int i = 0; i < 8; i++) {
        struct player p = play_arrive(w, fleet_text("p%d", i), 1 + i % 3);
        (void)play_join(w, &p, 1);
    }
    /* Four looks of 64 for 200 dead; the first four players wait behind them, the others find partners. */
    for (int i = 0; i < 8 && strstr(play_match(w, 1, NULL), "MATCHED"); i++)
        continue;
    assert_string_equal(w->text.data, "NONE 0");
    assert_int_equal(length(w), 0);
    for (int i = 0; i < 8; i++)
        assert_string_equal(play_record(w, fleet_text("p%d", i)), "room|1|<room>");
}

/* How many commands Redis has carried out, those of scripts included. */
static int64_t commands(struct fleet_world *w)
{
    const char *line = strstr(RAW(w, "INFO"), "total_commands_processed:");
    assert_non_null(line);
    return strtoll(line + strlen("total_commands_processed:"), NULL, 10);
}

static int64_t cost_of_a_join(struct fleet_world *w, int turn)
{
    struct player a = play_arrive(w, fleet_text("joiner%d", turn), 1);
    int64_t before = commands(w);
    assert_string_equal(play_join(w, &a, 1), "MATCHED <room> [matchFound#1]");
    return commands(w) - before;
}

/* A join costs as many commands with 20,000 waiting as with ten; and after a thousand dead it costs no more
 * than before. */
static void the_cost_of_a_join_is_flat(struct fleet_world *w)
{
    w->unaudited = true; /* the crowd has no sockets */
    put_crowd(w, "i1", 1, "first");
    (void)cost_of_a_join(w, 0); /* loads the script */
    put_crowd(w, "i1", 10, "few");
    int64_t few = cost_of_a_join(w, 1);
    put_crowd(w, "i1", 20000, "many");
    assert_int_equal(cost_of_a_join(w, 2), few);
    (void)RAW(w, "DEL", "waiting:level:1");
    put_dead(w, 1000);
    while (strcmp(play_match(w, 1, NULL), "NONE 1") == 0)
        continue;
    put_crowd(w, "i1", 10, "more");
    assert_int_equal(cost_of_a_join(w, 3), few);
}

/* The own entry lies behind more dead than one call looks at: asking again must not make it two. */
static void same_ticket_behind_the_dead(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    put_dead(w, 200);
    assert_string_equal(play_join(w, &a, 1), "WAITING 137 1");
    assert_string_equal(play_join_again(w, &a), "WAITING 73 1");
    assert_null(strstr(play_queue(w, "1"), " a ")); /* only at the end */
    assert_string_equal(play_join_again(w, &a), "WAITING 9 1");
    assert_string_equal(play_join_again(w, &a), "WAITING 1 0");
    assert_string_equal(play_queue(w, "1"), "a");
}

static void a_partner_dies_while_waiting(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)play_join(w, &a, 1);
    fleet_world_die(w, 1);
    assert_string_equal(play_join(w, &b, 1), "WAITING 1 0");
    assert_string_equal(play_queue(w, "1"), "b");
    assert_string_equal(fleet_world_found(w),
                        "dead_instance=1 mapping_dead_instance=1 player_dead_instance=1 ");
}

/* The instance was only slow: its players are still queued but have lost their places; the same tickets give
 * them back. */
static void a_partner_comes_back_to_life(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), d = play_arrive(w, "d", 1);
    struct player b = play_arrive(w, "b", 2), c = play_arrive(w, "c", 3);
    fleet_world_seats(w, 4);
    (void)play_join(w, &a, 1);
    (void)play_join(w, &d, 1);
    fleet_world_pass(w, 100);
    fleet_world_die(w, 1);
    assert_string_equal(play_join(w, &b, 1), "WAITING 3 0");
    assert_string_equal(play_queue(w, "1"), "a d b"); /* too few for a match: nobody looked */
    assert_string_equal(play_join(w, &c, 1), "WAITING 2 0");
    assert_string_equal(play_queue(w, "1"), "b c");
    fleet_world_beat(w, 1);
    fleet_world_audit(w);
    assert_true(strncmp(play_attach_again(w, &a), "OK ", 3) == 0);
    assert_string_equal(play_join_again(w, &a), "WAITING 1 0");
    assert_string_equal(play_queue(w, "1"), "a b c");
    assert_true(strncmp(play_attach_again(w, &d), "OK ", 3) == 0);
    assert_true(strncmp(play_join_again(w, &d), "MATCHED ", 8) == 0);
    assert_string_equal(play_queue(w, "1"), "");
    fleet_world_settled(w);
}

static void foreign_entries(struct fleet_world *w)
{
    struct player idle = play_arrive(w, "idle", 1), other = play_arrive(w, "other", 1);
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)idle;
    (void)play_join(w, &other, 2);
    static const char *const entries[] = {"", "nobody", "{\"id\":\"a\"}", "idle", "other", "a", "\xff|", "b"};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        (void)RAW(w, "RPUSH", "waiting:level:1", entries[i]);
    (void)RAW(w, "SADD", "waiting:levels", "1");
    assert_string_equal(play_join(w, &a, 1), "WAITING 1 0");
    assert_string_equal(play_queue(w, "1"), "a");
    assert_string_equal(play_record(w, "idle"), "idle||");
    assert_string_equal(play_record(w, "other"), "queued|2|");
    assert_string_equal(play_queue(w, "2"), "other");
    assert_string_equal(play_join(w, &b, 1), "MATCHED <room> [matchFound#1]");
    fleet_world_settled(w);
}

static void unreadable_records(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)RAW(w, "HSET", "players", "x", "queued|1|1|t|1|");
    (void)RAW(w, "HSET", "players", "y", "");
    (void)RAW(w, "RPUSH", "waiting:level:1", "x", "y");
    assert_string_equal(play_join(w, &a, 1), "WAITING 1 0");
    (void)RAW(w, "HDEL", "players", "x", "y");
    assert_string_equal(play_join(w, &b, 1), "MATCHED <room> [matchFound#1]");
    fleet_world_settled(w);
}

static void duplicates(struct fleet_world *w)
{
    struct player p[4] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2), play_arrive(w, "c", 3),
                          play_arrive(w, "d", 1)};
    fleet_world_seats(w, 5);
    for (int i = 0; i < 3; i++)
        (void)play_join(w, &p[i], 1);
    for (int i = 0; i < 70; i++)
        (void)RAW(w, "LPUSH", "waiting:level:1", i % 2 ? "a" : "b");
    fleet_world_seats(w, 4);
    assert_string_equal(play_join(w, &p[3], 1), "WAITING 10 1"); /* 73 - 64, and d */
    char room[ID_SIZE];
    assert_string_equal(play_match(w, 1, room), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_queue(w, "1"), "");
    (void)RAW(w, "HGET", "matches", room);
    assert_non_null(strstr(w->text.data, "\"players\":[{\"id\":\"a\",\"level\":1},{\"id\":\"b\",\"level\":1},"
                                         "{\"id\":\"c\",\"level\":1},{\"id\":\"d\",\"level\":1}]"));
    fleet_world_settled(w);
}

static void matching_an_empty_level(struct fleet_world *w)
{
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_match(w, 5, NULL), "NONE 0");
    assert_string_equal(play_match(w, 5, NULL), "NONE 0");
    fleet_world_same(w, &before, "matching nobody");
    (void)RAW(w, "SADD", "waiting:levels", "5");
    assert_string_equal(play_match(w, 5, NULL), "NONE 0");
    assert_string_equal(RAW(w, "EXISTS", "waiting:levels"), "0");
    struct player a = play_arrive(w, "a", 1);
    (void)play_join(w, &a, 5);
    (void)RAW(w, "DEL", "waiting:levels");
    assert_string_equal(play_match(w, 5, NULL), "NONE 0");
    assert_string_equal(RAW(w, "SMEMBERS", "waiting:levels"), "5");
}

/* ---- leaving ---- */

static void leaving(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    fleet_world_seats(w, 3);
    assert_string_equal(play_leave_queue(w, &a), "NOT_QUEUED");
    (void)play_join(w, &a, 3);
    (void)play_join(w, &b, 3);
    assert_string_equal(play_leave_queue(w, &a), "LEFT");
    assert_string_equal(play_queue(w, "3"), "b");
    assert_string_equal(play_record(w, "a"), "idle||");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_leave_queue(w, &a), "NOT_QUEUED");
    fleet_world_same(w, &before, "leaving again");
    assert_string_equal(play_leave_queue(w, &b), "LEFT");
    assert_string_equal(RAW(w, "EXISTS", "waiting:levels"), "0");
    assert_string_equal(play_join(w, &a, 3), "WAITING 1 0");
    fleet_world_settled(w);
}

static void leaving_another_level(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 1);
    (void)play_join(w, &a, 3);
    (void)play_join(w, &b, 4);
    a.level = 4;
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_leave_queue(w, &a), "AGAIN 3");
    fleet_world_same(w, &before, "a wrong level");
    a.level = 3;
    assert_string_equal(play_leave_queue(w, &a), "LEFT");
    assert_string_equal(play_queue(w, "4"), "b");
}

static void the_match_won_the_race(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2);
    (void)play_join(w, &a, 3);
    (void)play_join(w, &b, 3);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_leave_queue(w, &a), "MATCHED <room>");
    fleet_world_same(w, &before, "leaving too late");
}

static void leaving_with_a_lost_entry(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    (void)play_join(w, &a, 3);
    (void)RAW(w, "DEL", "waiting:level:3");
    assert_string_equal(play_leave_queue(w, &a), "LEFT");
    fleet_world_settled(w);
}

/* A queued player who drops leaves the queue. */
static void dropping_out_of_the_queue(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2), c = play_arrive(w, "c", 3);
    fleet_world_seats(w, 4);
    (void)play_join(w, &a, 3);
    (void)play_join(w, &b, 3);
    (void)play_join(w, &c, 3);
    b.level = 5; /* what its instance believes */
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_detach(w, &b), "AGAIN 3 ");
    fleet_world_same(w, &before, "a detach with a wrong level");
    b.level = 3;
    assert_string_equal(play_detach(w, &b), "OK  [] queued");
    assert_string_equal(play_queue(w, "3"), "a c");
    assert_string_equal(play_record(w, "b"), "away|3|");
    assert_string_equal(play_detach(w, &a), "OK  [] queued");
    assert_string_equal(play_detach(w, &c), "OK  [] queued");
    assert_string_equal(RAW(w, "EXISTS", "waiting:levels"), "0");
    fleet_world_settled(w);
}

static void tickets_expire_from_the_head(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1), b = play_arrive(w, "b", 2), c = play_arrive(w, "c", 3);
    for (int i = 1; i <= 3; i++)
        w->realm[i].rules.ticket_ttl_ms = 60000;
    fleet_world_seats(w, 4);
    (void)play_join(w, &a, 3);
    (void)play_join(w, &b, 3);
    fleet_world_live(w, 30000);
    (void)play_join(w, &c, 3);
    fleet_world_live(w, 29000);
    (void)ASK(w, queue_expire(&w->realm[1], 3, ANSWER(w)));
    assert_string_equal(play_queue(w, "3"), "a b c");
    fleet_world_live(w, 3000);
    play_forget(w);
    (void)ASK(w, queue_expire(&w->realm[1], 3, ANSWER(w)));
    assert_int_equal(reply_at(w->reply, 1)->count,
                     1); /* a is the caller's, b's instance is told by message */
    assert_non_null(
        strstr(fleet_world_heard_raw(w, 2), "\"event\":\"ticketExpired\",\"data\":{\"playerId\":\"b\""));
    assert_string_equal(play_queue(w, "3"), "c");
    assert_string_equal(play_record(w, "a"), "idle||");
    assert_string_equal(play_record(w, "b"), "idle||");
    assert_string_equal(play_record(w, "c"), "queued|3|");
    fleet_world_live(w, 30000);
    (void)ASK(w, queue_expire(&w->realm[2], 3, ANSWER(w)));
    assert_string_equal(RAW(w, "EXISTS", "waiting:levels"), "0");
    fleet_world_settled(w);
}

/* Who is back in time finds the place that his time gives him, on whichever instance. */
static void back_in_time(struct fleet_world *w)
{
    struct player p[3] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2), play_arrive(w, "c", 3)};
    fleet_world_seats(w, 4);
    for (int i = 0; i < 3; i++) {
        (void)play_join(w, &p[i], 3);
        fleet_world_pass(w, 1000);
    }
    (void)play_detach(w, &p[1]);
    fleet_world_settled(w);
    struct player old = p[1];
    assert_string_equal(play_leave_queue(w, &old), "GONE");
    assert_string_equal(play_join_again(w, &old), "GONE");
    fleet_world_pass(w, 4000);
    assert_string_equal(play_fire(w, 1, "queue"), "EARLY");
    play_attach(w, &p[1], 3);
    assert_string_equal(play_record(w, "b"), "queued|3|");
    assert_string_equal(play_fire(w, 1, "queue"), "none");
    assert_string_equal(play_join_again(w, &p[1]), "WAITING 2 0");
    assert_string_equal(play_queue(w, "3"), "a b c");
    fleet_world_settled(w);
}

static void back_too_late(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a:1", 1);
    (void)play_join(w, &a, 3);
    (void)play_detach(w, &a);
    fleet_world_pass(w, 5000);
    assert_string_equal(play_fire(w, 2, "queue"), "OK  []");
    assert_string_equal(play_record(w, "a:1"), "nil");
    assert_string_equal(RAW(w, "EXISTS", "deadlines"), "0");
    fleet_world_settled(w);
    play_attach(w, &a, 2);
    assert_string_equal(play_record(w, "a:1"), "idle||");
}

/* Away twice: the timer of the first time has nothing to say about the second. */
static void away_twice(struct fleet_world *w)
{
    struct player a = play_arrive(w, "a", 1);
    (void)play_join(w, &a, 3);
    (void)play_detach(w, &a);
    const char *first = fleet_text("queue:a:%lld", (long long)a.fence);
    play_attach(w, &a, 2);
    (void)play_detach(w, &a); /* without having handed the ticket in again */
    assert_string_equal(play_record(w, "a"), "away|3|");
    (void)RAW(w, "ZADD", "deadlines", "5", first);
    struct timer_entry entry;
    assert_true(timers_parse(str_of(first), &entry));
    assert_string_equal(ASK(w, timers_fire(&w->realm[1], &entry, ANSWER(w))), "STALE");
    assert_string_equal(play_record(w, "a"), "away|3|");
    fleet_world_settled(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(dead_heads_are_passed_over),
        BOTH(dead_between_the_living),
        BOTH(a_thousand_dead),
        BOTH(joins_clear_the_way),
        IN_STORE(the_cost_of_a_join_is_flat, true, "redis"),
        BOTH(same_ticket_behind_the_dead),
        BOTH(a_partner_dies_while_waiting),
        BOTH(a_partner_comes_back_to_life),
        BOTH(foreign_entries),
        BOTH(unreadable_records),
        BOTH(duplicates),
        BOTH(matching_an_empty_level),
        BOTH(leaving),
        BOTH(leaving_another_level),
        BOTH(the_match_won_the_race),
        BOTH(leaving_with_a_lost_entry),
        BOTH(dropping_out_of_the_queue),
        BOTH(tickets_expire_from_the_head),
        BOTH(back_in_time),
        BOTH(back_too_late),
        BOTH(away_twice),
    };
    return FLEET_WORLD_RUN(tests);
}
