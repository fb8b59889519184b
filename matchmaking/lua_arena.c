/* Hands out small blocks from one stretch of memory, and takes them back into lists by size. */
#include "matchmaking/lua_arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "common/mem.h"

/* A block that was given back: its first bytes point to the next one of its size. */
struct spare {
    struct spare *next;
};

static size_t class_of(size_t bytes)
{
    return (bytes - 1) / LUA_ARENA_STEP;
}

static bool is_ours(const struct lua_arena *a, const void *block)
{
    uintptr_t at = (uintptr_t)block, start = (uintptr_t)a->start;
    return a->start != NULL && at >= start && at < start + LUA_ARENA_BYTES;
}

/* NULL: not a small one, or the arena is full. */
static void *take(struct lua_arena *a, size_t bytes)
{
    if (bytes > LUA_ARENA_SMALL_BYTES)
        return NULL;
    size_t class = class_of(bytes), size = (class + 1) * LUA_ARENA_STEP;
    struct spare *block = a->spare[class];
    if (block != NULL) {
        a->spare[class] = block->next;
        return block;
    }
    if (a->start == NULL)
        a->start = mem_alloc(LUA_ARENA_BYTES);
    if (LUA_ARENA_BYTES - a->used < size)
        return NULL;
    void *fresh = a->start + a->used;
    a->used += size;
    return fresh;
}

static void give_back(struct lua_arena *a, void *block, size_t bytes)
{
    struct spare *head = block;
    if (!is_ours(a, block)) {
        mem_free(block);
        return;
    }
    head->next = a->spare[class_of(bytes)];
    a->spare[class_of(bytes)] = head;
}

void lua_arena_close(struct lua_arena *a)
{
    mem_free(a->start);
    *a = (struct lua_arena){0};
}

void *lua_arena_resize(struct lua_arena *a, void *old, size_t old_bytes, size_t new_bytes)
{
    if (new_bytes == 0) {
        if (old != NULL)
            give_back(a, old, old_bytes);
        return NULL;
    }
    bool ours = old != NULL && is_ours(a, old);
    if (ours && new_bytes <= LUA_ARENA_SMALL_BYTES && class_of(new_bytes) == class_of(old_bytes))
        return old;
    if (old != NULL && !ours)
        return mem_resize(old, new_bytes);
    void *block = take(a, new_bytes);
    if (block == NULL)
        block = mem_resize(NULL, new_bytes);
    if (old != NULL) {
        memcpy(block, old, old_bytes < new_bytes ? old_bytes : new_bytes);
        give_back(a, old, old_bytes);
    }
    return block;
}
