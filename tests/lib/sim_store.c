/* Runs scripts under virtual time: in memory, or by a redis-server behind a shim; loses, saves and restores
 * data.
 */
#include "tests/lib/sim_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/list.h"
#include "common/map.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/redis_server.h"

enum { TIMEOUT_MS = 20000, ARGS_MAX = 4096 };

struct shimmed { /* a script with something in front */
    struct script script;
    struct buf text;
    bool needless; /* in memory: it asks for nothing that is not as in Redis */
};

struct sim_store {
    struct backend base; /* in front of `real` */
    struct sim_store_options o;
    struct backend *real;
    struct map *scripts; /* name -> struct shimmed */
    int64_t server_number;
    struct str args[ARGS_MAX]; /* of the present call, with those of the shim; borrowed */
    /* with redis only: */
    struct redis_server *server;
    struct loop *loop;
    bool up, answered;
    int err;
    struct reply *reply; /* owned */
};

/* In front of a script over both stores: behind its own arguments stands the number of the server. */
static const char shim_begin[] =
    "local call, try, server, own = redis.call, redis.pcall, table.remove(ARGV), {} "
    "function own.INFO(part) "
    "return part == 'server' and 'run_id:process' .. server or 'master_replid:history' .. server end "
    "function own.SSCAN(key) local all = call('SMEMBERS', key) table.sort(all) return {'0', all} end "
    "local shim = {error_reply = redis.error_reply, status_reply = redis.status_reply} "
    "function shim.call(name, ...) local f = own[name] if f then return f(...) end return call(name, ...) "
    "end "
    "function shim.pcall(name, ...) local f = own[name] if f then return f(...) end return try(name, ...) "
    "end ";

/* Over Redis also: before that stands the time in us. sim:expiry holds when keys go. */
static const char shim_time[] =
    "local us = table.remove(ARGV) "
    "local ms, told = tonumber(string.sub(us, 1, -4)), {} "
    "function own.TIME() return {string.sub(us, 1, -7), string.sub(us, -6)} end "
    "function own.PUBLISH(channel, text) told[#told + 1], told[#told + 2] = channel, text return 0 end "
    "function own.PEXPIRE(key, after) "
    "if call('EXISTS', key) == 0 then return 0 end "
    "call('ZADD', 'sim:expiry', string.format('%.0f', ms + after), key) return 1 end "
    "function own.PTTL(key) "
    "if call('EXISTS', key) == 0 then return -2 end "
    "local at = call('ZSCORE', 'sim:expiry', key) return at and math.max(at - ms, 0) or -1 end "
    "function own.DEL(...) call('ZREM', 'sim:expiry', ...) return call('DEL', ...) end "
    "if MORTAL then for _, key in ipairs(call('ZRANGEBYSCORE', 'sim:expiry', '-inf', ms)) do own.DEL(key) "
    "end end ";

static struct sim_store *store_of(const struct backend *b)
{
    return OWNER(b, struct sim_store, base);
}

/* A script that does not write cannot remove what has expired either. */
static struct shimmed *shim_new(const struct script *s, bool redis)
{
    struct shimmed *w = mem_alloc(sizeof *w);
    struct str rest = {s->text, s->text_bytes}, head = str_cut(&rest, '\n');
    bool writes = !memmem(head.p, head.n, "no-writes", 9);
    buf_add_str(&w->text, head);
    buf_add_fmt(&w->text, "\nlocal MORTAL = %s %s%s local function body(redis)\n", writes ? "true" : "false",
                shim_begin, redis ? shim_time : "");
    buf_add_str(&w->text, rest);
    buf_add_fmt(&w->text, "\nend\nreturn %s\n", redis ? "{body(shim), told}" : "body(shim)");
    w->script = (struct script){s->name, w->text.data, w->text.len, s->each};
    w->needless = !memmem(rest.p, rest.n, "'SSCAN'", 7) && !memmem(rest.p, rest.n, "'INFO'", 6);
    return w;
}

static struct shimmed *shim(struct sim_store *st, const struct script *s)
{
    struct shimmed *w = map_find(st->scripts, str_of(s->name));
    if (!w)
        map_put(st->scripts, str_of(s->name), w = shim_new(s, st->o.redis));
    return w;
}

/* The script's arguments and those of the shim. */
static const struct str *args_and(struct sim_store *st, const struct str *args, size_t arg_count,
                                  struct str first, struct str second)
{
    CHECK(arg_count + 2 <= ARGS_MAX);
    if (arg_count)
        memcpy(st->args, args, arg_count * sizeof *args);
    st->args[arg_count] = first;
    st->args[arg_count + 1] = second;
    return st->args;
}

