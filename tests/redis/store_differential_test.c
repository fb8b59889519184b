/* Thousands of random commands, given to Redis and to the in-memory store: every answer must be the same.
 *
 * A command is made from a pattern of words: %k-words are replaced by keys, fields, numbers and other
 * material that likes to make trouble (see `material`). Keys are few, so that commands meet; most patterns
 * name a key of their own type, some any key, so that WRONGTYPE and type changes come up as well. The seed is
 * printed; SEED=n in the environment repeats a run. */
#include "common/mem.h"
#include "tests/lib/twins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { COMMANDS = 30000, WORDS_MAX = 24, FULL_LOOK_EVERY = 1000 };

/* The status is told apart from a text, as it is inside a script. */
static const char any_text[] = "#!lua\n"
                               "local r = redis.pcall(unpack(ARGV))\n"
                               "if type(r) == 'table' and r.ok then return {'status', r.ok} end\n"
                               "return r\n";
static const struct script any = {"user_script", any_text, sizeof any_text - 1, {0}};

/* Walks to the end with pages of ARGV[2]; ARGV[3] = 2 when values follow the names. */
static const char walk_text[] =
    "#!lua\n"
    "local seen, list, cursor = {}, {}, '0'\n"
    "repeat\n"
    "  local r\n"
    "  if KEYS[1] then r = redis.call(ARGV[1], KEYS[1], cursor, 'COUNT', ARGV[2])\n"
    "  else r = redis.call(ARGV[1], cursor, 'COUNT', ARGV[2]) end\n"
    "  cursor = r[1]\n"
    "  for i = 1, #r[2], tonumber(ARGV[3]) do\n"
    "    local name = r[2][i]\n"
    "    if not seen[name] then list[#list + 1] = name end\n"
    "    seen[name] = ARGV[3] == '2' and r[2][i + 1] or ''\n"
    "  end\n"
    "until cursor == '0'\n"
    "table.sort(list)\n"
    "for i, name in ipairs(list) do list[i] = name .. '=' .. seen[name] end\n"
    "return list\n";
static const struct script walk = {"user_script", walk_text, sizeof walk_text - 1, {0}};

