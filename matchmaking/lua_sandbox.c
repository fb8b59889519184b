/* Builds the globals of the scripts: only what is harmless and the same in Redis, and nothing that outlives a
 * run.
 *
 * All scripts share one Lua state, so whatever one could change the next would see. Each table in reach is
 * therefore an empty stand-in: reads go through __index to the real table, writes hit __newindex and fail,
 * and the metatable is sealed. The real table of globals has an __index of its own, which turns a misspelt
 * name into an error. What could get around that (rawset, setfenv, ...) is not on the list. */
#include "matchmaking/lua_sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

static const char globals_key; /* its address names the real table of globals in the registry */

static const char *const base_functions[] = {"assert",   "error",  "getmetatable", "ipairs", "next",
                                             "pairs",    "rawget", "rawequal",     "select", "setmetatable",
                                             "tonumber", "type",   "tostring",     "unpack", "xpcall",
                                             "_VERSION", NULL};

/* Libraries, and what is left out of them: bytecode, and randomness that differs from Redis'. */
static const struct {
    const char *name;
    lua_CFunction open;
    const char *left_out[3];
} libraries[] = {
    {LUA_STRLIBNAME, luaopen_string, {"dump", NULL}},
    {LUA_TABLIBNAME, luaopen_table, {NULL}},
    {LUA_MATHLIBNAME, luaopen_math, {"random", "randomseed", NULL}},
};

static int refuse_write(lua_State *L)
{
    return luaL_error(L, "Attempt to modify a readonly table");
}

static int refuse_unknown(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    return luaL_error(L, "Script attempted to access nonexistent global variable '%s'", name);
}

/* pcall as Redis has it: an error value {err=text} reaches the script as its text. */
static int pcall_text(lua_State *L)
{
    luaL_checkany(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    if (status != 0 && lua_istable(L, -1)) {
        lua_getfield(L, -1, "err");
        if (lua_isstring(L, -1))
            lua_replace(L, -2);
        else
            lua_pop(L, 1);
    }
    lua_pushboolean(L, status == 0);
    lua_insert(L, 1);
    return lua_gettop(L);
}

/* Replaces the table on top by a stand-in that shows it and cannot be changed. */
static void seal(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

/* The table of globals is on top here and in the functions below. */
static void add_base(lua_State *L)
{
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 0);
    for (const char *const *name = base_functions; *name != NULL; name++) {
        lua_getglobal(L, *name);
        lua_setfield(L, -2, *name);
    }
    lua_pushcfunction(L, pcall_text);
    lua_setfield(L, -2, "pcall");
}

static void add_libraries(lua_State *L)
{
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        lua_pushcfunction(L, libraries[i].open);
        lua_pushstring(L, libraries[i].name);
        lua_call(L, 1, 0);
        lua_getglobal(L, libraries[i].name);
        for (const char *const *name = libraries[i].left_out; *name != NULL; name++) {
            lua_pushnil(L);
            lua_setfield(L, -2, *name);
        }
        seal(L);
        lua_setfield(L, -2, libraries[i].name);
    }
    /* ("x"):upper() goes through the metatable of strings, which opening the library has set. */
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

static void refuse_unknown_names(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, refuse_unknown);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

void lua_sandbox_open(lua_State *L)
{
    seal(L);
    lua_newtable(L);
    lua_insert(L, -2);
    lua_setfield(L, -2, "redis");
    add_base(L);
    add_libraries(L);
    lua_pushlightuserdata(L, (void *)(size_t)&globals_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, -1);
    seal(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "_G");
    lua_replace(L, LUA_GLOBALSINDEX);
    refuse_unknown_names(L);
    lua_pop(L, 1);
}

void lua_sandbox_set(lua_State *L, const char *name)
{
    lua_pushlightuserdata(L, (void *)(size_t)&globals_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_insert(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}