static void memory_run(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                       const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    struct sim_store *st = store_of(b);
    struct shimmed *w = shim(st, s);
    if (w->needless) {
        st->real->ops->run(st->real, s, keys, key_count, args, arg_count, fn, arg);
        return;
    }
    char server[STR_INT_BYTES];
    const struct str *all = args_and(
        st, args, arg_count, (struct str){server, str_from_int(server, st->server_number)}, (struct str){0});
    st->real->ops->run(st->real, &w->script, keys, key_count, all, arg_count + 1, fn, arg);
}

static void on_answer(void *arg, int err, const struct reply *reply)
{
    struct sim_store *st = arg;
    st->answered = true;
    st->err = err;
    st->reply = reply ? fleet_text_copy(reply) : NULL;
}

static void on_state(void *arg, bool up, const char *reason)
{
    (void)reason;
    ((struct sim_store *)arg)->up = up;
}

static void tell(struct sim_store *st, const struct reply *told)
{
    for (size_t i = 0; i + 1 < told->count; i += 2)
        st->o.on_message(st->o.arg, reply_str(told, i), reply_str(told, i + 1));
}

static void redis_run(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                      const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    struct sim_store *st = store_of(b);
    char us[STR_INT_BYTES], server[STR_INT_BYTES];
    struct str time = {us, str_from_int(us, (int64_t)st->o.now_us(st->o.arg))};
    const struct str *all =
        args_and(st, args, arg_count, time, (struct str){server, str_from_int(server, st->server_number)});
    st->answered = false;
    st->real->ops->run(st->real, &shim(st, s)->script, keys, key_count, all, arg_count + 2, on_answer, st);
    while (!st->answered)
        loop_turn(st->loop);
    struct reply *reply = st->reply; /* fn may run another script */
    if (st->err != ERR_NONE) {
        fn(arg, st->err, reply);
    } else {
        tell(st, reply_at(reply, 1));
        fn(arg, ERR_NONE, reply_at(reply, 0));
    }
    mem_free(reply);
}

static bool always_up(const struct backend *b)
{
    (void)b;
    return true;
}

static void open_redis(struct sim_store *st)
{
    static const char *const args[] = {"--appendonly", "no", NULL};
    st->server = redis_server_start(args);
    st->loop = loop_new();
    st->real = backend_redis_new(st->loop,
                                 &(struct backend_redis_options){.address = redis_server_address(st->server),
                                                                 .prefix = "",
                                                                 .instance_id = "sim",
                                                                 .command_timeout_ms = TIMEOUT_MS,
                                                                 .connect_timeout_ms = TIMEOUT_MS},
                                 &(struct backend_events){.on_state = on_state, .arg = st});
    while (!st->up)
        loop_turn(st->loop);
}

struct sim_store *sim_store_new(const struct sim_store_options *o)
{
    static const struct backend_ops memory = {.run = memory_run, .up = always_up},
                                    redis = {.run = redis_run, .up = always_up};
    struct sim_store *st = mem_alloc(sizeof *st);
    st->o = *o;
    st->base = (struct backend){.ops = o->redis ? &redis : &memory, .prefix = ""};
    st->scripts = map_new();
    st->server_number = 1;
    if (o->redis)
        open_redis(st);
    else
        st->real = backend_memory_new(
            NULL, &(struct backend_memory_options){.now_us = o->now_us, .now_arg = o->arg, .immediate = true},
            &(struct backend_events){.on_message = o->on_message, .arg = o->arg});
    return st;
}

static void free_shimmed(void *arg, struct str key, void *value)
{
    struct shimmed *w = value;
    (void)arg;
    (void)key;
    buf_close(&w->text);
    mem_free(w);
}

void sim_store_free(struct sim_store *st)
{
    st->real->ops->free(st->real);
    if (st->o.redis) {
        loop_run(st->loop);
        loop_free(st->loop);
        redis_server_good(st->server);
        redis_server_stop(st->server);
    }
    map_each(st->scripts, free_shimmed, NULL);
    map_free(st->scripts);
    mem_free(st);
}

struct backend *sim_store_backend(struct sim_store *st)
{
    return &st->base;
}

int64_t sim_store_server(const struct sim_store *st)
{
    return st->server_number;
}

void sim_store_restart(struct sim_store *st)
{
    st->server_number++;
}

/* ---- bad days ---- */

static void keep_reply(void *arg, int err, const struct reply *reply)
{
    struct reply **kept = arg;
    if (err != ERR_NONE) {
        fprintf(stderr, "sim: the store: %s %.*s\n", err_name(err), reply ? (int)reply->str.n : 0,
                reply ? reply->str.p : "");
        exit(1);
    }
    *kept = fleet_text_copy(reply);
}