/* group: see struct twins_how. slack: the answer is a time that runs. */
static const struct pattern {
    const char *words;
    int group;
    int slack;
} patterns[] = {
    {"GET %T", 0, 0},
    {"SET %T %v", 0, 0},
    {"SET %T %i %o", 0, 0},
    {"SET %T %v %o %o", 0, 0},
    {"SET %k %v EX %e", 0, 0},
    {"SET %T %i %o PX %e", 0, 0},
    {"SET %T %v EX %i", 0, 0},
    {"SETNX %T %v", 0, 0},
    {"INCR %T", 0, 0},
    {"INCRBY %T %i", 0, 0},
    {"DEL %k", 0, 0},
    {"DEL %k %k %k", 0, 0},
    {"UNLINK %k", 0, 0},
    {"EXISTS %k %k", 0, 0},
    {"TYPE %k", 0, 0},
    {"EXPIRE %k %e", 0, 0},
    {"EXPIRE %k %i", 0, 0},
    {"PEXPIRE %k %e", 0, 0},
    {"PEXPIRE %k 0", 0, 0},
    {"TTL %k", 0, 20},
    {"PTTL %k", 0, 20000},
    {"PERSIST %k", 0, 0},
    {"DBSIZE", 0, 0},
    {"PUBLISH %f %v", 0, 0},
    {"HGET %H %f", 0, 0},
    {"HMGET %H %f %f %f", 0, 0},
    {"HSET %H %f %v", 0, 0},
    {"HSET %H %f %v %f %i %f %v", 0, 0},
    {"HSET %H %F %v %F %i %F %v %F %v", 0, 0},
    {"HSETNX %H %f %v", 0, 0},
    {"HDEL %H %f", 0, 0},
    {"HDEL %H %f %F %f", 0, 0},
    {"HLEN %H", 0, 0},
    {"HEXISTS %H %f", 0, 0},
    {"HGETALL %H", 2, 0},
    {"HKEYS %H", 1, 0},
    {"HVALS %H", 1, 0},
    {"HSTRLEN %H %f", 0, 0},
    {"HINCRBY %H %f %i", 0, 0},
    {"HSCAN %n %c", 0, 0},
    {"RPUSH %L %v", 0, 0},
    {"RPUSH %L %v %v %f %f", 0, 0},
    {"LPUSH %L %v", 0, 0},
    {"LPUSH %L %f %f %v", 0, 0},
    {"LPOP %L", 0, 0},
    {"LPOP %L %i", 0, 0},
    {"RPOP %L", 0, 0},
    {"RPOP %L %i", 0, 0},
    {"LLEN %L", 0, 0},
    {"LRANGE %L %i %i", 0, 0},
    {"LRANGE %L 0 -1", 0, 0},
    {"LTRIM %L %i %i", 0, 0},
    {"LTRIM %L -20 -1", 0, 0},
    {"LREM %L %i %f", 0, 0},
    {"LREM %L 0 %f", 0, 0},
    {"LINDEX %L %i", 0, 0},
    {"LPOS %L %f", 0, 0},
    {"SADD %S %f", 0, 0},
    {"SADD %S %f %F %F", 0, 0},
    {"SREM %S %f", 0, 0},
    {"SREM %S %f %F %f", 0, 0},
    {"SISMEMBER %S %f", 0, 0},
    {"SCARD %S", 0, 0},
    {"SMEMBERS %S", 1, 0},
    {"SSCAN %n %c", 0, 0},
    {"ZADD %Z %s %f", 0, 0},
    {"ZADD %Z %s %F %s %F %s %F", 0, 0},
    {"ZADD %Z %z %s %f", 0, 0},
    {"ZADD %Z %z %z %s %f %s %f", 0, 0},
    {"ZADD %Z %z CH %s %f %s %f", 0, 0},
    {"ZREM %Z %f", 0, 0},
    {"ZREM %Z %f %F %f", 0, 0},
    {"ZSCORE %Z %f", 0, 0},
    {"ZCARD %Z", 0, 0},
    {"ZINCRBY %Z %s %f", 0, 0},
    {"ZRANGE %Z %i %i", 0, 0},
    {"ZRANGE %Z 0 -1 WITHSCORES", 0, 0},
    {"ZCOUNT %Z %r %r", 0, 0},
    {"ZRANGEBYSCORE %Z %r %r", 0, 0},
    {"ZRANGEBYSCORE %Z %r %r WITHSCORES LIMIT %i %i", 0, 0},
    {"ZRANGEBYSCORE %Z -inf +inf LIMIT %i %i withscores", 0, 0},
    {"ZREMRANGEBYSCORE %Z %r %r", 0, 0},
};

#define LONG_TEXT "0123456789012345678901234567890123456789012345678901234567890123456789"

/* What replaces a %-word; the letter names the line. Later entries are rarer. */
static const struct material {
    char letter;
    const char *texts[16];
} material[] = {
    {'T', {"t1", "t2", "t3"}},
    {'H', {"h1", "h2"}},
    {'L', {"l1", "l2"}},
    {'S', {"s1", "s2"}},
    {'Z', {"z1", "z2"}},
    {'k', {"t1", "h2", "l2", "s2", "z2", "t2", "h1", "l1", "s1", "z1", "none"}},
    {'n', {"nokey"}},
    {'f', {"a", "b", "c", "d", "e", "1", "2", "", "A", "a b", "x\ny", LONG_TEXT, "\xff\x01"}},
    {'v',
     {"a", "b", "1", "-5", "", "9223372036854775807", "1.5", " 1", "007", "-0", "+1", "1e3", LONG_TEXT,
      "x\r\n"}},
    {'i',
     {"1", "0", "2", "-1", "3", "-2", "10", "-10", "5", "9223372036854775807", "-9223372036854775808",
      "9223372036854775808", "x", "", "1.0", "01"}},
    {'e', {"1000000", "2000000", "3000000", "1000000", "2000000", "9223372036854775807", "-1", "x"}},
    {'s',
     {"1", "2", "3", "1.5", "0", "-1", "1e3", "1700000000123", "0.1", "inf", "-inf", "1e400", "nan", "",
      "x"}},
    {'r', {"1", "2", "(1", "-inf", "+inf", "3", "(2", "0", "1e3", "(inf", "1.5", " 1", "(", "", "x", "nan"}},
    {'c', {"0", "7", "18446744073709551615", "18446744073709551616", " 1", "1x", "x"}},
    {'o', {"NX", "XX", "nx", "xx", "y"}},
    {'z', {"NX", "XX", "GT", "LT", "ch", "nx", "xx", "gt"}},
};

