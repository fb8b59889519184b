/* The table `redis` that scripts see: the way from Lua to the store. */
#ifndef MATCHMAKING_LUA_REDIS_H
#define MATCHMAKING_LUA_REDIS_H

#include <lua.h>
#include "matchmaking/answer.h"

struct store;

/* What redis.call works with; lives as long as the Lua state. Nothing here is held by a Lua value, so an
 * error that leaves a C function half-way (Lua jumps) leaks nothing. */
struct lua_redis {
    struct store *store;  /* borrowed */
    struct answer answer; /* of the present command */
    struct str *args;     /* of the present command; owned array of borrowed texts */
    size_t args_cap;
};

void lua_redis_push(lua_State *L, struct lua_redis *r); /* pushes a new table; r must outlive the state */
void lua_redis_close(struct lua_redis *r);              /* after lua_close */

#endif
