/* What a script can name: a short list of functions, in tables that it cannot change. */
#ifndef MATCHMAKING_LUA_SANDBOX_H
#define MATCHMAKING_LUA_SANDBOX_H

#include <lua.h>

/* Replaces the globals of a fresh state. Expects the table `redis` on top of the stack and takes it. Chunks
 * loaded afterwards live in the sandbox. */
void lua_sandbox_open(lua_State *L);
/* Sets a global (KEYS, ARGV) to the value on top of the stack and takes it. */
void lua_sandbox_set(lua_State *L, const char *name);

#endif
