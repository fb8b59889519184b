/* Runs our Lua scripts over a store as Redis 7.0 runs them over its keyspace.
 *
 * A script sees KEYS, ARGV and `redis` (call, pcall, error_reply, status_reply, log, LOG_*), the tables
 * string, table and math, and the harmless basic functions. It does not see load, loadstring, dofile,
 * require, print, io, os, coroutine, random numbers, cjson and whatever else Redis may offer: a script that
 * uses them fails here at once. Reading an undefined global and writing any global is an error, as in Redis.
 * A first line `#!lua flags=no-writes` makes it read-only.
 *
 * Values cross the border as in Redis: number -> integer (cut, not rounded), true -> 1, false and nil -> nil,
 * a table ends at its first nil, {ok=} is a status, {err=} an error; nil replies are false inside Lua.
 * Answers nest at most LUA_VALUES_DEPTH_MAX deep, because the client library of the other back end reads no
 * deeper.
 *
 * A script that fails stops where it is: what it did stays done. The answer is then one error, beginning with
 * the code word and ending with the place: "WRONGTYPE Operation ... script: join, on @join:12." */
#ifndef MATCHMAKING_LUA_HOST_H
#define MATCHMAKING_LUA_HOST_H

#include "common/redis/script.h"
#include "matchmaking/answer.h"

enum {
    LUA_HOST_INSTRUCTIONS_MAX = 50 * 1000 * 1000, /* a script is stopped after so many VM instructions */
    LUA_HOST_BYTES_MAX = 256 * 1024 * 1024 /* what all Lua values together may take; then scripts fail */
};

struct lua_host;
struct store;

struct lua_host *lua_host_new(struct store *s); /* s is borrowed for life */
void lua_host_free(struct lua_host *h);         /* NULL is fine */

/* Runs the script as one atomic unit (store_begin is called); what is in `out` is replaced by exactly one
 * value. Compiled once: script must live as long as the host. Not to be called from the store's publish
 * function. */
void lua_host_run(struct lua_host *h, const struct script *script, const struct str *keys, size_t key_count,
                  const struct str *args, size_t arg_count, struct answer *out);

size_t lua_host_bytes(const struct lua_host *h); /* memory Lua holds at present */

#endif
