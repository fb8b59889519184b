/* Shutdown in three phases on one timer: notice, paced goodbyes, and the wait until everybody is detached.
 *
 * NOTICE: /health/ready says 503, everything else goes on, newcomers included, for DRAIN_NOTICE_MS: a load
 * balancer needs some probes to see it. GOODBYES: nobody new is let in, and the connections are sent away one
 * by one, evenly over DRAIN_SPREAD_MS, so that the instances that take them see a steady trickle and not a
 * wave. Who waits for a match goes first (his place is held for a short time only, a seat for longer), the
 * others in random order; delayMs adds some jitter, since our steps are coarser than a connection. An
 * instance that has players goes on with its periodic work: it is still theirs. WAITING: all have been sent
 * away; when their detaches are answered we retire our lease and close the server.
 *
 * What can fail: a peer that never answers our Close frame, or a store that is away or slow. DRAIN_MS from
 * the beginning the server is closed all the same, with a warning; then the others sweep what is left once
 * our lease is over. Without a store nothing can be detached, so nobody waits for it; but what is played on
 * the island is lost with this process unless the store takes it back, so the goodbyes are put off for as
 * long as DRAIN_MS allows. */
#include "gateway/drain.h"

#include <sys/random.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/tell.h"
#include "gateway/clockwork.h"
#include "gateway/detach.h"
#include "gateway/homecoming.h"
#include "gateway/island.h"
#include "gateway/lease.h"
#include "gateway/server.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "matchmaking/presence.h"

enum { STEP_MS = 10, JITTER_MS = 50, STORE_AWAY_MS = 500 /* away for so long: not waited for */ };

enum phase { NOTICE, GOODBYES, WAITING };

struct drain {
    struct node *node;
    struct loop_timer *timer;
    enum phase phase;
    uint64_t notice_end_ms, goodbyes_from_ms, spread_ms, deadline_ms;
    uint64_t island_end_ms; /* the goodbyes wait for the island until then */
    uint64_t away_since_ms; /* the store, since we have nothing else to wait for; 0 = it is not away */
    struct conn **order;    /* held; whom to send away, and in which order */
    size_t count, said;
    loop_cb done;
    void *arg;
    bool retiring;
};

static void close_server(struct drain *d)
{
    loop_timer_free(d->timer);
    d->timer = NULL;
    server_close(d->node->server, d->done, d->arg);
}

/* --- goodbyes
 * ------------------------------------------------------------------------------------------------------ */

static void collect(void *arg, struct conn *c)
{
    struct drain *d = arg;
    conn_hold(c);
    d->order[d->count++] = c;
}

/* Players who wait for a match, to the front; the number of them. */
static size_t queued_first(struct conn **order, size_t count)
{
    size_t front = 0;
    for (size_t i = 0; i < count; i++) {
        const struct session *s = conn_user(order[i]);
        if (s == NULL || s->state != SESSION_QUEUED)
            continue;
        struct conn *c = order[i];
        order[i] = order[front];
        order[front++] = c;
    }
    return front;
}

static uint64_t random_below(uint64_t bound)
{
    uint64_t random;
    CHECK(getrandom(&random, sizeof random, 0) == sizeof random);
    return random % bound;
}

static void shuffle(struct conn **order, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)random_below(i);
        struct conn *c = order[i - 1];
        order[i - 1] = order[other];
        order[other] = c;
    }
}

static void begin_goodbyes(struct drain *d, uint64_t now_ms)
{
    struct node *n = d->node;
    server_stop_accepting(n->server);
    d->order = mem_alloc((server_connections(n->server) + 1) * sizeof(struct conn *));
    server_each(n->server, collect, d);
    size_t queued = queued_first(d->order, d->count);
    shuffle(d->order, queued);
    shuffle(d->order + queued, d->count - queued);
    d->goodbyes_from_ms = now_ms; /* not the clock again: say_due subtracts it from the same now */
    d->phase = GOODBYES;
    log_info("drain.goodbyes", KV_INT("connections", d->count), KV_INT("queued", queued),
             KV_INT("spread_ms", d->spread_ms), KV("next", "goodbye 4200, one by one"));
}

static void say_goodbye(void *arg, struct conn *c)
{
    (void)arg;
    tell_goodbye(c, CLOSE_DRAINING, 1 + (int64_t)random_below(JITTER_MS));
}

