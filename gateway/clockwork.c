/* Periodic work: deadlines, the sweep of dead instances, the matching step, queueUpdate, and catching up
 * after an outage. */
#include "gateway/clockwork.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/adopt.h"
#include "gateway/tell.h"
#include "gateway/compare.h"
#include "gateway/detach.h"
#include "gateway/homecoming.h"
#include "gateway/lease.h"
#include "gateway/rounds.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/strays.h"
#include "matchmaking/presence.h"

enum { LEFTOVERS_PER_CALL = 64, SWEEP_AGAIN_MS = 5000 };

struct clockwork {
    struct node *node;
    struct loop_timer *poll, *sweep;
    struct rounds rounds; /* of the fleet's realm */
    struct strays strays;
    char unswept_id[ID_SIZE]; /* the last sweep failed on this one: others go first for a while */
    uint64_t unswept_until_ms;
    struct sweep *sweeping; /* one at a time */
};

/* The leftovers of one dead instance, in rounds until none is left. */
struct sweep {
    struct clockwork *clockwork;
    size_t waiting; /* detaches of this round */
    size_t removed, removed_before;
    char instance_id[ID_SIZE];
};

static void sweep_round(struct sweep *s);

static void sweep_end(struct sweep *s, bool done, const char *how)
{
    struct clockwork *c = s->clockwork;
    if (!done) {
        memcpy(c->unswept_id, s->instance_id, sizeof c->unswept_id);
        c->unswept_until_ms = clock_mono_ms() + SWEEP_AGAIN_MS;
    }
    log_info("instance.swept", KV("instance", s->instance_id), KV_INT("sockets", s->removed),
             KV("result", how));
    c->sweeping = NULL;
    mem_free(s);
}

static void on_retired(void *arg, int err, const struct reply *reply)
{
    struct realm_outcome o = realm_outcome(err, reply);
    bool done = realm_said(o, "OK");
    sweep_end(arg, done, done ? "nothing is left" : "not finished, tried again later");
}

static void on_leftover_gone(void *arg, bool removed)
{
    struct sweep *s = arg;
    s->removed += removed;
    if (--s->waiting > 0)
        return;
    if (s->removed == s->removed_before) { /* the same would come again */
        sweep_end(s, false, "what is left cannot be detached now");
        return;
    }
    s->removed_before = s->removed;
    sweep_round(s);
}

static void on_leftovers(void *arg, int err, const struct reply *reply)
{
    struct sweep *s = arg;
    struct node *n = s->clockwork->node;
    struct realm_outcome o = realm_outcome(err, reply);
    if (!realm_said(o, "OK")) {
        bool live = realm_said(o, "LIVE");
        sweep_end(s, live, live ? "it is alive again" : "the store did not answer");
        return;
    }
    const struct reply *list = reply_at(reply, 1);
    if (list->count == 0) {
        presence_retire(&n->realm, str_of(s->instance_id), on_retired, s);
        return;
    }
    s->waiting = list->count / 4 + 1; /* one more: a detach may end inside its call */
    for (size_t i = 0; i + 3 < list->count; i += 4) {
        struct detach_leftover left = {.socket_id = reply_str(list, i),
                                       .player_id = reply_str(list, i + 1),
                                       .level = reply_int(list, i + 2),
                                       .room_id = reply_str(list, i + 3),
                                       .owner_instance_id = str_of(s->instance_id)};
        detach_leftover(n, &left, on_leftover_gone, s);
    }
    on_leftover_gone(s, false);
}

static void sweep_round(struct sweep *s)
{
    presence_leftovers(&s->clockwork->node->realm, str_of(s->instance_id), LEFTOVERS_PER_CALL, on_leftovers,
                       s);
}

void clockwork_sweep(struct clockwork *c, struct str instance_id)
{
    uint64_t now = clock_mono_ms();
    const struct backend *b = c->node->backend;
    if (c->sweeping || !c->sweep || now < c->rounds.quiet_until_ms || !b->ops->up(b) ||
        !id_valid(instance_id))
        return;
    if (now < c->unswept_until_ms && str_eq(instance_id, str_of(c->unswept_id)))
        return;
    struct sweep *s = mem_alloc(sizeof *s);
    s->clockwork = c;
    (void)str_copy(s->instance_id, sizeof s->instance_id, instance_id);
    c->sweeping = s;
    log_info("instance.dead", KV("instance", s->instance_id), KV("next", "its sockets are detached"));
    sweep_round(s);
}

/* A signed identity ends with its token. */
static void expire_one(void *arg, struct session *s)
{
    const uint64_t *now_ms = arg;
    if (s->token_expires_at_ms && s->token_expires_at_ms <= *now_ms)
        tell_goodbye(s->conn, CLOSE_TOKEN_EXPIRED, 0);
}

static void sweep_tick(void *arg)
{
    struct clockwork *c = arg;
    struct node *n = c->node;
    uint64_t wall_ms = clock_wall_ms();
    sessions_each(n->sessions, expire_one, &wall_ms);
    if (!lease_ready(n->lease) || !n->backend->ops->up(n->backend))
        return;
    compare_slice(n);
    if (detaches_waiting(n->detaches))
        detach_retry(n);
    strays_step(&c->strays);
    rounds_queues(&c->rounds);
}

static void poll(void *arg)
{
    struct clockwork *c = arg;
    const struct backend *b = c->node->backend;
    adopt_tick(c->node);
    homecoming_tick(c->node);
    if (b->ops->up(b) && lease_ready(c->node->lease))
        rounds_timers(&c->rounds);
}

struct clockwork *clockwork_new(struct node *n)
{
    struct clockwork *c = mem_alloc(sizeof *c);
    c->node = n;
    c->rounds = (struct rounds){.node = n, .realm = &n->realm};
    c->strays.node = n;
    return c;
}

void clockwork_free(struct clockwork *c)
{
    if (!c)
        return;
    clockwork_stop(c);
    mem_free(c->sweeping);
    mem_free(c);
}

void clockwork_start(struct clockwork *c)
{
    const struct settings *set = c->node->settings;
    c->poll = loop_timer_new(c->node->loop, poll, c);
    loop_timer_start(c->poll, (uint64_t)set->timer_poll_ms, (uint64_t)set->timer_poll_ms);
    c->sweep = loop_timer_new(c->node->loop, sweep_tick, c);
    loop_timer_start(c->sweep, (uint64_t)set->sweep_ms, (uint64_t)set->sweep_ms);
}

void clockwork_stop(struct clockwork *c)
{
    loop_timer_free(c->poll);
    loop_timer_free(c->sweep);
    c->poll = c->sweep = NULL;
}

void clockwork_store_away(struct clockwork *c)
{
    c->rounds.quiet_until_ms = UINT64_MAX;
    lease_rest(c->node->lease, c->rounds.quiet_until_ms);
}

void clockwork_store_back(struct clockwork *c)
{
    struct node *n = c->node;
    c->rounds.quiet_until_ms = clock_mono_ms() + 2 * (uint64_t)n->settings->lease_ms;
    c->rounds.polling = c->rounds.counting = false;
    lease_rest(n->lease, c->rounds.quiet_until_ms);
    detach_retry(n);
    compare_all(n);
    strays_walk(&c->strays); /* behind the detaches that were put off */
}
