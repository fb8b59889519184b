/* The store in Redis: one link for scripts and publishing, one for the events of the fleet.
 *
 * Two connections, since a subscribed one takes no commands. The store is up when both are: without the event
 * link this instance would answer its players but never hear what is done to them. Calls need the command
 * link only, so while the event link alone is away they still work; whoever acts for the cluster asks up()
 * first.
 *
 * A connection proves little: a frozen server accepts, one whose writes are paused answers reads. So after
 * each (re)connect the owner's write probe must be carried out before anything else is let through (`trust`).
 * A probe or any other call that stays unanswered too long loses the link, which answers everybody who waits.
 * A probe that is answered by "no writes now" (full, busy) makes the store not up, but calls still go: some
 * scripts free what fills it.
 *
 * PING proves nothing on a subscribed connection, and an event link that hears nothing looks like a quiet
 * fleet: each good probe is followed by a message to ourselves (echo.h), and if that does not arrive, the
 * event link alone is made again.
 *
 * The breaker refuses calls while most of them fail although the link stays; a good probe closes it.
 *
 * Keys and channels of calls arrive complete, with the prefix in front; only the two channels this file
 * subscribes to are its own. */
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/redis/follow.h"
#include "matchmaking/backend.h"
#include "matchmaking/echo.h"
#include "matchmaking/turns.h"

enum trust {
    TRUST_NONE,    /* not connected, or nothing proved yet: only the probe is let through */
    TRUST_ANSWERS, /* it answers, but refuses writes now (`doubt` says why): calls go, the store is not up */
    TRUST_FULL,    /* the last probe was carried out */
};

struct backend_redis {
    struct backend base;
    struct backend_events events;
    struct redis_link *commands, *subscriber;
    struct follow *follow; /* NULL without Sentinel */
    struct script_runner *scripts;
    struct breaker breaker;
    struct echo echo;
    struct turns turns;
    enum trust trust;
    enum redis_reason doubt; /* why not in full */
    bool connected;          /* the command link */
    bool up;                 /* as last reported */
    bool closed;
    unsigned holds; /* frames that still need it */
};

static struct backend_redis *self(const struct backend *b)
{
    CHECK(backend_is_redis(b));
    return (struct backend_redis *)(uintptr_t)b;
}

static bool up(const struct backend *b)
{
    const struct backend_redis *r = self(b);
    return r->connected && r->trust == TRUST_FULL && redis_link_up(r->subscriber);
}

static bool cut_off(const struct backend *b)
{
    const struct backend_redis *r = self(b);
    struct redis_link_stats stats;
    redis_link_stats(r->commands, &stats);
    if (r->turns.waiting_count > 0)
        return false;
    return r->trust == TRUST_NONE || (r->trust == TRUST_ANSWERS && stats.waiting == 0);
}

static const char *reason(const struct backend *b)
{
    const struct backend_redis *r = self(b);
    if (r->connected && r->trust == TRUST_FULL)
        return redis_reason_name(redis_link_reason(r->subscriber));
    return redis_reason_name(r->connected ? r->doubt : redis_link_reason(r->commands));
}

static void tell(struct backend_redis *r)
{
    if (r->up == up(&r->base))
        return;
    r->up = !r->up;
    if (r->events.on_state != NULL)
        r->events.on_state(r->events.arg, r->up, reason(&r->base));
}

static void set_gate(struct backend_redis *r)
{
    redis_link_gate(r->commands, r->trust == TRUST_NONE ? REDIS_GATE_SHUT : REDIS_GATE_OPEN);
}

static void set_trust(struct backend_redis *r, enum trust trust, enum redis_reason doubt)
{
    r->trust = trust;
    r->doubt = doubt;
    set_gate(r);
}

static void run_now(struct backend_redis *r, const struct script *s, const struct str *keys, size_t key_count,
                    const struct str *args, size_t arg_count, backend_cb fn, void *arg);

/* Those whose turn it is, or all. */
static void next_turns(struct backend_redis *r, bool all)
{
    for (struct turn *t; !r->closed && (t = turns_next(&r->turns, all)) != NULL; mem_free(t))
        run_now(r, t->script, t->texts, t->key_count, t->texts + t->key_count, t->arg_count, t->fn, t->arg);
}

static void on_commands_state(void *arg, bool link_up, enum redis_reason why)
{
    struct backend_redis *r = arg;
    r->connected = link_up;
    if (!link_up) {
        set_trust(r, TRUST_NONE, why);
        next_turns(r, true); /* refused: they were meant for this store, the next one may be another */
    } else if (r->events.on_probe == NULL) {
        set_trust(r, TRUST_FULL, REDIS_OK);
    }
    if (link_up && r->events.on_probe != NULL)
        r->events.on_probe(r->events.arg);
    else
        tell(r);
}

static void on_subscriber_state(void *arg, bool link_up, enum redis_reason why)
{
    struct backend_redis *r = arg;
    (void)why;
    if (!link_up)
        echo_forget(&r->echo);
    tell(r);
}

