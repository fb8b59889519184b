/* Tests of the in-process keyspace: each command, its errors, expiry, memory. */
#include "common/mem.h"
#include "tests/lib/render.h"
#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define WRONGTYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT "ERR value is not an integer or out of range"
#define SYNTAX "ERR syntax error"
#define ARITY "ERR Wrong number of args calling Redis command from script"

static void expect(struct store_world *w, const char *line, const char *expected)
{
    store_world_expect(w, line, expected);
}

static void strings(void **state)
{
    struct store_world *w = *state;
    expect(w, "GET a", "nil");
    expect(w, "SET a 1", "\"OK\"");
    expect(w, "get a", "\"1\"");
    expect(w, "SET a 2 NX", "nil");
    expect(w, "SET a 2 xx", "\"OK\"");
    expect(w, "SET b 2 XX", "nil");
    expect(w, "SET b 2 NX XX", SYNTAX);
    expect(w, "SET b 2 NX EX", SYNTAX);
    expect(w, "SET b 2 EX 1 PX 1", SYNTAX);
    expect(w, "SET b 2 EX 0", "ERR invalid expire time in 'set' command");
    expect(w, "SET b 2 EX 9223372036854775807", "ERR invalid expire time in 'set' command");
    expect(w, "SET b 2 PX x", NOT_INT);
    expect(w, "SETNX a 9", "0");
    expect(w, "SETNX n 9", "1");
    expect(w, "INCR n", "10");
    expect(w, "INCRBY n -11", "-1");
    expect(w, "INCRBY n 1.5", NOT_INT);
    expect(w, "SET big 9223372036854775807", "\"OK\"");
    expect(w, "INCR big", "ERR increment or decrement would overflow");
    expect(w, "GET big", "\"9223372036854775807\"");
    expect(w, "SET odd 007", "\"OK\"");
    expect(w, "INCR odd", NOT_INT);
    expect(w, "SET a ''", "\"OK\"");
    expect(w, "GET a", "\"\"");
    expect(w, "INCR a", NOT_INT);
}

static void keys(void **state)
{
    struct store_world *w = *state;
    expect(w, "SET s 1", "\"OK\"");
    expect(w, "RPUSH l 1", "1");
    expect(w, "HSET h f 1", "1");
    expect(w, "SADD t 1", "1");
    expect(w, "ZADD z 1 m", "1");
    expect(w, "TYPE s", "\"string\"");
    expect(w, "TYPE l", "\"list\"");
    expect(w, "TYPE h", "\"hash\"");
    expect(w, "TYPE t", "\"set\"");
    expect(w, "TYPE z", "\"zset\"");
    expect(w, "TYPE none", "\"none\"");
    expect(w, "EXISTS s s h none", "3");
    expect(w, "DBSIZE", "5");
    expect(w, "SCAN x", "ERR invalid cursor");
    expect(w, "SCAN 0 COUNT 0", SYNTAX);
    expect(w, "SCAN 0 COUNT", SYNTAX);
    expect(w, "SCAN 0 MATCH a*", SYNTAX);
    expect(w, "DEL s s none", "1");
    expect(w, "UNLINK l h", "2");
    expect(w, "DBSIZE", "2");
    expect(w, "FLUSHALL now", SYNTAX);
    expect(w, "FLUSHALL", "\"OK\"");
    expect(w, "DBSIZE", "0");
    expect(w, "TIME", "[\"1700000000\", \"123456\"]");
    expect(w, "PUBLISH chan hello", "3");
    assert_string_equal(w->published.data, "chan=hello;");
}

