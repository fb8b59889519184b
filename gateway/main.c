/* Builds the process from its parts, runs the loop, and takes it apart again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/adopt.h"
#include "gateway/admit.h"
#include "gateway/attach.h"
#include "gateway/clockwork.h"
#include "gateway/confirm.h"
#include "gateway/detach.h"
#include "gateway/departed.h"
#include "gateway/dispatch.h"
#include "gateway/drain.h"
#include "gateway/estimate.h"
#include "gateway/fleet.h"
#include "gateway/homecoming.h"
#include "gateway/inbox.h"
#include "gateway/island.h"
#include "gateway/lease.h"
#include "gateway/room.h"
#include "gateway/server.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/supervisor.h"
#include "gateway/surface.h"
#include "matchmaking/batch.h"

struct process {
    struct node node;
    struct settings settings;
    struct conf *conf;
    struct server_options server_options;
    char instance_id[ID_SIZE];
    bool was_up;   /* the store has been up before */
    bool admitted; /* it is one we may live on */
    int worker;    /* which one, of several on one port */
    int exit_code;
};

static void on_store_message(void *arg, struct str channel, struct str message)
{
    struct process *p = arg;
    inbox_message(&p->node, channel, message);
}

static void on_store_state(void *arg, bool up, const char *reason)
{
    struct process *p = arg;
    if (!up) {
        clockwork_store_away(p->node.clockwork);
        log_warn("store.away", KV("reason", reason),
                 KV("next", "connections stay, calls answer SERVICE_DEGRADED"));
        return;
    }
    log_info("store.ready", KV("mode", p->node.backend->durable ? "redis" : "standalone"));
    homecoming_tick(&p->node);
    if (p->was_up)
        clockwork_store_back(p->node.clockwork);
    else if (!lease_ready(p->node.lease))
        lease_beat(p->node.lease);
    p->was_up = true;
}

static void teardown(void *arg)
{
    struct process *p = arg;
    struct node *n = &p->node;
    lease_stop(n->lease);
    clockwork_stop(n->clockwork);
    surface_close(n);
    batch_free(n->realm.batch);
    n->realm.batch = NULL;             /* the last answers may ask more: nobody is there to collect it */
    n->backend->ops->free(n->backend); /* answers what is pending */
    n->backend = NULL;
    island_close(n->island);
    drain_free(n->drain);
    loop_stop(n->loop);
}

static void on_stop_signal(void *arg)
{
    struct process *p = arg;
    if (p->node.drain) {
        log_warn("process.cut_short", KV("reason", "second signal"), KV("next", "exit now"));
        _exit(EXIT_FAILURE);
    }
    drain_start(&p->node, teardown, p);
}

static void on_ready(void *arg)
{
    struct process *p = arg;
    struct node *n = &p->node;
    clockwork_start(n->clockwork);
    log_info("process.ready", KV("instance", n->realm.instance_id), KV_INT("port", server_port(n->server)),
             KV("mode", n->backend->durable ? "redis" : "standalone"));
    surface_ready(n);
}

static void on_refused(void *arg, const char *text)
{
    struct process *p = arg;
    lease_stop(p->node.lease);
    log_error("process.refused", KV("reason", text));
    p->exit_code = EXIT_FAILURE;
    if (!p->node.drain) /* else it is ending already */
        drain_start(&p->node, teardown, p);
}

static void on_admitted(void *arg, enum admit verdict, const char *text)
{
    struct process *p = arg;
    p->admitted = verdict == ADMIT_YES;
    if (verdict == ADMIT_YES)
        lease_start(p->node.lease);
    else if (verdict == ADMIT_NO)
        on_refused(p, text);
}

static void on_store_probe(void *arg)
{
    struct process *p = arg;
    if (p->admitted)
        lease_start(p->node.lease);
    else
        admit_ask(&p->node, on_admitted, p);
}

static void on_dead(void *arg, struct str instance_id)
{
    struct process *p = arg;
    clockwork_sweep(p->node.clockwork, instance_id);
}

static void beat_for_stranger(struct node *n)
{
    lease_beat(n->lease);
}

static void make_store(struct process *p)
{
    const struct settings *s = &p->settings;
    const struct backend_events events = {on_store_message, on_store_state, p, on_store_probe};
    const char *prefix = s->redis_key_prefix ? s->redis_key_prefix : "";
    struct node *n = &p->node;
    if (s->wants_redis)
        n->backend = backend_redis_new(
            n->loop,
            &(struct backend_redis_options){.address = s->redis,
                                            .sentinels = &s->sentinels,
                                            .prefix = prefix,
                                            .instance_id = p->instance_id,
                                            .command_timeout_ms = (uint64_t)s->probe_late_ms,
                                            .connect_timeout_ms = (uint64_t)s->connect_timeout_ms,
                                            .breaker = s->breaker},
            &events);
    else
        n->backend = backend_memory_new(n->loop, &(struct backend_memory_options){.prefix = prefix}, &events);
    const struct realm_rules rules = {.seats = s->room_seats,
                                      .confirm_auto = s->confirm_auto,
                                      .confirm_ms = s->confirm_ms,
                                      .idle_ms = s->room_idle_ms,
                                      .grace_ms = s->grace_ms,
                                      .queue_grace_ms = s->queue_grace_ms,
                                      .ticket_ttl_ms = s->ticket_ttl_ms,
                                      .session_ms = s->session_ttl_ms,
                                      .lease_ms = s->lease_ms,
                                      .log_max = s->room_log_max,
                                      .record_max_bytes = s->room_record_max_bytes,
                                      .events_mode = s->room_events_mode_name};
    realm_init(&n->realm, n->backend, &rules, prefix, p->instance_id);
}