static void on_message(void *arg, struct str channel, struct str message)
{
    struct backend_redis *r = arg;
    if (!echo_heard(&r->echo, channel, message) && r->events.on_message != NULL)
        r->events.on_message(r->events.arg, channel, message);
}

static void on_deaf(void *arg)
{
    struct backend_redis *r = arg;
    metrics_add(METRIC_REDIS_DEAF, 1);
    log_warn("redis.deaf", KV("link", "events"), KV("reason", "our own message did not come back"),
             KV("next", "the link is made again"));
    redis_link_drop(r->subscriber, REDIS_TIMEOUT, "our own message did not come back");
}

static void release(struct backend_redis *r)
{
    if (--r->holds == 0 && r->closed)
        mem_free(r);
}

static void on_switched(void *arg, struct str host, int port)
{
    struct backend_redis *r = arg;
    r->holds++;
    redis_link_follow(r->commands, host, port);
    if (!r->closed)
        redis_link_follow(r->subscriber, host, port);
    release(r);
}

/* ---- calls ---- */

static void say_breaker(const struct backend_redis *r)
{
    bool open = r->breaker.state == BREAKER_OPEN;
    metrics_set(METRIC_BREAKER_OPEN, open);
    if (open)
        metrics_add(METRIC_BREAKER_OPENED, 1);
    log_warn("breaker.moved", KV("state", breaker_state_name(r->breaker.state)),
             KV("next", open ? "calls are refused for a while" : "calls go through"));
}

/* What was never sent says nothing; a script's own refusal is an answer. */
static void on_outcome(void *arg, int err, const struct reply *reply)
{
    struct backend_redis *r = arg;
    turns_came(&r->turns);
    next_turns(r, false);
    bool busy = err == ERR_SCRIPT && wire_no_write(reply->str) == REDIS_BUSY;
    if (err == ERR_UNAVAILABLE)
        return;
    bool good = !busy && (err == ERR_NONE || err == ERR_SCRIPT);
    if (breaker_count(&r->breaker, good, clock_mono_ms()))
        say_breaker(r);
}

static void run_at(struct backend_redis *r, enum redis_gate gate, const struct script *s,
                   const struct str *keys, size_t key_count, const struct str *args, size_t arg_count,
                   backend_cb fn, void *arg)
{
    turns_went(&r->turns, script_calls(s, arg_count));
    redis_link_gate(r->commands, gate); /* the link answers what it refuses, in its turn */
    script_run(r->scripts, s, keys, key_count, args, arg_count, fn, arg);
    set_gate(r);
}

static void run_now(struct backend_redis *r, const struct script *s, const struct str *keys, size_t key_count,
                    const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    bool pass = r->trust != TRUST_NONE && breaker_allow(&r->breaker, clock_mono_ms());
    run_at(r, pass ? REDIS_GATE_OPEN : REDIS_GATE_SHUT, s, keys, key_count, args, arg_count, fn, arg);
}

static void run(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    struct backend_redis *r = self(b);
    if (r->closed || r->trust == TRUST_NONE || !turns_full(&r->turns))
        run_now(r, s, keys, key_count, args, arg_count, fn, arg);
    else if (!turns_wait(&r->turns, s, keys, key_count, args, arg_count, fn, arg))
        run_at(r, REDIS_GATE_SHUT, s, keys, key_count, args, arg_count, fn, arg); /* far too many */
}

struct write_probe {
    struct backend_redis *backend;
    backend_cb fn;
    void *arg;
};

static void publish(struct backend *b, struct str channel, struct str message);

static void judge(struct backend_redis *r, int err, const struct reply *reply)
{
    if (reply == NULL || !r->connected)
        return; /* the link has said it all */
    enum redis_reason refused = err == ERR_SCRIPT ? wire_no_write(reply->str) : REDIS_OK;
    set_trust(r, refused == REDIS_OK ? TRUST_FULL : TRUST_ANSWERS, refused);
    if (r->trust == TRUST_FULL && breaker_close(&r->breaker, clock_mono_ms()))
        say_breaker(r);
    if (r->trust == TRUST_FULL && redis_link_up(r->subscriber) && echo_send(&r->echo))
        publish(&r->base, buf_str(&r->echo.channel), buf_str(&r->echo.message));
}

static void on_probed(void *arg, int err, const struct reply *reply)
{
    struct write_probe *q = arg;
    struct backend_redis *r = q->backend;
    r->holds++;
    if (!r->closed)
        judge(r, err, reply);
    if (q->fn != NULL)
        q->fn(q->arg, err, reply);
    mem_free(q);
    if (!r->closed)
        tell(r);
    release(r);
}

static void probe(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                  const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    struct write_probe *q = mem_alloc(sizeof *q);
    *q = (struct write_probe){self(b), fn, arg};
    run_at(q->backend, REDIS_GATE_ASIDE, s, keys, key_count, args, arg_count, on_probed, q);
}

static void publish(struct backend *b, struct str channel, struct str message)
{
    struct backend_redis *r = self(b);
    if (redis_link_up(r->commands))
        redis_call(r->commands, (struct str[]){STR("PUBLISH"), channel, message}, 3, NULL, NULL);
}

