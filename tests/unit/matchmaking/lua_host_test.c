/* Tests of the embedded Lua: values across the border, the sandbox, errors, limits. */
#include "common/mem.h"
#include "matchmaking/lua_host.h"
#include "matchmaking/store.h"
#include "tests/lib/render.h"
#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Runs the text with KEYS = {"k1", "k2"} and ARGV = {"a1", "7"} in a fresh host, rendered into text. */
static void run(struct store_world *w, const char *code, struct buf *text)
{
    const struct str keys[] = {STR("k1"), STR("k2")}, args[] = {STR("a1"), STR("7")};
    struct script script = {.name = "test", .text = code, .text_bytes = strlen(code)};
    struct lua_host *host = lua_host_new(w->store);
    struct answer answer = {0};
    lua_host_run(host, &script, keys, 2, args, 2, &answer);
    struct reply *reply = answer_tree(&answer);
    render_reply(text, reply);
    mem_free(reply);
    answer_close(&answer);
    lua_host_free(host);
}

static void expect(struct store_world *w, const char *code, const char *expected)
{
    struct buf text = {0};
    run(w, code, &text);
    if (strcmp(text.data, expected) != 0)
        fail_msg("%s\n  answers  %s\n  expected %s", code, text.data, expected);
    buf_close(&text);
}

static void expect_part(struct store_world *w, const char *code, const char *part)
{
    struct buf text = {0};
    run(w, code, &text);
    if (strstr(text.data, part) == NULL)
        fail_msg("%s\n  answers  %s\n  expected %s somewhere", code, text.data, part);
    buf_close(&text);
}

static void values_out(void **state)
{
    struct store_world *w = *state;
    expect(w, "return", "nil");
    expect(w, "return nil", "nil");
    expect(w, "return false", "nil");
    expect(w, "return true", "1");
    expect(w, "return 3.99", "3");
    expect(w, "return -3.99", "-3");
    expect(w, "return 1e300", "-9223372036854775808");
    expect(w, "return 0/0", "-9223372036854775808");
    expect(w, "return 'a\\0b'", "\"a\\x00b\"");
    expect(w, "return {1, 'x', {2, {}}, false, true, nil, 9}", "[1, \"x\", [2, []], nil, 1]");
    expect(w, "return {ok = 'FINE\\n'}", "\"FINE \"");
    expect(w, "return {err = 'MY fault\\r\\nhere'}", "MY fault  here");
    expect(w, "return {1, {err = 'X y'}, {ok = 'z'}}", "[1, X y, \"z\"]");
    expect(w, "return {x = 1, 5}", "[5]");
    expect(w, "return {function() end, 5}", "[nil, 5]");
    expect(w, "return 1, 2", "1");
    expect(w, "return {KEYS, ARGV, #KEYS}", "[[\"k1\", \"k2\"], [\"a1\", \"7\"], 2]");
    expect(w, "return {{{{{{{}}}}}}}", "[[[[[[[]]]]]]]");
    expect(w, "return {{{{{{{{}}}}}}}}", "ERR reached lua stack limit");
    expect(w, "local t = {} t[1] = t return t", "ERR reached lua stack limit");
}

static void values_in(void **state)
{
    struct store_world *w = *state;
    expect(w, "return type(redis.call('GET', 'none'))", "\"boolean\"");
    expect(w, "return redis.call('SET', 'a', 'x').ok", "\"OK\"");
    expect(w, "return redis.call('GET', 'a')", "\"x\"");
    expect(w, "return redis.call('TYPE', 'a').ok", "\"string\"");
    expect(w, "return type(redis.call('INCR', 'n'))", "\"number\"");
    expect(w, "redis.call('HSET', 'h', 'f', 1) return redis.call('HMGET', 'h', 'f', 'g')", "[\"1\", nil]");
    expect(w, "return redis.call('LPOP', 'none', 2) == false", "1");
    expect(w, "return redis.call('HSCAN', 'h', '0')", "[\"0\", [\"f\", \"1\"]]");
    expect(w, "return redis.pcall('INCR', 'h').err",
           "\"WRONGTYPE Operation against a key holding the wrong kind of value\"");
    expect(w, "return redis.call('TIME')", "[\"1700000000\", \"123456\"]");
    expect(
        w, "redis.call('RPUSH', 'l', 3, 3.3, 1e15, 2^53, -0.5, 1e17) return redis.call('LRANGE', 'l', 0, -1)",
        "[\"3\", \"3.2999999999999998\", \"1000000000000000\", \"9007199254740992\", \"-0.5\", \"1e+17\"]");
    expect(w, "return redis.call('PUBLISH', 'c', 'm')", "3");
}

