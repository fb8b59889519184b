/* redis.call and its kin: Lua arguments to a store command, its answer back to Lua. */
#include "matchmaking/lua_redis.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include "common/log.h"
#include "common/mem.h"
#include "matchmaking/lua_values.h"
#include "matchmaking/store.h"

static struct lua_redis *self_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* Redis prints the numbers of a command itself, since Lua would round them to 14 digits. */
static void number_to_text(lua_State *L, int index)
{
    char digits[32];
    lua_Number number = lua_tonumber(L, index);
    bool plain =
        fabs(number) >= 1 && fabs(number) < 1e15 && number == floor(number); /* the usual case, quicker */
    size_t n = plain ? str_from_int(digits, (int64_t)number)
                     : (size_t)snprintf(digits, sizeof digits, "%.17g", number);
    lua_pushlstring(L, digits, n);
    lua_replace(L, index);
}

/* The Lua arguments as texts; they stay on the stack, which keeps them alive. false: an error value was
 * pushed. */
static bool gather(lua_State *L, struct lua_redis *r)
{
    int count = lua_gettop(L);
    if (count == 0) {
        lua_values_push_error(L, STR("ERR Please specify at least one argument for this redis lib call"));
        return false;
    }
    if ((size_t)count > r->args_cap) {
        r->args = mem_resize(r->args, (size_t)count * sizeof *r->args);
        r->args_cap = (size_t)count;
    }
    for (int i = 1; i <= count; i++) {
        if (lua_type(L, i) == LUA_TNUMBER)
            number_to_text(L, i);
        if (lua_type(L, i) != LUA_TSTRING) {
            lua_values_push_error(L, STR("ERR Lua redis lib command arguments must be strings or integers"));
            return false;
        }
        r->args[i - 1].p = lua_tolstring(L, i, &r->args[i - 1].n);
    }
    return true;
}

/* Pushes the command's answer; false if it is an error. */
static bool run_command(lua_State *L)
{
    struct lua_redis *r = self_of(L);
    size_t count = (size_t)lua_gettop(L);
    if (!gather(L, r))
        return false;
    answer_clear(&r->answer);
    store_call(r->store, r->args, count, &r->answer);
    lua_values_push(L, &r->answer);
    return r->answer.items[0].type != ANSWER_ERROR;
}

static int redis_call(lua_State *L)
{
    return run_command(L) ? 1 : lua_error(L);
}

static int redis_pcall(lua_State *L)
{
    run_command(L);
    return 1;
}

/* false: an error value was pushed (pushed, not raised: so does Redis). */
static bool one_string(lua_State *L)
{
    if (lua_gettop(L) == 1 && lua_type(L, 1) == LUA_TSTRING)
        return true;
    lua_values_push_error(L, STR("ERR wrong number or type of arguments"));
    return false;
}

static int redis_status_reply(lua_State *L)
{
    if (!one_string(L))
        return 1;
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "ok");
    return 1;
}

/* "CODE text" and "-CODE text" keep their code; a single word is the text of a plain ERR. */
static int redis_error_reply(lua_State *L)
{
    if (!one_string(L))
        return 1;
    const char *text = lua_tostring(L, 1);
    if (*text == '-')
        text++;
    lua_pushfstring(L, strchr(text, ' ') != NULL ? "%s" : "ERR %s", text);
    size_t n;
    const char *message = lua_tolstring(L, -1, &n);
    while (n > 0 && (message[n - 1] == '\r' || message[n - 1] == '\n'))
        n--;
    lua_values_push_error(L, (struct str){message, n});
    return 1;
}

static int raise(lua_State *L, struct str message)
{
    lua_values_push_error(L, message);
    return lua_error(L);
}

static int redis_log(lua_State *L)
{
    static const enum log_level levels[] = {LOG_DEBUG, LOG_DEBUG, LOG_INFO, LOG_WARN};
    int count = lua_gettop(L);
    if (count < 2)
        return raise(L, STR("ERR redis.log() requires two arguments or more."));
    if (!lua_isnumber(L, 1))
        return raise(L, STR("ERR First argument must be a number (log level)."));
    lua_Number level = lua_tonumber(L, 1);
    if (!(level >= 0 && level <= 3))
        return raise(L, STR("ERR Invalid log level."));
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (int i = 2; i <= count; i++) {
        size_t n;
        const char *part = lua_tolstring(L, i, &n);
        if (i > 2)
            luaL_addchar(&text, ' ');
        luaL_addlstring(&text, part != NULL ? part : "", part != NULL ? n : 0);
    }
    luaL_pushresult(&text);
    log_limited(levels[(int)level], "script.log", KV("text", lua_tostring(L, -1)));
    return 0;
}

void lua_redis_push(lua_State *L, struct lua_redis *r)
{
    static const luaL_Reg functions[] = {
        {"call", redis_call},
        {"pcall", redis_pcall},
        {"status_reply", redis_status_reply},
        {"error_reply", redis_error_reply},
        {"log", redis_log},
    };
    static const char *const levels[] = {"LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        lua_pushlightuserdata(L, r);
        lua_pushcclosure(L, functions[i].func, 1);
        lua_setfield(L, -2, functions[i].name);
    }
    for (int i = 0; i < 4; i++) {
        lua_pushinteger(L, i);
        lua_setfield(L, -2, levels[i]);
    }
}

void lua_redis_close(struct lua_redis *r)
{
    answer_close(&r->answer);
    mem_free(r->args);
    *r = (struct lua_redis){0};
}