static void refusals(void **state)
{
    struct store_world *w = *state;
    expect(w, "NOSUCH a", "ERR Unknown Redis command called from script: 'NOSUCH'");
    expect(w, "a_very_long_name_of_no_command_at_all x",
           "ERR Unknown Redis command called from script: 'a_very_long_name_of_no_command_a'");
    expect(w, "GET", ARITY);
    expect(w, "GET a b", ARITY);
    expect(w, "HSET a b", ARITY);
    expect(w, "HSET a b c d", "ERR wrong number of arguments for 'hset' command");
    expect(w, "LPOP a 1 2", "ERR wrong number of arguments for 'lpop' command");
    struct str words[] = {STR("SET"), STR("a"), STR("b")};
    struct answer answer = {0};
    store_begin(w->store, true);
    store_call(w->store, words, 3, &answer);
    assert_int_equal(answer.items[0].type, ANSWER_ERROR);
    words[0] = STR("GET");
    store_call(w->store, words, 2, &answer);
    assert_int_equal(answer.items[1].type, ANSWER_NIL);
    answer_close(&answer);
}

/* Every command on every wrong type is refused and changes nothing. */
static void wrong_types(void **state)
{
    static const char *const commands[] = {
        "GET %s",
        "INCR %s",
        "INCRBY %s 1",
        "HGET %s f",
        "HMGET %s f",
        "HSET %s f v",
        "HSETNX %s f v",
        "HDEL %s f",
        "HLEN %s",
        "HEXISTS %s f",
        "HGETALL %s",
        "HKEYS %s",
        "HVALS %s",
        "HSTRLEN %s f",
        "HINCRBY %s f 1",
        "HSCAN %s 0",
        "RPUSH %s v",
        "LPUSH %s v",
        "LPOP %s",
        "RPOP %s 1",
        "LLEN %s",
        "LRANGE %s 0 1",
        "LTRIM %s 0 0",
        "LREM %s 0 v",
        "LINDEX %s 0",
        "LPOS %s v",
        "SADD %s m",
        "SREM %s m",
        "SISMEMBER %s m",
        "SCARD %s",
        "SMEMBERS %s",
        "SSCAN %s 0",
        "ZADD %s 1 m",
        "ZADD %s XX 1 m",
        "ZREM %s m",
        "ZSCORE %s m",
        "ZCARD %s",
        "ZRANGE %s 0 1",
        "ZCOUNT %s 0 1",
        "ZINCRBY %s 1 m",
        "ZRANGEBYSCORE %s 0 1",
        "ZREMRANGEBYSCORE %s 0 1",
    };
    static const struct {
        const char *key, *make;
        const char *own; /* first letters of the commands for this type */
    } types[] = {{"string", "SET string abc", "GI"},
                 {"hash", "HSET hash f abc", "H"},
                 {"list", "RPUSH list abc", "RL"},
                 {"set", "SADD set abc", "S"},
                 {"zset", "ZADD zset 1 abc", "Z"}};
    struct store_world *w = *state;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        struct answer made = {0};
        store_world_call(w, types[t].make, &made);
        answer_close(&made);
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
            char line[64];
            (void)snprintf(line, sizeof line, "%.*s %s%s", (int)strcspn(commands[i], " "), commands[i],
                           types[t].key, strchr(commands[i], '%') + 2);
            if (strchr(types[t].own, line[0]) == NULL)
                expect(w, line, WRONGTYPE);
        }
    }
    expect(w, "DBSIZE", "5");
    expect(w, "GET string", "\"abc\"");
    expect(w, "HGETALL hash", "[\"f\", \"abc\"]");
    expect(w, "LRANGE list 0 -1", "[\"abc\"]");
    expect(w, "SMEMBERS set", "[\"abc\"]");
    expect(w, "ZRANGE zset 0 -1 WITHSCORES", "[\"abc\", \"1\"]");
}