static void replies_made_by_scripts(void **state)
{
    struct store_world *w = *state;
    expect(w, "return redis.status_reply('YES')", "\"YES\"");
    expect(w, "return redis.error_reply('CODE text')", "CODE text");
    expect(w, "return redis.error_reply('-CODE text')", "CODE text");
    expect(w, "return redis.error_reply('word')", "ERR word");
    expect(w, "return redis.error_reply('')", "ERR ");
    expect(w, "return redis.error_reply(3)", "ERR wrong number or type of arguments");
    expect(w, "return redis.status_reply('a', 'b')", "ERR wrong number or type of arguments");
    expect(w, "redis.log(redis.LOG_DEBUG, 'quiet', 1) return redis.LOG_WARNING", "3");
    expect_part(w, "redis.log('one', 'x')", "ERR First argument must be a number (log level).");
    expect_part(w, "redis.log(4, 'x')", "ERR Invalid log level.");
    expect_part(w, "redis.log(1)", "ERR redis.log() requires two arguments or more.");
}

static void errors(void **state)
{
    struct store_world *w = *state;
    expect(w, "#!lua\nredis.call('SET', 'a', 1)\nredis.call('HGET', 'a', 'f')\nredis.call('SET', 'a', 2)",
           "WRONGTYPE Operation against a key holding the wrong kind of value script: test, on @test:3.");
    store_world_expect(w, "GET a", "\"1\""); /* stopped there, and nothing was taken back */
    expect(w, "return redis.call('NOSUCH')",
           "ERR Unknown Redis command called from script: 'NOSUCH' script: test, on @test:1.");
    expect(w, "return redis.call()",
           "ERR Please specify at least one argument for this redis lib call script: test, on @test:1.");
    expect(w, "return redis.call('GET', {})",
           "ERR Lua redis lib command arguments must be strings or integers script: test, on @test:1.");
    expect(w, "return redis.pcall('GET')", "ERR Wrong number of args calling Redis command from script");
    expect(w, "\nlocal function f() return nil + 1 end\nf()",
           "ERR test:2: attempt to perform arithmetic on a nil value script: test, on @test:2.");
    expect(w, "error('x')", "ERR test:1: x script: test, on @test:1.");
    expect(w, "error({err = 'FOO x'})", "FOO x script: test, on @test:1.");
    expect(w, "error({})", "ERR unknown error script: test, on @test:1.");
    expect(w, "error()", "ERR nil script: test, on @test:1.");
    expect_part(w, "return syntax error", "ERR Error compiling script (new function): test:1:");
    /* pcall gives the error as a text, not as the table that was raised. */
    expect(w, "return {pcall(redis.call, 'INCR')}",
           "[nil, \"ERR Wrong number of args calling Redis command from script\"]");
    expect(w, "return {pcall(function(a, b) return a + b, a end, 3, 4)}", "[1, 7, 3]");
    expect(w, "return {xpcall(error, function() return 'handled' end)}", "[nil, \"handled\"]");
}

static void sandbox(void **state)
{
    struct store_world *w = *state;
    static const char *const unknown[] = {"print",   "load",      "loadstring", "dofile",         "require",
                                          "io",      "os",        "debug",      "rawset",         "setfenv",
                                          "getfenv", "coroutine", "newproxy",   "collectgarbage", "package",
                                          "module",  "loadfile"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct buf code = {0}, message = {0};
        buf_add_fmt(&code, "return %s", unknown[i]);
        buf_add_fmt(&message, "Script attempted to access nonexistent global variable '%s'", unknown[i]);
        expect_part(w, code.data, message.data);
        buf_close(&code);
        buf_close(&message);
    }
    static const char *const writes[] = {"x = 1",       "string = {}",      "string.upper = 1", "_G.x = 1",
                                         "redis.x = 1", "math.floor = nil", "KEYS = {}"};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        expect_part(w, writes[i], "Attempt to modify a readonly table");
    expect_part(w, "setmetatable(_G, {})", "protected metatable");
    expect_part(w, "setmetatable(string, nil)", "protected metatable");
    expect(w, "return {getmetatable(_G) == false, getmetatable('') == false}", "[1, 1]");
    expect(w, "return {string.dump or 1, ('').dump or 1, math.random or 1}", "[1, 1, 1]");
    expect(
        w,
        "return ('x'):rep(3) .. table.concat({1, 2}, ',') .. math.floor(2.5) .. select('#', unpack({1, 2}))",
        "\"xxx1,222\"");
    expect(w, "local t = setmetatable({}, {__index = function() return 5 end}) return t.x", "5");
}