static unsigned long long random_state;
static struct buf what; /* the present command, for messages */

static unsigned pick(unsigned below)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return below > 0 ? (unsigned)(random_state >> 33) % below : 0;
}

static struct str pick_material(char letter)
{
    static char numbered[WORDS_MAX][16];
    static unsigned turn;
    if (letter == 'F') { /* one of many, so that containers grow out of their small form */
        char *text = numbered[turn++ % WORDS_MAX];
        return (struct str){text, (size_t)snprintf(text, sizeof numbered[0], "f%u", pick(400))};
    }
    for (size_t i = 0; i < sizeof material / sizeof *material; i++) {
        if (material[i].letter != letter)
            continue;
        unsigned count = 0;
        while (count < 16 && material[i].texts[count] != NULL)
            count++;
        unsigned a = pick(count), b = pick(count);
        return str_of(material[i].texts[a < b ? a : b]);
    }
    fail_msg("no material for %%%c", letter);
    return (struct str){NULL, 0};
}

static size_t make_command(const struct pattern *p, struct str *words)
{
    struct str rest = str_of(p->words);
    size_t count = 0;
    while (rest.n > 0) {
        struct str word = str_cut(&rest, ' ');
        if (word.p[0] == '%') {
            bool any_key = strchr("THLSZ", word.p[1]) != NULL && pick(30) == 0;
            word = pick_material(any_key ? 'k' : word.p[1]);
        }
        words[count++] = word;
    }
    if (pick(50) == 0 && count > 1) /* a word is missing, or there is one too many */
        count--;
    else if (pick(50) == 0)
        words[count++] = STR("extra");
    return count;
}

static void describe(size_t number, const struct str *words, size_t count)
{
    buf_clear(&what);
    buf_add_fmt(&what, "command %zu:", number);
    for (size_t i = 0; i < count; i++) {
        buf_add_text(&what, " ");
        buf_add_json(&what, words[i]);
    }
}

/* Everything that is there, by walks of small pages. */
static void look_at_everything(struct twins *t)
{
    static const struct {
        struct str command, key, step;
    } walks[] = {
        {STR("SCAN"), {NULL, 0}, STR("1")},  {STR("HSCAN"), STR("h1"), STR("2")},
        {STR("HSCAN"), STR("h2"), STR("2")}, {STR("SSCAN"), STR("s1"), STR("1")},
        {STR("SSCAN"), STR("s2"), STR("1")},
    };
    for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
        struct str args[] = {walks[i].command, STR("3"), walks[i].step};
        twins_run(t, &walk, &walks[i].key, walks[i].key.n > 0, args, 3,
                  (struct twins_how){.what = "a whole walk"});
    }
}

static void answers_are_alike(void **state)
{
    struct twins *t = *state;
    const char *given = getenv("SEED");
    unsigned long long seed = given != NULL ? strtoull(given, NULL, 10) : (unsigned long long)time(NULL);
    random_state = seed;
    print_message("SEED=%llu\n", seed);
    for (size_t i = 0; i < COMMANDS; i++) {
        struct str words[WORDS_MAX];
        const struct pattern *p = &patterns[pick(sizeof patterns / sizeof *patterns)];
        size_t count = make_command(p, words);
        describe(i, words, count);
        twins_run(t, &any, NULL, 0, words, count, (struct twins_how){(size_t)p->group, p->slack, what.data});
        if (i % FULL_LOOK_EVERY == 0)
            look_at_everything(t);
    }
    look_at_everything(t);
    twins_good(t);
    print_message("%zu answers, %zu of them errors\n", twins_answers(t), twins_errors(t));
    assert_true(twins_answers(t) >= COMMANDS && twins_errors(t) < COMMANDS / 3);
}

static int close_all(void **state)
{
    buf_close(&what);
    return twins_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_are_alike, twins_open, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