static void hashes(void **state)
{
    struct store_world *w = *state;
    expect(w, "HGET h f", "nil");
    expect(w, "HGETALL h", "[]");
    expect(w, "HSCAN h 0", "[\"0\", []]");
    expect(w, "HSET h a 1 b 2 a 3", "2");
    expect(w, "HMGET h a x b", "[\"3\", nil, \"2\"]");
    expect(w, "HMGET none a b", "[nil, nil]");
    expect(w, "HSETNX h a 9", "0");
    expect(w, "HSETNX h c ''", "1");
    expect(w, "HLEN h", "3");
    expect(w, "HSTRLEN h c", "0");
    expect(w, "HSTRLEN h a", "1");
    expect(w, "HEXISTS h c", "1");
    expect(w, "HEXISTS h d", "0");
    store_world_expect_sorted(w, "HGETALL h", 2, "{\"a\"=\"3\", \"b\"=\"2\", \"c\"=\"\"}");
    store_world_expect_sorted(w, "HKEYS h", 1, "{\"a\", \"b\", \"c\"}");
    store_world_expect_sorted(w, "HVALS h", 1, "{\"\", \"2\", \"3\"}");
    expect(w, "HINCRBY h a 4", "7");
    expect(w, "HINCRBY h c 4", "ERR hash value is not an integer");
    expect(w, "HINCRBY h new -4", "-4");
    expect(w, "HINCRBY h new x", NOT_INT);
    expect(w, "HDEL h a a none b c new", "4");
    expect(w, "EXISTS h", "0");
    expect(w, "HDEL h a", "0");
}

static void lists(void **state)
{
    struct store_world *w = *state;
    expect(w, "LPOP l", "nil");
    expect(w, "LPOP l 2", "nil");
    expect(w, "RPUSH l c d", "2");
    expect(w, "LPUSH l b a", "4");
    expect(w, "LRANGE l 0 -1", "[\"a\", \"b\", \"c\", \"d\"]");
    expect(w, "LRANGE l -2 100", "[\"c\", \"d\"]");
    expect(w, "LRANGE l 2 1", "[]");
    expect(w, "LRANGE l -100 0", "[\"a\"]");
    expect(w, "LRANGE l x 0", NOT_INT);
    expect(w, "LINDEX l -1", "\"d\"");
    expect(w, "LINDEX l 4", "nil");
    expect(w, "LINDEX l x", NOT_INT);
    expect(w, "LINDEX none x", "nil");
    expect(w, "LPOS l c", "2");
    expect(w, "LPOS l x", "nil");
    expect(w, "LPOS l c RANK 1", SYNTAX);
    expect(w, "LPOP l 0", "[]");
    expect(w, "LPOP l -1", "ERR value is out of range, must be positive");
    expect(w, "RPOP l 2", "[\"d\", \"c\"]");
    expect(w, "LPOP l", "\"a\"");
    expect(w, "LPOP l 5", "[\"b\"]");
    expect(w, "EXISTS l", "0");
    expect(w, "RPUSH l x a x b x", "5");
    expect(w, "LREM l -2 x", "2");
    expect(w, "LRANGE l 0 -1", "[\"x\", \"a\", \"b\"]");
    expect(w, "RPUSH l x", "4");
    expect(w, "LREM l 1 x", "1");
    expect(w, "LRANGE l 0 -1", "[\"a\", \"b\", \"x\"]");
    expect(w, "LREM l 0 q", "0");
    expect(w, "LTRIM l 1 1", "\"OK\"");
    expect(w, "LRANGE l 0 -1", "[\"b\"]");
    expect(w, "LTRIM l 5 9", "\"OK\"");
    expect(w, "EXISTS l", "0");
    expect(w, "LTRIM none 0 1", "\"OK\"");
}

static void sets(void **state)
{
    struct store_world *w = *state;
    expect(w, "SMEMBERS t", "[]");
    expect(w, "SADD t a b a", "2");
    expect(w, "SCARD t", "2");
    expect(w, "SISMEMBER t a", "1");
    expect(w, "SISMEMBER t c", "0");
    store_world_expect_sorted(w, "SMEMBERS t", 1, "{\"a\", \"b\"}");
    expect(w, "SREM t a c", "1");
    expect(w, "SREM t b", "1");
    expect(w, "EXISTS t", "0");
    expect(w, "SSCAN t 0", "[\"0\", []]");
}

