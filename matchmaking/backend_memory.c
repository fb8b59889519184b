/* The back end of a standalone process: scripts in an embedded Lua over an in-process keyspace.
 *
 * A script runs at once, inside run(); what follows from it waits in one queue, `deliveries`: the messages it
 * published, then its answer. The loop hands out one delivery per deferred call, so callbacks never fire
 * before run() has returned and everything comes in the order in which it happened. With `immediate` the same
 * queue is emptied before run() returns; a callback that calls run() again is then answered behind what was
 * already waiting.
 *
 * Deferred calls cannot be taken back, so the struct is counted: its owner holds it once and every deferred
 * call once. free() answers what is waiting with ERR_UNKNOWN and lets go; the memory goes with the last
 * holder. */
#include "matchmaking/backend.h"

#include <sys/random.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/list.h"
#include "common/mem.h"
#include "matchmaking/lua_host.h"
#include "matchmaking/store.h"

struct delivery {
    struct list node;
    enum { DELIVER_STATE, DELIVER_MESSAGE, DELIVER_ANSWER } kind;
    struct str channel, message; /* MESSAGE; owned */
    backend_cb fn;               /* ANSWER, and the rest; fn may be NULL */
    void *arg;
    int err; /* ERR_NONE: the answer says it */
    struct answer answer;
};

struct memory {
    struct backend base;
    struct loop *loop;
    struct backend_memory_options options;
    uint64_t wall_ahead_us; /* of the monotonic clock, at the beginning */
    struct backend_events events;
    struct store *store;
    struct lua_host *lua;
    struct list deliveries;
    unsigned holders;
    bool closing;
};

static struct memory *memory_of(const struct backend *b)
{
    return OWNER(b, struct memory, base);
}

static void hold(struct memory *m)
{
    m->holders++;
}

static void let_go(struct memory *m)
{
    if (--m->holders > 0)
        return;
    CHECK(m->closing && list_empty(&m->deliveries));
    lua_host_free(m->lua);
    store_free(m->store);
    mem_free(m);
}

static void delivery_free(struct delivery *d)
{
    mem_free((char *)(uintptr_t)d->channel.p);
    mem_free((char *)(uintptr_t)d->message.p);
    answer_close(&d->answer);
    mem_free(d);
}

static struct delivery *next_delivery(struct memory *m)
{
    if (list_empty(&m->deliveries))
        return NULL;
    struct delivery *d = OWNER(m->deliveries.next, struct delivery, node);
    list_remove(&d->node);
    return d;
}

static void deliver_answer(const struct delivery *d)
{
    if (d->fn == NULL)
        return;
    if (d->err != ERR_NONE) {
        d->fn(d->arg, d->err, NULL);
        return;
    }
    struct reply *reply = answer_tree(&d->answer);
    d->fn(d->arg, reply->type == REPLY_ERROR ? ERR_SCRIPT : ERR_NONE, reply);
    mem_free(reply);
}

/* The callback may close the back end: the caller holds it. */
static void deliver(struct memory *m, struct delivery *d)
{
    const struct backend_events *e = &m->events;
    if (d->kind == DELIVER_ANSWER)
        deliver_answer(d);
    else if (d->kind == DELIVER_MESSAGE && e->on_message != NULL)
        e->on_message(e->arg, d->channel, d->message);
    else if (d->kind == DELIVER_STATE && e->on_state != NULL)
        e->on_state(e->arg, true, "ok");
    if (d->kind == DELIVER_STATE && e->on_probe != NULL)
        e->on_probe(e->arg);
    delivery_free(d);
}

static void on_deferred(void *arg)
{
    struct memory *m = arg;
    struct delivery *d = next_delivery(m); /* none if free() or an immediate call was quicker */
    if (d != NULL)
        deliver(m, d);
    let_go(m);
}

static struct delivery *enqueue(struct memory *m, struct delivery contents)
{
    struct delivery *d = mem_alloc(sizeof *d);
    *d = contents;
    list_push(&m->deliveries, &d->node);
    if (!m->options.immediate && !m->closing) {
        hold(m);
        loop_defer(m->loop, on_deferred, m);
    }
    return d;
}

static void deliver_all_if_immediate(struct memory *m)
{
    if (!m->options.immediate)
        return;
    hold(m);
    for (struct delivery *d; (d = next_delivery(m)) != NULL;)
        deliver(m, d);
    let_go(m);
}