static void read_only_scripts(void **state)
{
    struct store_world *w = *state;
    const char *refused =
        "ERR Write commands are not allowed from read-only scripts. script: test, on @test:2.";
    expect(w, "#!lua flags=no-writes\nreturn redis.call('SET', 'a', 1)", refused);
    expect(w, "#!lua flags=allow-oom,no-writes\nreturn redis.call('PUBLISH', 'a', 1)", refused);
    expect(w, "#!lua flags=no-writes\nreturn redis.call('GET', 'a')", "nil");
    expect(w, "#!lua flags=allow-oom\nreturn redis.call('INCR', 'a')", "1");
    expect(w, "#!lua name=x flags=no-write\nreturn 1", "ERR Unexpected flag in script shebang: no-write");
    expect(w, "#!lua", "nil");
}

/* Nothing of one run is there in the next, and a script compiled once works again with other arguments. */
static void runs_are_separate(void **state)
{
    struct store_world *w = *state;
    const char *code =
        "#!lua\nlocal seen = KEYS.seen KEYS.seen = true\nreturn {seen == nil, KEYS[1], ARGV[1]}";
    struct script script = {.name = "twice", .text = code, .text_bytes = strlen(code)};
    struct lua_host *host = lua_host_new(w->store);
    struct answer answer = {0};
    for (int i = 0; i < 2; i++) {
        struct str key = i ? STR("x") : STR("y");
        struct buf text = {0};
        lua_host_run(host, &script, &key, 1, NULL, 0, &answer);
        struct reply *reply = answer_tree(&answer);
        render_reply(&text, reply);
        assert_string_equal(text.data, i ? "[1, \"x\"]" : "[1, \"y\"]");
        mem_free(reply);
        buf_close(&text);
    }
    answer_close(&answer);
    lua_host_free(host);
}

static void limits(void **state)
{
    struct store_world *w = *state;
    expect_part(w, "while true do end", "stopped after 50000000 instructions");
    expect_part(w, "while true do pcall(function() while true do end end) end",
                "stopped after 50000000 instructions");
    expect_part(w, "local t = {} while true do t[#t + 1] = ('x'):rep(1000000) .. #t end",
                "not enough memory");
    expect_part(w, "local function f() return 1 + f() end return f()", "stack overflow");
    expect(w, "return 1", "1");
}

/* Thousands of runs leave Lua's memory where it was. */
static void memory_is_bounded(void **state)
{
    struct store_world *w = *state;
    const char *code = "#!lua\nlocal t = {} for i = 1, 200 do t[i] = ARGV[1] .. i end return t";
    struct script script = {.name = "garbage", .text = code, .text_bytes = strlen(code)};
    struct lua_host *host = lua_host_new(w->store);
    struct answer answer = {0};
    size_t most = 0;
    for (int i = 0; i < 3000; i++) {
        struct buf arg = {0};
        buf_add_fmt(&arg, "argument %d", i);
        struct str text = buf_str(&arg);
        lua_host_run(host, &script, NULL, 0, &text, 1, &answer);
        assert_int_equal(answer.count, 201);
        buf_close(&arg);
        most = lua_host_bytes(host) > most ? lua_host_bytes(host) : most;
    }
    assert_true(most < 1024 * 1024);
    answer_close(&answer);
    lua_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_out, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(values_in, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(replies_made_by_scripts, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(errors, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(sandbox, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(read_only_scripts, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(runs_are_separate, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(limits, store_world_open, store_world_close),
        cmocka_unit_test_setup_teardown(memory_is_bounded, store_world_open, store_world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