/* Number i goes i/count of the way into the spread: a lone player at once. */
static void say_due(struct drain *d, uint64_t now_ms)
{
    while (d->said < d->count && now_ms - d->goodbyes_from_ms >= d->spread_ms * d->said / d->count) {
        struct conn *c = d->order[d->said++];
        say_goodbye(d, c);
        conn_release(c);
    }
    if (d->said < d->count)
        return;
    server_each(d->node->server, say_goodbye, NULL); /* an upgrade that was just under way */
    clockwork_stop(d->node->clockwork);
    d->phase = WAITING;
}

/* --- the end
 * ------------------------------------------------------------------------------------------------------- */

static void on_retired(void *arg, int err, const struct reply *reply)
{
    struct drain *d = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "OK"))
        log_info("instance.retired", KV("instance", d->node->realm.instance_id));
    else
        log_warn("instance.not_retired", KV("instance", d->node->realm.instance_id),
                 KV("next", "the other instances sweep what is left when the lease is over"));
    if (d->timer) /* else the deadline was first */
        close_server(d);
}

static void cut_short(struct drain *d, const char *reason)
{
    struct node *n = d->node;
    log_warn("drain.cut_short", KV_INT("connections", server_connections(n->server)),
             KV_INT("detaches", detaches_running(n->detaches) + detaches_waiting(n->detaches)),
             KV_INT("rooms_lost", island_rooms(n->island)), KV("reason", reason));
    close_server(d);
}

static void look(struct drain *d)
{
    struct node *n = d->node;
    size_t left = server_connections(n->server) + detaches_running(n->detaches) + n->attaching;
    bool store_up = n->backend->ops->up(n->backend);
    homecoming_tick(n); /* the clockwork has stopped */
    if (store_up)
        left += detaches_waiting(n->detaches) + island_is(n->island);
    if (store_up && detaches_waiting(n->detaches))
        detach_retry(n);
    if (left > 0 || d->retiring)
        return;
    if (!store_up && lease_awaits_first(n->lease))
        return; /* its answer says whether there is a lease to give back, or that the start is refused */
    if (!store_up) {
        uint64_t now_ms = clock_mono_ms();
        if (d->away_since_ms == 0)
            d->away_since_ms = now_ms;
        if (now_ms - d->away_since_ms >= STORE_AWAY_MS)
            cut_short(d, "the store is away");
        return;
    }
    d->retiring = true;
    lease_stop(n->lease);
    presence_retire(&n->realm, str_of(n->realm.instance_id), on_retired, d);
}

static void step(void *arg)
{
    struct drain *d = arg;
    uint64_t now_ms = clock_mono_ms();
    if (now_ms >= d->deadline_ms) {
        cut_short(d, "DRAIN_MS is over");
        return;
    }
    bool wait = island_is(d->node->island) && now_ms < d->island_end_ms;
    if (d->phase == NOTICE && now_ms >= d->notice_end_ms && !wait)
        begin_goodbyes(d, now_ms);
    if (d->phase == GOODBYES)
        say_due(d, now_ms);
    if (d->phase == WAITING)
        look(d);
}

void drain_start(struct node *n, loop_cb done, void *arg)
{
    const struct settings *set = n->settings;
    struct drain *d = mem_alloc(sizeof *d);
    /* Who was never ready is in nobody's rotation. */
    uint64_t notice_ms = lease_ready(n->lease) ? (uint64_t)set->drain_notice_ms : 0;
    uint64_t spread_max_ms = ((uint64_t)set->drain_ms - notice_ms) / 2;
    uint64_t now_ms = clock_mono_ms();
    d->node = n;
    d->done = done;
    d->arg = arg;
    d->spread_ms = (uint64_t)set->drain_spread_ms;
    if (d->spread_ms > spread_max_ms)
        d->spread_ms = spread_max_ms;
    d->notice_end_ms = now_ms + notice_ms;
    d->deadline_ms = now_ms + (uint64_t)set->drain_ms;
    d->island_end_ms = d->deadline_ms - d->spread_ms - ((uint64_t)set->drain_ms - notice_ms) / 4;
    n->drain = d;
    log_info("drain.started", KV_INT("connections", server_connections(n->server)),
             KV_INT("notice_ms", notice_ms), KV("next", "not ready from now on"));
    d->timer = loop_timer_new(n->loop, step, d);
    loop_timer_start(d->timer, STEP_MS, STEP_MS);
    step(d);
}

bool drain_refuses(const struct drain *d)
{
    return d && d->phase != NOTICE;
}

void drain_free(struct drain *d)
{
    if (!d)
        return;
    loop_timer_free(d->timer);
    while (d->said < d->count)
        conn_release(d->order[d->said++]);
    mem_free(d->order);
    mem_free(d);
}
