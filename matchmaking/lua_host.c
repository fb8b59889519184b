/* One Lua state for all scripts: compiles each once, runs it within limits, turns failures into error
 * answers.
 *
 * lua_host_run enters Lua through one door, lua_cpcall, so that no error of Lua's can escape: neither the
 * script's nor the lack of memory while its arguments are set up. Inside, the script itself runs under a
 * second lua_pcall whose handler adds the place of the error while the stack still shows it. Lua's errors are
 * jumps, therefore nothing between the two doors owns memory: answers, arguments and the state belong to the
 * host.
 *
 * Limits: a hook counts instructions in large steps. Once the script has had its share, the hook fails after
 * every single instruction, so that a script that catches errors in a loop ends as well. Lua's memory goes
 * through our allocator (lua_arena), which refuses growth beyond a bound; Lua turns that into an error of the
 * script. */
#include "matchmaking/lua_host.h"

#include <lauxlib.h>
#include <lua.h>
#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/lua_arena.h"
#include "matchmaking/lua_redis.h"
#include "matchmaking/lua_sandbox.h"
#include "matchmaking/lua_values.h"
#include "matchmaking/store.h"

enum {
    HOOK_STEP = 1000 * 1000,               /* instructions between two looks */
    COLLECT_ABOVE_BYTES = 16 * 1024 * 1024 /* more than this after a run is garbage of a large answer */
};

struct lua_host {
    lua_State *L;
    struct lua_redis redis;
    struct lua_arena arena;
    size_t bytes; /* held by Lua */
    int instructions;
    bool running;
};

struct run {
    const struct script *script;
    const struct str *keys, *args;
    size_t key_count, arg_count;
    struct answer *out;
};

static void *allocate(void *arg, void *block, size_t old_bytes, size_t new_bytes)
{
    struct lua_host *h = arg;
    if (new_bytes > old_bytes && h->bytes - old_bytes + new_bytes > LUA_HOST_BYTES_MAX)
        return NULL;
    h->bytes += new_bytes - old_bytes;
    return lua_arena_resize(&h->arena, block, old_bytes, new_bytes);
}

/* The host of a state is what its allocator was given. */
static struct lua_host *host_of(lua_State *L)
{
    void *host;
    lua_getallocf(L, &host);
    return host;
}

static void count_instructions(lua_State *L, lua_Debug *where)
{
    (void)where;
    struct lua_host *h = host_of(L);
    if (h->instructions < LUA_HOST_INSTRUCTIONS_MAX)
        h->instructions += HOOK_STEP;
    if (h->instructions < LUA_HOST_INSTRUCTIONS_MAX)
        return;
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, 1);
    luaL_error(L, "stopped after %d instructions", LUA_HOST_INSTRUCTIONS_MAX);
}

static int panic(lua_State *L)
{
    (void)L;
    err_check_failed("a Lua error outside of lua_host_run", __FILE__, __LINE__);
}

struct lua_host *lua_host_new(struct store *s)
{
    struct lua_host *h = mem_alloc(sizeof *h);
    h->redis.store = s;
    h->L = lua_newstate(allocate, h);
    CHECK(h->L != NULL);
    lua_atpanic(h->L, panic);
    lua_redis_push(h->L, &h->redis);
    lua_sandbox_open(h->L);
    return h;
}

void lua_host_free(struct lua_host *h)
{
    if (h == NULL)
        return;
    CHECK(!h->running);
    lua_close(h->L);
    CHECK(h->bytes == 0);
    lua_redis_close(&h->redis);
    lua_arena_close(&h->arena);
    mem_free(h);
}

size_t lua_host_bytes(const struct lua_host *h)
{
    return h->bytes;
}

static struct str first_line(const struct script *s)
{
    struct str text = {s->text, s->text_bytes};
    bool shebang = text.n >= 2 && memcmp(text.p, "#!", 2) == 0;
    return shebang ? str_cut(&text, '\n') : (struct str){s->text, 0};
}

/* Reads the flags of the first line. false: one is unknown (then Redis refuses the script as well) and stands
 * in *flag. */
static bool read_flags(const struct script *s, bool *read_only, struct str *flag)
{
    static const char *const known[] = {"no-writes", "allow-oom", "allow-stale", "no-cluster",
                                        "allow-cross-slot-keys"};
    struct str line = first_line(s);
    *read_only = false;
    while (line.n > 0) {
        struct str word = str_cut(&line, ' ');
        if (word.n < 6 || memcmp(word.p, "flags=", 6) != 0)
            continue;
        word = (struct str){word.p + 6, word.n - 6};
        while (word.n > 0) {
            *flag = str_cut(&word, ',');
            bool found = false;
            for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                found = found || str_eq(*flag, str_of(known[i]));
            if (!found)
                return false;
            *read_only = *read_only || str_eq(*flag, str_of(known[0]));
        }
    }
    return true;
}