static void zsets(void **state)
{
    struct store_world *w = *state;
    expect(w, "ZADD z 2 b 1 a 2 aa", "3");
    expect(w, "ZRANGE z 0 -1", "[\"a\", \"aa\", \"b\"]");
    expect(w, "ZADD z NX 9 a 3 c", "1");
    expect(w, "ZADD z XX CH 9 a 3 d", "1");
    expect(w, "ZADD z GT CH 5 a 4 c", "1");
    expect(w, "ZADD z LT CH 5 a 7 c 1 e", "2");
    expect(w, "ZRANGE z 0 -1 WITHSCORES",
           "[\"e\", \"1\", \"aa\", \"2\", \"b\", \"2\", \"c\", \"4\", \"a\", \"5\"]");
    expect(w, "ZADD z NX XX 1 a", "ERR XX and NX options at the same time are not compatible");
    expect(w, "ZADD z GT LT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible");
    expect(w, "ZADD z 1 a 2", SYNTAX);
    expect(w, "ZADD z 7 a nan b", "ERR value is not a valid float");
    expect(w, "ZADD none XX 1 a", "0");
    expect(w, "EXISTS none", "0");
    expect(w, "ZSCORE z a", "\"5\"");
    expect(w, "ZSCORE z x", "nil");
    expect(w, "ZCARD z", "5");
    expect(w, "ZCOUNT z (1 4", "3");
    expect(w, "ZCOUNT z 4 1", "0");
    expect(w, "ZCOUNT z a 1", "ERR min or max is not a float");
    expect(w, "ZRANGEBYSCORE z -inf +inf LIMIT 1 2", "[\"aa\", \"b\"]");
    expect(w, "ZRANGEBYSCORE z -inf (4 WITHSCORES", "[\"e\", \"1\", \"aa\", \"2\", \"b\", \"2\"]");
    expect(w, "ZRANGEBYSCORE z 2 inf LIMIT 0 -1", "[\"aa\", \"b\", \"c\", \"a\"]");
    expect(w, "ZRANGEBYSCORE z 2 inf LIMIT -1 5", "[]");
    expect(w, "ZRANGEBYSCORE z 2 inf LIMIT 9 5", "[]");
    expect(w, "ZRANGEBYSCORE z 2 inf LIMIT 9", SYNTAX);
    expect(w, "ZINCRBY z 0.1 a", "\"5.0999999999999996\"");
    expect(w, "ZINCRBY z inf a", "\"inf\"");
    expect(w, "ZINCRBY z -inf a", "ERR resulting score is not a number (NaN)");
    expect(w, "ZADD z 1700000000123 now", "1");
    expect(w, "ZSCORE z now", "\"1700000000123\"");
    expect(w, "ZREMRANGEBYSCORE z 2 4", "3");
    expect(w, "ZREM z e now x a", "3");
    expect(w, "EXISTS z", "0");
}

static void expiry(void **state)
{
    struct store_world *w = *state;
    expect(w, "PTTL a", "-2");
    expect(w, "EXPIRE a 10", "0");
    expect(w, "SET a 1 PX 1500", "\"OK\"");
    expect(w, "PTTL a", "1500");
    expect(w, "TTL a", "2");
    w->now_us += 1499 * 1000;
    expect(w, "INCR a", "2"); /* keeps its end */
    expect(w, "PTTL a", "1");
    w->now_us += 1000;
    expect(w, "DBSIZE", "0");
    expect(w, "GET a", "nil");
    expect(w, "SET a 1 EX 5", "\"OK\"");
    expect(w, "SET a 1", "\"OK\"");
    expect(w, "TTL a", "-1");
    expect(w, "PEXPIRE a 100", "1");
    expect(w, "PERSIST a", "1");
    expect(w, "PERSIST a", "0");
    w->now_us += 1000 * 1000;
    expect(w, "GET a", "\"1\"");
    expect(w, "EXPIRE a -1", "1");
    expect(w, "EXISTS a", "0");
    expect(w, "RPUSH l 1", "1");
    expect(w, "PEXPIRE l 9223372036854775807", "ERR invalid expire time in 'pexpire' command");
    expect(w, "EXPIRE l x", NOT_INT);
    expect(w, "EXPIRE l 1", "1");
    expect(w, "LPOP l", "\"1\""); /* an end goes with its key ... */
    expect(w, "RPUSH l 1", "1");
    expect(w, "PTTL l", "-1"); /* ... and does not come back with it */
}

