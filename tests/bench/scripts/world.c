/* Builds two instances and their players, and listens for them. */
#include "tests/bench/scripts/world.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/presence.h"
#include "tests/bench/report.h"
#include "tests/lib/loop_wait.h"

enum { LEASE_MS = 24 * 3600 * 1000 };

/* The defaults of the product (gateway/settings.c), but for the lease. */
static const struct realm_rules rules = {
    .seats = 2,
    .confirm_ms = 10000,
    .idle_ms = 1800000,
    .grace_ms = 30000,
    .queue_grace_ms = 5000,
    .ticket_ttl_ms = 600000,
    .session_ms = 1800000,
    .lease_ms = LEASE_MS,
    .log_max = 256,
    .record_max_bytes = 65536,
    .events_mode = "remote",
};

static void on_message(void *arg, struct str channel, struct str message)
{
    static const char numbered[] = "\"event\":\"gameMessage\"";
    struct world_instance *i = arg;
    (void)channel;
    i->heard += memmem(message.p, message.n, numbered, sizeof numbered - 1) != NULL;
}

static void on_state(void *arg, bool up, const char *reason)
{
    struct world_instance *i = arg;
    if (i->up && !up)
        report_give_up("Redis went away: %s", reason);
    i->up = up;
}

static void on_beat(void *arg, int err, const struct reply *reply)
{
    struct world_instance *i = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (!realm_said(o, "OK"))
        report_give_up("heartbeat: %s %.*s", err_text(err), reply ? (int)reply->str.n : 0,
                       reply ? reply->str.p : "");
    realm_heard(&i->realm, reply_int(reply, 2), reply_int(reply, 7));
    i->beats++;
}

static void open_instance(struct world *w, struct world_instance *i, const struct world_options *o)
{
    char instance_id[ID_SIZE];
    struct realm_rules own = rules;
    own.confirm_auto = o->confirm_auto;
    id_instance(instance_id);
    i->world = w;
    i->batch = batch_new(w->loop); /* its hook before those of the links, as in a gateway */
    struct backend_redis_options options = {.address = {.is_unix = true},
                                            .prefix = "",
                                            .instance_id = instance_id,
                                            .command_timeout_ms = WORLD_WAIT_MS,
                                            .connect_timeout_ms = WORLD_WAIT_MS};
    if (!str_copy(options.address.host, sizeof options.address.host, str_of(o->redis_socket)))
        report_give_up("--redis-socket is too long");
    i->backend =
        backend_redis_new(w->loop, &options, &(struct backend_events){on_message, on_state, i, NULL});
    realm_init(&i->realm, i->backend, &own, "", instance_id);
    i->realm.batch = i->batch;
}

static bool all_up(void *arg)
{
    const struct world *w = arg;
    return w->instances[0].up && w->instances[1].up;
}

static bool all_beat(void *arg)
{
    const struct world *w = arg;
    return w->instances[0].beats > 0 && w->instances[1].beats > 0;
}

static void wait_for(struct world *w, bool (*cond)(void *arg), const char *what)
{
    if (!loop_wait(w->loop, cond, w, WORLD_WAIT_MS))
        report_give_up("waited too long for %s", what);
}

/* Every second pair sits the other way round, so that either instance has as many who wait. */
static void make_player(struct world *w, size_t n, bool same)
{
    struct world_player *p = &w->players[n];
    size_t pair = n / 2, home = same ? pair : n + pair;
    p->home = &w->instances[home % WORLD_INSTANCES];
    p->partner = &w->players[n ^ 1];
    p->level = (int64_t)pair;
    (void)snprintf(p->player_id, sizeof p->player_id, "player%06zu", n);
    id_timed(p->socket_id, "s_", clock_wall_ms());
    id_random(p->session_id, "n_");
    id_random(p->ticket_id, "t_");
}

void world_open(struct world *w, const struct world_options *o)
{
    *w = (struct world){.loop = loop_new(), .count = o->players};
    for (size_t i = 0; i < WORLD_INSTANCES; i++)
        open_instance(w, &w->instances[i], o);
    wait_for(w, all_up, "Redis");
    for (size_t i = 0; i < WORLD_INSTANCES; i++)
        presence_heartbeat(&w->instances[i].realm,
                           &(struct presence_beat){.info = STR("{\"seats\":2,\"beat\":1}"), .first = true},
                           on_beat, &w->instances[i]);
    wait_for(w, all_beat, "the heartbeats");
    w->players = mem_alloc(w->count * sizeof *w->players);
    for (size_t n = 0; n < w->count; n++)
        make_player(w, n, o->same);
}

void world_close(struct world *w)
{
    for (size_t i = 0; i < WORLD_INSTANCES; i++) {
        batch_free(w->instances[i].batch);
        w->instances[i].backend->ops->free(w->instances[i].backend);
    }
    loop_run(w->loop);
    loop_free(w->loop);
    mem_free(w->players);
}

static bool all_heard(void *arg)
{
    const struct world *w = arg;
    return w->instances[0].heard >= w->published && w->instances[1].heard >= w->published;
}

void world_hear(struct world *w)
{
    wait_for(w, all_heard, "the messages that were published");
    for (size_t i = 0; i < WORLD_INSTANCES; i++)
        if (w->instances[i].heard > w->published)
            report_give_up("an instance heard %llu messages of %llu",
                           (unsigned long long)w->instances[i].heard, (unsigned long long)w->published);
}
