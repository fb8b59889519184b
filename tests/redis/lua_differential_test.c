/* Scripts at the border of what is allowed, given to Redis and to the embedded Lua: the same answers, word
 * for word. */
#include "tests/lib/twins.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Each runs with KEYS = {"k1", "k2"}, ARGV = {"a1", "7"}, on what the ones before have left. Those whose
 * error text names the command or an address, which differ on purpose or by nature, are in the unit tests
 * instead. */
static const char *const texts[] = {
    /* what comes out */
    "return",
    "return nil",
    "return false",
    "return true",
    "return 3.99",
    "return -3.99",
    "return 1e300",
    "return -1e300",
    "return 0/0",
    "return 2^53",
    "return 'a\\0b'",
    "return {1, 'x', {2, {}}, false, true, nil, 9}",
    "return {ok = 'FINE\\n'}",
    "return {ok = 'FINE', err = 'X y'}",
    "return {err = 'MY fault\\r\\nhere'}",
    "return {err = 'word'}",
    "return {1, {err = 'X y'}, {ok = 'z'}}",
    "return {x = 1, 5}",
    "return {function() end, 5}",
    "return function() end",
    "return 1, 2",
    "return {KEYS, ARGV, #KEYS, #ARGV}",
    "return {{{{{{{}}}}}}}",
    "return setmetatable({}, {__index = {err = 'X y'}})",
    "return setmetatable({}, {__index = {7, 8}})",
    "return tostring(1e15) .. 1e15 .. 3.3 .. tostring(2^63)",
    "return {tonumber('0x10'), tonumber('z', 36), tostring(nil), type(nil)}",
    /* what comes in */
    "return {type(redis.call('GET', 'none')), type(redis.call('INCR', 'n'))}",
    "return redis.call('SET', 'a', 'x').ok",
    "return redis.call('GET', KEYS[1])",
    "return redis.call('SET', KEYS[1], ARGV[2])",
    "return redis.call('INCR', KEYS[1])",
    "redis.call('HSET', 'h', 'f', 1) return redis.call('HMGET', 'h', 'f', 'g')",
    "return redis.call('LPOP', 'none', 2) == false",
    "return #redis.call('LRANGE', 'none', 0, -1)",
    "return redis.pcall('INCR', 'h').err",
    "return redis.pcall('INCR', 'h')",
    ("redis.call('RPUSH', 'l', 3.3, 1e15, 2^53, -0.5, 0, -0.0 * 1, -1, 999999999999999, -1e15, "
     "1700000000123, "
     "1e17, 1/3) return redis.call('LRANGE', 'l', 0, -1)"),
    "redis.call('ZADD', 'z', 1e17, 'a', 3.3, 'b', 2^60, 'c', 1e15 + 0.5, 'd', 1/0, 'e', 1e22, 'f')",
    "redis.call('ZADD', 'z', 0.1 + 0.2, 'g') return redis.call('ZRANGE', 'z', 0, -1, 'WITHSCORES')",
    "return {redis.call('ZINCRBY', 'z', 1, 'a'), redis.call('ZSCORE', 'z', 'c')}",
    "return redis.call('SET', 'a', 1/0)",
    "return redis.call('GET', 'a')",
    /* replies made by scripts */
    "return redis.status_reply('YES')",
    "return redis.status_reply('')",
    "return redis.error_reply('CODE text')",
    "return redis.error_reply('-CODE text')",
    "return redis.error_reply('word')",
    "return redis.error_reply('-word')",
    "return redis.error_reply('')",
    "return redis.error_reply('a b\\r\\n')",
    "return redis.error_reply(3)",
    "return redis.error_reply('a', 'b')",
    "return redis.status_reply()",
    "return {redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE, redis.LOG_WARNING}",
    "return redis.log(1)",
    "return redis.log('1', 'x')",
    /* errors and where they are */
    "return redis.call('HGET', 'l', 'f')",
    "local x = 1\nlocal y = redis.call('HGET', 'l', 'f')\nreturn x",
    "\n\nlocal function f()\n  redis.call('GET')\nend\n\nf()",
    "return redis.pcall('GET')",
    "return redis.call()",
    "return redis.pcall()",
    "return redis.call('GET', {})",
    "return redis.call('GET', true)",
    "return redis.call('GET', nil)",
    "return redis.call('EXPIRE', 'a', 'x')",
    "error('x')",
    "error('x', 0)",
    "error({err = 'FOO x'})",
    "error({err = 'word'})",
    "error()",
    "error(redis.error_reply('MINE here'))",
    "return nil + 1",
    "return {} .. ''",
    "return ('x')()",
    "return #nil",
    "local t = nil\nreturn t.x",
    "return undefined_name",
    "return _G.undefined_name",
    "return _G.undefined_name == nil",
    "x = 1",
    "_G.x = 1",
    "function f() end",
    "string.x = 1",
    "string = nil",
    "KEYS = {}",
    "KEYS[3] = 'x' return KEYS",
    "table.x = 1",
    "redis.x = 1",
    "redis.call = nil",
    "syntax error",
    "return 'unfinished",
    "return string.format('%d', 'x')",
    "return ('x'):rep(-1)",
    "assert(false)",
    "assert(nil, 'said so')",
    "return assert(3, 4)",
    "return {pcall(redis.call, 'INCR')}",
    "return {pcall(error, {err = 'E x'})}",
    "return {pcall(error, 'text')}",
    "return {pcall(function() error('here') end)}",
    "return {pcall(function() return nil + 1 end)}",
    "return {pcall(function(a, b) return a + b, a end, 3, 4)}",
    "return {xpcall(error, function() return 'handled' end)}",
    "return {xpcall(function() return 1, 2 end, function() return 'handled' end)}",
    "local ok, e = pcall(redis.call, 'INCR')\nerror(e)",
    "local ok, e = pcall(redis.call, 'INCR')\nreturn redis.error_reply(e)",
    /* libraries */
    "return {string.format('%5.1f|%s|%q|%x', 3.14159, 'a', 'b\"', 255)}",
    "return {('a,b,,c'):gsub(',', ';')}",
    "local o = {} for w in string.gmatch('one two  three', '%S+') do o[#o + 1] = w end return o",
    "return {string.find('hello', 'l+')}",
    "return {('hello'):byte(1, -1)}",
    "return {math.floor(-2.5), math.ceil(-2.5), math.max(1, 5, 3), math.fmod(7, 3), math.huge}",
    "local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) table.insert(t, 9) return t",
    "return table.concat({1, 2.5, 'x'}, '-')",
    "return {select('#', unpack({1, nil, 3}, 1, 3)), select(-1, 1, 2)}",
    "return {rawget({5}, 1), rawequal('a', 'a')}",
    "local o = {} for i, v in ipairs({5, 6, nil, 7}) do o[i] = v end return o",
    "return next({})",
    "return {tostring(setmetatable({}, {__tostring = function() return 'mine' end}))}",
    /* the first line */
    "#!lua\nreturn 1",
    "#!lua flags=no-writes\nreturn redis.call('SET', 'a', 1)",
    "#!lua flags=no-writes\nreturn redis.call('PUBLISH', 'a', 1)",
    "#!lua flags=no-writes\nreturn redis.call('GET', 'a')",
    "#!lua flags=no-writes,allow-oom\nreturn redis.call('DEL', 'a')",
    "#!lua flags=allow-oom\n\nreturn redis.call('HGET', 'l', 'f')",
    "#!lua flags=no-write\nreturn 1",
    "#!lua flags=\nreturn 1",
    /* nothing is taken back, nothing else was done */
    "redis.call('SET', 'half', 1) redis.call('HGET', 'l', 'f') redis.call('SET', 'half', 2)",
    "return redis.call('GET', 'half')",
    "return redis.call('DBSIZE')",
};

static void scripts_answer_alike(void **state)
{
    enum { COUNT = sizeof texts / sizeof *texts };
    static struct script scripts[COUNT];
    const struct str keys[] = {STR("k1"), STR("k2")}, args[] = {STR("a1"), STR("7")};
    for (size_t i = 0; i < COUNT; i++) {
        scripts[i] = (struct script){.name = "user_script", .text = texts[i], .text_bytes = strlen(texts[i])};
        twins_run(*state, &scripts[i], keys, 2, args, 2, (struct twins_how){.what = texts[i]});
    }
    twins_good(*state);
    assert_int_equal(twins_answers(*state), COUNT);
    assert_in_range(twins_errors(*state), 20, 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scripts_answer_alike, twins_open, twins_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