/* Ours are <prefix>room_events and <prefix>room_events:<anything>. */
static bool is_ours(const struct memory *m, struct str channel)
{
    static const struct str name = {"room_events", sizeof "room_events" - 1};
    struct str prefix = str_of(m->base.prefix);
    size_t n = prefix.n + name.n;
    return channel.n >= n && str_eq((struct str){channel.p, prefix.n}, prefix) &&
           str_eq((struct str){channel.p + prefix.n, name.n}, name) &&
           (channel.n == n || channel.p[n] == ':');
}

static struct str copy_of(struct str text)
{
    return (struct str){mem_copy(text.p, text.n), text.n};
}

static int64_t on_publish(void *arg, struct str channel, struct str message)
{
    struct memory *m = arg;
    if (!is_ours(m, channel))
        return 0;
    enqueue(m, (struct delivery){
                   .kind = DELIVER_MESSAGE, .channel = copy_of(channel), .message = copy_of(message)});
    return 1;
}

static void memory_run(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                       const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    struct memory *m = memory_of(b);
    struct delivery result = {.kind = DELIVER_ANSWER, .fn = fn, .arg = arg};
    if (m->closing)
        result.err = ERR_UNAVAILABLE;
    else
        lua_host_run(m->lua, s, keys, key_count, args, arg_count, &result.answer);
    enqueue(m, result);
    if (!m->closing)
        deliver_all_if_immediate(m);
}

static void memory_publish(struct backend *b, struct str channel, struct str message)
{
    struct memory *m = memory_of(b);
    if (m->closing)
        return;
    on_publish(m, channel, message);
    deliver_all_if_immediate(m);
}

static bool memory_up(const struct backend *b)
{
    return !memory_of(b)->closing;
}

static const char *memory_reason(const struct backend *b)
{
    return memory_of(b)->closing ? "closed" : "ok";
}

static void memory_free(struct backend *b)
{
    struct memory *m = memory_of(b);
    CHECK(!m->closing);
    m->closing = true;
    for (struct delivery *d; (d = next_delivery(m)) != NULL;) {
        if (d->err == ERR_NONE) /* else: asked by one of these callbacks, and refused */
            d->err = ERR_UNKNOWN;
        if (d->kind == DELIVER_ANSWER)
            deliver_answer(d);
        delivery_free(d);
    }
    let_go(m);
}

/* Wall time as it was at the beginning and has gone on since, whatever becomes of the machine's date: timers
 * run by it, and nothing may happen before its time because somebody sets a clock. */
static uint64_t steady_us(void *arg)
{
    const struct memory *m = arg;
    return clock_mono_us() + m->wall_ahead_us;
}

static uint64_t now_us(void *arg)
{
    struct memory *m = arg;
    return m->options.now_us(m->options.now_arg);
}

/* Keys come from outside, so buckets must not be foreseeable; a simulation must be repeatable. */
static uint64_t hash_seed(const struct backend_memory_options *o)
{
    uint64_t seed = 0;
    if (!o->immediate)
        CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
    return seed;
}

struct backend *backend_memory_new(struct loop *l, const struct backend_memory_options *o,
                                   const struct backend_events *e)
{
    static const struct backend_ops ops = {
        .run = memory_run,
        .probe = memory_run,
        .publish = memory_publish,
        .up = memory_up,
        .reason = memory_reason,
        .free = memory_free,
    };
    CHECK(l != NULL || o->immediate);
    struct memory *m = mem_alloc(sizeof *m);
    m->base = (struct backend){.ops = &ops, .durable = false, .prefix = o->prefix != NULL ? o->prefix : ""};
    m->loop = l;
    m->options = *o;
    if (m->options.now_us == NULL) {
        m->options.now_us = steady_us;
        m->options.now_arg = m;
        m->wall_ahead_us = clock_wall_ms() * 1000 - clock_mono_us();
    }
    m->events = *e;
    list_init(&m->deliveries);
    hold(m); /* for the owner */
    m->store = store_new(&(struct store_options){
        .now_us = now_us, .publish = on_publish, .arg = m, .hash_seed = hash_seed(o)});
    m->lua = lua_host_new(m->store);
    enqueue(m, (struct delivery){.kind = DELIVER_STATE});
    if (o->immediate && l != NULL) {
        hold(m);
        loop_defer(l, on_deferred, m);
    }
    return &m->base;
}