/* Time stands still between two store_begin: what a script has found stays. */
static void expiry_waits_for_begin(void **state)
{
    struct store_world *w = *state;
    struct str get[] = {STR("GET"), STR("a")};
    struct answer answer = {0};
    expect(w, "SET a 1 PX 10", "\"OK\"");
    w->now_us += 1000 * 1000;
    store_call(w->store, get, 2, &answer);
    store_begin(w->store, false);
    store_call(w->store, get, 2, &answer);
    assert_int_equal(answer.items[0].type, ANSWER_TEXT);
    assert_int_equal(answer.items[1].type, ANSWER_NIL);
    answer_close(&answer);
}

/* All keys of many expire, in whatever order they were set, and nothing else. */
static void expiry_of_many(void **state)
{
    struct store_world *w = *state;
    char line[64];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(line, sizeof line, "SET key:%d 1 PX %d", i, 1 + i * 37 % 1000);
        expect(w, line, "\"OK\"");
    }
    w->now_us += 500 * 1000;
    expect(w, "DBSIZE", "500");
    w->now_us += 500 * 1000;
    expect(w, "DBSIZE", "0");
}

/* A large hash comes in pages of about the size asked for, all fields once. */
static void scan_in_pages(void **state)
{
    static int seen[1000];
    struct store_world *w = *state;
    char line[64];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(line, sizeof line, "HSET h %d v", i);
        expect(w, line, "1");
    }
    int pages = 0;
    (void)snprintf(line, sizeof line, "HSCAN h 0 COUNT 20");
    for (bool end = false; !end; pages++) {
        struct answer answer = {0};
        store_world_call(w, line, &answer);
        struct reply *reply = answer_tree(&answer);
        const struct reply *fields = reply_at(reply, 1);
        assert_true(fields->count > 0 && fields->count <= 2 * 40);
        for (size_t i = 0; i < fields->count; i += 2)
            seen[reply_int(fields, i)]++;
        end = str_eq(reply_str(reply, 0), STR("0"));
        (void)snprintf(line, sizeof line, "HSCAN h %lld COUNT 20", (long long)reply_int(reply, 0));
        mem_free(reply);
        answer_close(&answer);
    }
    assert_in_range(pages, 25, 60);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(seen[i], 1);
}

/* Fills (or empties, with the other commands) one key of each type. */
static void each_type(struct store_world *w, int count, const char *const commands[4])
{
    char line[64];
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < 4; k++) {
            struct answer answer = {0};
            (void)snprintf(line, sizeof line, "%s %d %d", commands[k], i, i);
            store_world_call(w, line, &answer);
            assert_int_equal(answer.items[0].type, ANSWER_INT);
            answer_close(&answer);
        }
    }
}

static void emptied_store_is_small(void **state)
{
    struct store_world *w = *state;
    char line[64];
    size_t start = mem_live_count();
    each_type(w, 2000, (const char *const[]){"HSET h", "RPUSH l", "SADD s", "ZADD z"});
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(line, sizeof line, "SET string:%d v PX %d", i, 1 + i);
        expect(w, line, "\"OK\"");
    }
    assert_int_equal(store_key_count(w->store), 2004);
    assert_true(mem_live_count() > start + 10000);
    each_type(w, 2000, (const char *const[]){"HDEL h", "LREM l", "SREM s", "ZREM z"});
    w->now_us += 2000 * 1000;
    expect(w, "DBSIZE", "1"); /* LREM's first argument is a count: half of the list is still there */
    expect(w, "LTRIM l 1 0", "\"OK\"");
    assert_int_equal(mem_live_count(), start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(strings, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(keys, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(refusals, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(wrong_types, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(hashes, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(lists, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(sets, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(zsets, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(expiry, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(expiry_waits_for_begin, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(expiry_of_many, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(scan_in_pages, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(emptied_store_is_small, store_world_open, store_world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