static struct reply *ask(struct sim_store *st, const struct script *s, const struct str *keys,
                         size_t key_count, const struct str *args, size_t arg_count)
{
    struct backend *b = sim_store_backend(st);
    struct reply *reply = NULL;
    b->ops->run(b, s, keys, key_count, args, arg_count, keep_reply, &reply);
    CHECK(reply);
    return reply;
}

#define SCRIPT(name, text) static const struct script name = {"sim_" #name, text, sizeof text - 1, {0}}

static const char lose_text[] = "#!lua\n"
                                "local cursor = '0'\n"
                                "repeat\n"
                                "    local page = redis.call('SCAN', cursor, 'COUNT', 10000)\n"
                                "    cursor = page[1]\n"
                                "    for _, key in ipairs(page[2]) do redis.call('DEL', key) end\n"
                                "until cursor == '0'\n"
                                "return {'OK'}\n";
SCRIPT(lose, lose_text);

/* {{key, kind, the ms at which it goes or -1, {value, ...}}, ...} */
static const char save_text[] = "#!lua\n"
                                "local clock = redis.call('TIME')\n"
                                "local now = clock[1] * 1000 + math.floor(clock[2] / 1000)\n"
                                "local all, cursor = {}, '0'\n"
                                "repeat\n"
                                "    local page = redis.call('SCAN', cursor, 'COUNT', 10000)\n"
                                "    cursor = page[1]\n"
                                "    for _, key in ipairs(page[2]) do\n"
                                "        local kind, flat = redis.call('TYPE', key).ok\n"
                                "        if kind == 'string' then flat = {redis.call('GET', key)}\n"
                                "        elseif kind == 'hash' then flat = redis.call('HGETALL', key)\n"
                                "        elseif kind == 'list' then flat = redis.call('LRANGE', key, 0, -1)\n"
                                "        elseif kind == 'set' then flat = redis.call('SMEMBERS', key)\n"
                                "        else flat = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end\n"
                                "        local ttl = redis.call('PTTL', key)\n"
                                "        all[#all + 1] = {key, kind, ttl < 0 and -1 or now + ttl, flat}\n"
                                "    end\n"
                                "until cursor == '0'\n"
                                "return all\n";
SCRIPT(save, save_text);

/* ARGV: kind, when it goes, values. */
static const char load_text[] = "#!lua\n"
                                "local clock = redis.call('TIME')\n"
                                "local now = clock[1] * 1000 + math.floor(clock[2] / 1000)\n"
                                "local key, kind, goes = KEYS[1], ARGV[1], tonumber(ARGV[2])\n"
                                "local step = (kind == 'hash' or kind == 'zset') and 2 or 1\n"
                                "for i = 3, #ARGV, step do\n"
                                "    local a, b = ARGV[i], ARGV[i + 1]\n"
                                "    if kind == 'string' then redis.call('SET', key, a)\n"
                                "    elseif kind == 'hash' then redis.call('HSET', key, a, b)\n"
                                "    elseif kind == 'list' then redis.call('RPUSH', key, a)\n"
                                "    elseif kind == 'set' then redis.call('SADD', key, a)\n"
                                "    else redis.call('ZADD', key, b, a) end\n"
                                "end\n"
                                "if goes >= 0 and goes <= now then redis.call('DEL', key)\n"
                                "elseif goes >= 0 then redis.call('PEXPIRE', key, goes - now) end\n"
                                "return {'OK'}\n";
SCRIPT(load, load_text);

void sim_store_lose(struct sim_store *st)
{
    mem_free(ask(st, &lose, NULL, 0, NULL, 0));
}

struct reply *sim_store_save(struct sim_store *st)
{
    return ask(st, &save, NULL, 0, NULL, 0);
}

/* At most so many values at a time, of a collection of any size. */
static void load_key(struct sim_store *st, const struct reply *entry)
{
    enum { HEAD = 2, CHUNK = ARGS_MAX - 16 };
    struct str args[ARGS_MAX];
    struct str key = reply_str(entry, 0);
    const struct reply *values = reply_at(entry, 3);
    char goes[STR_INT_BYTES];
    args[0] = reply_str(entry, 1);
    args[1] = (struct str){goes, str_from_int(goes, reply_int(entry, 2))};
    for (size_t done = 0; done < values->count;) {
        size_t n = values->count - done < CHUNK ? values->count - done : CHUNK;
        for (size_t i = 0; i < n; i++)
            args[HEAD + i] = reply_str(values, done + i);
        mem_free(ask(st, &load, &key, 1, args, HEAD + n));
        done += n;
    }
}

void sim_store_load(struct sim_store *st, const struct reply *saved)
{
    sim_store_lose(st);
    for (size_t i = 0; i < saved->count; i++)
        load_key(st, &saved->items[i]);
}