struct question { /* who asked for INFO */
    backend_cb fn;
    void *arg;
    int err; /* of INFO */
    struct buf text;
};

static void on_info(void *arg, int err, const struct reply *reply)
{
    struct question *q = arg;
    q->err = err == ERR_NONE && reply->type == REPLY_ERROR ? ERR_SCRIPT : err;
    if (reply != NULL)
        buf_add_str(&q->text, reply->str);
}

/* INFO does not say whether save points are set; a server that forbids CONFIG leaves it open. */
static void on_save_points(void *arg, int err, const struct reply *reply)
{
    struct question *q = arg;
    if (q->err == ERR_NONE && err == ERR_NONE && reply->type == REPLY_ARRAY && reply->count == 2) {
        buf_add_text(&q->text, "config_save:");
        buf_add_str(&q->text, reply_str(reply, 1));
        buf_add_text(&q->text, "\r\n");
    }
    const struct reply info = {.type = q->err == ERR_SCRIPT ? REPLY_ERROR : REPLY_STR,
                               .str = buf_str(&q->text)};
    if (q->fn != NULL)
        q->fn(q->arg, q->err, q->err == ERR_NONE || q->err == ERR_SCRIPT ? &info : NULL);
    buf_close(&q->text);
    mem_free(q);
}

static void info(struct backend *b, backend_cb fn, void *arg)
{
    struct question *q = mem_alloc(sizeof *q);
    *q = (struct question){.fn = fn, .arg = arg};
    redis_link_gate(self(b)->commands, REDIS_GATE_ASIDE); /* reads only: no need to wait for trust */
    redis_call(self(b)->commands, (struct str[]){STR("INFO")}, 1, on_info, q);
    redis_call(self(b)->commands, (struct str[]){STR("CONFIG"), STR("GET"), STR("save")}, 3, on_save_points,
               q);
    set_gate(self(b));
}

static void close_backend(struct backend *b)
{
    struct backend_redis *r = self(b);
    r->holds++;
    r->closed = true;
    echo_forget(&r->echo);
    follow_free(r->follow);
    redis_link_free(r->subscriber);
    for (struct turn *t; (t = turns_next(&r->turns, true)) != NULL; mem_free(t))
        if (t->fn)
            t->fn(t->arg, ERR_UNAVAILABLE, NULL);
    /* The command link answers all calls, of scripts too; its callbacks may still call run and info. So the
     * runner is last, and has nothing left to answer. */
    redis_link_free(r->commands);
    script_runner_free(r->scripts);
    turns_close(&r->turns);
    echo_close(&r->echo);
    release(r);
}

static const struct backend_ops ops = {.run = run,
                                       .probe = probe,
                                       .publish = publish,
                                       .info = info,
                                       .up = up,
                                       .cut_off = cut_off,
                                       .reason = reason,
                                       .free = close_backend};

static void subscribe(struct backend_redis *r, const char *instance_id)
{
    struct buf channel = {0};
    buf_add_text(&channel, r->base.prefix);
    buf_add_text(&channel, "room_events");
    redis_subscribe(r->subscriber, buf_str(&channel));
    buf_add_text(&channel, ":");
    buf_add_text(&channel, instance_id);
    redis_subscribe(r->subscriber, buf_str(&channel));
    buf_close(&channel);
}

struct backend *backend_redis_new(struct loop *l, const struct backend_redis_options *o,
                                  const struct backend_events *e)
{
    struct backend_redis *r = mem_alloc(sizeof *r);
    struct redis_link_options options = {.address = o->address,
                                         .sentinels = o->sentinels,
                                         .name = "commands",
                                         .command_timeout_ms = o->command_timeout_ms,
                                         .connect_timeout_ms = o->connect_timeout_ms,
                                         .on_state = on_commands_state,
                                         .arg = r};
    r->base = (struct backend){.ops = &ops, .durable = true, .prefix = o->prefix ? o->prefix : ""};
    r->events = *e;
    r->doubt = REDIS_CONNECTING;
    turns_init(&r->turns);
    breaker_init(&r->breaker, &o->breaker, clock_mono_ms());
    echo_init(&r->echo, l, r->base.prefix, o->instance_id, o->command_timeout_ms, on_deaf, r);
    r->commands = redis_link_new(l, &options);
    options.name = "events";
    options.on_state = on_subscriber_state;
    options.on_message = on_message;
    r->subscriber = redis_link_new(l, &options);
    r->scripts = script_runner_new(r->commands);
    script_runner_watch(r->scripts, on_outcome, r);
    subscribe(r, o->instance_id);
    if (o->sentinels != NULL && o->sentinels->count > 0)
        r->follow = follow_new(l, o->sentinels, o->connect_timeout_ms, on_switched, r);
    return &r->base;
}

void backend_redis_stats(const struct backend *b, struct redis_link_stats *commands,
                         struct redis_link_stats *events)
{
    redis_link_stats(self(b)->commands, commands);
    redis_link_stats(self(b)->subscriber, events);
}

bool backend_is_redis(const struct backend *b)
{
    return b->ops == &ops;
}
