/* Memory for Lua's small values: strings, tables, closures by the thousand in every script.
 *
 * Lua tells the size of a block when it gives it back, so a free list per size is all that is needed; nothing
 * is searched and nothing is written beside the block. A request for more than ARENA_SMALL_BYTES, and any
 * request once the arena is full, goes to mem.h. */
#ifndef MATCHMAKING_LUA_ARENA_H
#define MATCHMAKING_LUA_ARENA_H

#include <stddef.h>

enum {
    LUA_ARENA_SMALL_BYTES = 256,      /* larger blocks come from mem.h */
    LUA_ARENA_STEP = 16,              /* sizes are rounded up to multiples of it */
    LUA_ARENA_BYTES = 4 * 1024 * 1024 /* of address space; memory only as far as it was ever used */
};

/* = {0} is an arena without memory: the first small block brings it. */
struct lua_arena {
    char *start;                                         /* owned; NULL before the first block */
    size_t used;                                         /* bytes from start that have ever been given out */
    void *spare[LUA_ARENA_SMALL_BYTES / LUA_ARENA_STEP]; /* lists of blocks that were given back, by size */
};

void lua_arena_close(struct lua_arena *a); /* all blocks must have been given back */

/* As realloc: old is NULL (and old_bytes 0), or a block of old_bytes from here; new_bytes 0 gives it back and
 * returns NULL. Never fails otherwise. */
void *lua_arena_resize(struct lua_arena *a, void *old, size_t old_bytes, size_t new_bytes);

#endif