static bool make_server(struct process *p, char *err, size_t err_size)
{
    const struct settings *s = &p->settings;
    p->server_options = (struct server_options){
        .host = s->host,
        .port = (int)s->port,
        .message_max_bytes = s->message_max_bytes,
        .fragments_max = s->fragments_max,
        .outbox_max_bytes = s->outbox_max_bytes,
        .connections_max = s->connections_max,
        .connections_per_address_max = s->connections_per_address_max,
        .hello_ms = (uint64_t)s->hello_ms,
        .ping_ms = (uint64_t)s->ping_ms,
        .socketio = !s->socket_io           ? DIALECT_NATIVE
                    : s->socket_io_recovery ? DIALECT_SOCKETIO
                                            : DIALECT_SOCKETIO_BARE,
        .pong_wait_ms = (uint64_t)s->pong_wait_ms,
        .allowed_origins = s->allowed_origins,
        .rate_burst = s->rate_burst,
        .permessage_deflate = s->permessage_deflate,
        .http_body_max_bytes = 65536,
    };
    const struct server_events events = {&p->node, dispatch_open, dispatch_message, dispatch_close,
                                         surface_http};
    p->node.server = server_new(p->node.loop, &p->server_options, &events, err, err_size);
    return p->node.server != NULL;
}

static int run(struct process *p)
{
    struct node *n = &p->node;
    n->loop = loop_new();
    n->settings = &p->settings;
    n->started_at_ms = clock_wall_ms();
    n->sessions = sessions_new();
    id_instance(p->instance_id);
    n->rooms = rooms_new(n->loop, p->instance_id, inbox_on_gap, n);
    n->on_seated = confirm_members;
    n->on_doubt = attach_again;
    n->on_event = adopt_event;
    n->on_settled = dispatch_kept;
    n->on_stranger = beat_for_stranger;
    list_init(&n->strangers);
    n->estimate = estimate_new(p->settings.level_max);
    n->detaches = detaches_new();
    metrics_use(p->worker, p->instance_id);
    n->fleet = fleet_new(p->instance_id);
    struct batch *batch = batch_new(n->loop); /* its hook before those of the store's links */
    make_store(p);
    n->realm.batch = batch;
    n->lease = lease_new(n, &(struct lease_events){p, on_ready, on_refused, on_dead});
    n->clockwork = clockwork_new(n);
    n->island = island_new(n);
    n->departed = departed_new();
    n->digest = digest_new();
    surface_open(n);
    char err[256] = "";
    if (make_server(p, err, sizeof err)) {
        loop_on_signal(n->loop, SIGTERM, on_stop_signal, p);
        loop_on_signal(n->loop, SIGINT, on_stop_signal, p);
        log_info("process.listening", KV("host", p->settings.host), KV_INT("port", server_port(n->server)),
                 KV("version", MG_VERSION),
                 KV("identity", p->settings.auth_jwt_secret ? "signed tokens" : "development"));
        if (!p->settings.auth_jwt_secret)
            log_warn("auth.development", KV("reason", "AUTH_JWT_SECRET is not set"),
                     KV("next", "everybody is who he says he is; do not run this in production"));
    } else {
        (void)fprintf(stderr, "matchgate: %s\n", err);
        p->exit_code = EXIT_FAILURE;
        teardown(p);
    }
    loop_run(n->loop);
    server_free(n->server);
    clockwork_free(n->clockwork);
    lease_free(n->lease);
    detaches_free(n->detaches);
    estimate_free(n->estimate);
    fleet_free(n->fleet);
    island_free(n->island);
    departed_free(n->departed);
    digest_free(n->digest);
    inbox_close(n);
    rooms_free(n->rooms);
    sessions_free(n->sessions);
    loop_free(n->loop);
    log_info("process.ended", KV_INT("code", p->exit_code));
    return p->exit_code;
}

static int run_worker(void *arg, int worker)
{
    struct process *p = arg;
    p->worker = worker;
    int code = run(p);
    conf_free(p->conf);
    return code;
}

static int run_all(struct process *p)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int workers = p->settings.workers ? (int)p->settings.workers : cores > 0 ? (int)cores : 1;
    if (workers == 1)
        return run(p);
    log_info("supervisor.started", KV_INT("workers", workers), KV_INT("port", p->settings.port));
    return supervisor_run(&(struct supervisor_options){workers, run_worker, p});
}

int main(int argc, char **argv)
{
    static struct process process; /* zeroed; its address is handed to callbacks */
    struct process *p = &process;
    char err[512] = "";
    (void)signal(SIGPIPE, SIG_IGN);
    int code = EXIT_SUCCESS;
    switch (settings_load(&p->settings, &p->conf, argc, argv, err, sizeof err)) {
    case SETTINGS_BAD:
        (void)fprintf(stderr, "matchgate: %s\n", err);
        code = 2;
        break;
    case SETTINGS_EXIT:
        break;
    case SETTINGS_RUN:
        log_setup((enum log_level)p->settings.log_level, (enum log_format)p->settings.log_format, 2);
        code = run_all(p);
        break;
    }
    conf_free(p->conf);
    return code;
}
