/* Tests of the arena: blocks keep their bytes and never overlap, come back for reuse, and overflow into
 * mem.h. */
#include "common/mem.h"
#include "matchmaking/lua_arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCKS = 300, STEPS = 100000, LARGEST = 3 * LUA_ARENA_SMALL_BYTES };

struct block {
    unsigned char *bytes;
    size_t size;
    unsigned char mark;
};

static void check(const struct block *b, size_t n)
{
    for (size_t i = 0; b->bytes != NULL && i < n; i++)
        if (b->bytes[i] != b->mark)
            fail_msg("byte %zu of a block of %zu has changed", i, b->size);
}

/* Every block is full of its own mark: one that shares a byte with another would be seen. */
static void resize(struct lua_arena *a, struct block *b, size_t size)
{
    size_t kept = size < b->size ? size : b->size;
    check(b, b->size);
    b->bytes = lua_arena_resize(a, b->bytes, b->size, size);
    assert_true(size == 0 ? b->bytes == NULL : b->bytes != NULL);
    assert_int_equal((uintptr_t)b->bytes % LUA_ARENA_STEP, 0);
    check(b, kept);
    b->size = size;
    b->mark = (unsigned char)rand();
    if (b->bytes != NULL)
        memset(b->bytes, b->mark, size);
}

static void bytes_stay(void **state)
{
    static struct block blocks[BLOCKS];
    struct lua_arena arena = {0};
    size_t before = mem_live_count();
    (void)state;
    srand(5);
    for (int i = 0; i < STEPS; i++) {
        size_t most = i % 3 ? LUA_ARENA_SMALL_BYTES + 20 : LARGEST; /* around the border, and far beyond */
        resize(&arena, &blocks[rand() % BLOCKS], rand() % 3 ? (size_t)rand() % most : 0);
    }
    for (int i = 0; i < BLOCKS; i++)
        resize(&arena, &blocks[i], 0);
    assert_true(arena.used < BLOCKS * LUA_ARENA_SMALL_BYTES * 4); /* what came back was used again */
    assert_int_equal(mem_live_count(), before + 1);               /* the arena itself */
    lua_arena_close(&arena);
    assert_int_equal(mem_live_count(), before);
}

/* Small blocks that no longer fit come from mem.h, and go back there. */
static void full(void **state)
{
    enum { SIZE = LUA_ARENA_SMALL_BYTES, FIT = LUA_ARENA_BYTES / SIZE, MORE = 10 };
    static void *blocks[FIT + MORE];
    struct lua_arena arena = {0};
    size_t before = mem_live_count();
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < FIT + MORE; i++)
            blocks[i] = lua_arena_resize(&arena, NULL, 0, SIZE);
        assert_int_equal(mem_live_count(), before + 1 + MORE);
        for (int i = 0; i < FIT + MORE; i++)
            assert_null(lua_arena_resize(&arena, blocks[i], SIZE, 0));
        assert_int_equal(mem_live_count(), before + 1);
    }
    lua_arena_close(&arena);
}

static void nothing(void **state)
{
    struct lua_arena arena = {0};
    size_t before = mem_live_count();
    (void)state;
    assert_null(lua_arena_resize(&arena, NULL, 0, 0));
    assert_int_equal(mem_live_count(), before);
    lua_arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_stay),
        cmocka_unit_test(full),
        cmocka_unit_test(nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
