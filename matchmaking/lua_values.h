/* The border between Lua values and answers, with Redis' rules (lua_host.h lists them). */
#ifndef MATCHMAKING_LUA_VALUES_H
#define MATCHMAKING_LUA_VALUES_H

#include <lua.h>
#include "matchmaking/answer.h"

/* Arrays within arrays in an answer: hiredis, behind the other back end, reads no deeper. */
enum { LUA_VALUES_DEPTH_MAX = 7 };

/* Pushes the one value that `a` holds. May raise a Lua error (memory). */
void lua_values_push(lua_State *L, const struct answer *a);
/* Appends what the value on top of the stack means as an answer; false: it is nested too deeply, and what was
 * appended is of no use. */
bool lua_values_answer(lua_State *L, struct answer *out);
/* Pushes {err = message}: what a failed command is inside a script. */
void lua_values_push_error(lua_State *L, struct str message);

#endif
