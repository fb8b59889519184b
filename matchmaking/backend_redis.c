/* The store in Redis: one link for scripts and publishing, one for the events of the fleet.
 *
 * Two connections, since a subscribed one takes no commands. The store is up when both are: without the event
 * link this instance would answer its players but never hear what is done to them. Calls need the command
 * link only, so while the event link alone is away they still work; whoever acts for the cluster asks up()
 * first.
 *
 * Keys and channels of calls arrive complete, with the prefix in front; only the two channels this file
 * subscribes to are its own. PING proves nothing on a subscribed connection, and an event link that hears
 * nothing looks like a quiet fleet: who wants to know publishes to himself. */
#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/backend.h"

struct backend_redis {
    struct backend base;
    struct backend_events events;
    struct redis_link *commands, *subscriber;
    struct script_runner *scripts;
    bool up; /* as last reported */
};

static struct backend_redis *self(const struct backend *b)
{
    CHECK(backend_is_redis(b));
    return (struct backend_redis *)(uintptr_t)b;
}

static bool both_up(const struct backend_redis *r)
{
    return redis_link_up(r->commands) && redis_link_up(r->subscriber);
}

static void on_state(void *arg, bool link_up, enum redis_reason reason)
{
    struct backend_redis *r = arg;
    (void)link_up;
    if (r->up == both_up(r))
        return;
    r->up = !r->up;
    if (r->events.on_state != NULL)
        r->events.on_state(r->events.arg, r->up, redis_reason_name(reason));
}

static void on_message(void *arg, struct str channel, struct str message)
{
    struct backend_redis *r = arg;
    if (r->events.on_message != NULL)
        r->events.on_message(r->events.arg, channel, message);
}

static void run(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    script_run(self(b)->scripts, s, keys, key_count, args, arg_count, fn, arg);
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
    redis_call(self(b)->commands, (struct str[]){STR("INFO")}, 1, on_info, q);
    redis_call(self(b)->commands, (struct str[]){STR("CONFIG"), STR("GET"), STR("save")}, 3, on_save_points,
               q);
}

static bool up(const struct backend *b)
{
    return both_up(self(b));
}

static const char *reason(const struct backend *b)
{
    const struct backend_redis *r = self(b);
    const struct redis_link *worse = redis_link_up(r->commands) ? r->subscriber : r->commands;
    return redis_reason_name(redis_link_reason(worse));
}

static void close_backend(struct backend *b)
{
    struct backend_redis *r = self(b);
    redis_link_free(r->subscriber);
    /* The command link answers all calls, of scripts too; its callbacks may still call run and info. So the
     * runner is last, and has nothing left to answer. */
    redis_link_free(r->commands);
    script_runner_free(r->scripts);
    mem_free(r);
}

static const struct backend_ops ops = {
    .run = run, .publish = publish, .info = info, .up = up, .reason = reason, .free = close_backend};

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
                                         .name = "commands",
                                         .command_timeout_ms = o->command_timeout_ms,
                                         .connect_timeout_ms = o->connect_timeout_ms,
                                         .on_state = on_state,
                                         .arg = r};
    r->base = (struct backend){.ops = &ops, .durable = true, .prefix = o->prefix ? o->prefix : ""};
    r->events = *e;
    r->commands = redis_link_new(l, &options);
    options.name = "events";
    options.on_message = on_message;
    r->subscriber = redis_link_new(l, &options);
    r->scripts = script_runner_new(r->commands);
    subscribe(r, o->instance_id);
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
