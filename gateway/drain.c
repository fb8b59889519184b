/* Shutdown: one timer that looks whether everybody has been detached, with a deadline. */
#include "gateway/drain.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/tell.h"
#include "gateway/clockwork.h"
#include "gateway/detach.h"
#include "gateway/lease.h"
#include "gateway/server.h"
#include "gateway/settings.h"
#include "matchmaking/presence.h"

enum { LOOK_MS = 20 };

struct drain {
    struct node *node;
    struct loop_timer *timer;
    uint64_t deadline_ms;
    loop_cb done;
    void *arg;
    bool retiring;
};

static void close_server(struct drain *d)
{
    server_close(d->node->server, d->done, d->arg);
}

static void on_retired(void *arg, int err, const struct reply *reply)
{
    struct drain *d = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "OK"))
        log_info("instance.retired", KV("instance", d->node->realm.instance_id));
    else
        log_warn("instance.not_retired", KV("instance", d->node->realm.instance_id),
                 KV("next", "the other instances sweep what is left when the lease is over"));
    if (d->timer) { /* else the deadline was first */
        loop_timer_free(d->timer);
        d->timer = NULL;
        close_server(d);
    }
}

static void look(void *arg)
{
    struct drain *d = arg;
    struct node *n = d->node;
    bool late = clock_mono_ms() >= d->deadline_ms;
    size_t left = server_connections(n->server) + detaches_running(n->detaches) + n->attaching;
    bool store_up = n->backend->ops->up(n->backend);
    if (store_up)
        left += detaches_waiting(n->detaches);
    if (late || (left == 0 && !store_up)) {
        log_warn("drain.cut_short", KV_INT("connections", server_connections(n->server)),
                 KV_INT("detaches", detaches_running(n->detaches) + detaches_waiting(n->detaches)),
                 KV("reason", late ? "DRAIN_MS is over" : "the store is away"));
        loop_timer_free(d->timer);
        d->timer = NULL;
        close_server(d);
        return;
    }
    if (left > 0 || d->retiring)
        return;
    d->retiring = true;
    lease_stop(n->lease);
    presence_retire(&n->realm, str_of(n->realm.instance_id), on_retired, d);
}

static void say_goodbye(void *arg, struct conn *c)
{
    (void)arg;
    tell_goodbye(c, CLOSE_DRAINING, 0);
}

void drain_start(struct node *n, loop_cb done, void *arg)
{
    struct drain *d = mem_alloc(sizeof *d);
    d->node = n;
    d->done = done;
    d->arg = arg;
    d->deadline_ms = clock_mono_ms() + (uint64_t)n->settings->drain_ms;
    n->drain = d;
    log_info("drain.started", KV_INT("connections", server_connections(n->server)),
             KV("next", "goodbye 4200 to all"));
    clockwork_stop(n->clockwork);
    server_stop_accepting(n->server);
    server_each(n->server, say_goodbye, NULL);
    d->timer = loop_timer_new(n->loop, look, d);
    loop_timer_start(d->timer, 0, LOOK_MS);
}

void drain_free(struct drain *d)
{
    if (!d)
        return;
    loop_timer_free(d->timer);
    mem_free(d);
}