/* Pushes the script's function, compiled at its first use and kept in the registry under the script's
 * address; else pushes what is wrong and returns false. */
static bool push_function(lua_State *L, const struct script *s)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)s);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (lua_isfunction(L, -1))
        return true;
    lua_pop(L, 1);
    lua_pushfstring(L, "@%s", s->name);
    size_t skipped = first_line(s).n; /* its line end stays, so that line numbers are those of the file */
    if (luaL_loadbuffer(L, s->text + skipped, s->text_bytes - skipped, lua_tostring(L, -1)) != 0) {
        lua_pushfstring(L, "ERR Error compiling script (new function): %s", lua_tostring(L, -1));
        return false;
    }
    lua_pushlightuserdata(L, (void *)(uintptr_t)s);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    return true;
}

static void set_texts(lua_State *L, const char *name, const struct str *texts, size_t count)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(L, texts[i].n ? texts[i].p : "", texts[i].n);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_sandbox_set(L, name);
}

/* Replaces the error value on top by its text: "CODE message". */
static void error_to_text(lua_State *L)
{
    if (lua_istable(L, -1)) {
        lua_pushliteral(L, "err");
        lua_rawget(L, -2);
        if (!lua_isstring(L, -1))
            lua_pushliteral(L, "ERR unknown error");
    } else if (lua_isstring(L, -1)) {
        lua_pushfstring(L, "ERR %s", lua_tostring(L, -1));
    } else {
        lua_pushfstring(L, "ERR %s", luaL_typename(L, -1));
    }
}

/* Called with the error value where the error happened: returns the full text. Its upvalue is the script's
 * name. */
static int describe_error(lua_State *L)
{
    error_to_text(L);
    lua_Debug where;
    for (int level = 1; level <= 2 && lua_getstack(L, level, &where); level++) {
        lua_getinfo(L, "Sl", &where);
        if (where.currentline < 0) /* a function in C: the script called it */
            continue;
        lua_pushfstring(L, "%s script: %s, on %s:%d.", lua_tostring(L, -1),
                        lua_tostring(L, lua_upvalueindex(1)), where.source, where.currentline);
        break;
    }
    return 1;
}

static struct str text_of(lua_State *L, int index)
{
    struct str text;
    text.p = lua_tolstring(L, index, &text.n);
    return text.p != NULL ? text : STR("ERR execution failure");
}

static int run_protected(lua_State *L)
{
    struct run *r = lua_touserdata(L, 1);
    lua_pushstring(L, r->script->name);
    lua_pushcclosure(L, describe_error, 1);
    int handler = lua_gettop(L);
    if (!push_function(L, r->script)) {
        answer_error(r->out, text_of(L, -1));
        return 0;
    }
    set_texts(L, "KEYS", r->keys, r->key_count);
    set_texts(L, "ARGV", r->args, r->arg_count);
    int status = lua_pcall(L, 0, 1, handler);
    if (status == LUA_ERRRUN)
        answer_error(r->out, text_of(L, -1));
    else if (status != 0)
        return lua_error(L);
    else if (!lua_values_answer(L, r->out)) {
        answer_clear(r->out);
        answer_error(r->out, STR("ERR reached lua stack limit"));
    }
    return 0;
}

static void refuse_flag(struct answer *out, struct str flag)
{
    struct buf text = {0};
    buf_add_text(&text, "ERR Unexpected flag in script shebang: ");
    buf_add_str(&text, flag);
    answer_error(out, buf_str(&text));
    buf_close(&text);
}

void lua_host_run(struct lua_host *h, const struct script *script, const struct str *keys, size_t key_count,
                  const struct str *args, size_t arg_count, struct answer *out)
{
    CHECK(!h->running);
    bool read_only;
    struct str flag;
    answer_clear(out);
    if (!read_flags(script, &read_only, &flag)) {
        refuse_flag(out, flag);
        return;
    }
    struct run run = {script, keys, args, key_count, arg_count, out};
    h->running = true;
    h->instructions = 0;
    store_begin(h->redis.store, read_only);
    lua_sethook(h->L, count_instructions, LUA_MASKCOUNT, HOOK_STEP);
    if (lua_cpcall(h->L, run_protected, &run) != 0) { /* no memory, or an error while describing an error */
        struct buf text = {0};
        buf_add_fmt(&text, "ERR %s script: %s", lua_tostring(h->L, -1), script->name);
        answer_clear(out);
        answer_error(out, buf_str(&text));
        buf_close(&text);
    }
    lua_settop(h->L, 0);
    if (h->bytes > COLLECT_ABOVE_BYTES)
        lua_gc(h->L, LUA_GCCOLLECT, 0);
    h->running = false;
}
