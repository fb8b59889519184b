/* Periodic work: deadlines, the sweep of dead instances, the matching step, queueUpdate, and catching up
 * after an outage. */
#include "gateway/clockwork.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/tell.h"
#include "gateway/attach.h"
#include "gateway/detach.h"
#include "gateway/inbox.h"
#include "gateway/lease.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/waiting.h"
#include "matchmaking/presence.h"
#include "matchmaking/report.h"
#include "matchmaking/timers.h"

enum { TIMERS_PER_POLL = 100, LEFTOVERS_PER_CALL = 64, QUEUE_UPDATE_MS = 2000, COMPARE_MS = 5000 };

struct clockwork {
    struct node *node;
    struct loop_timer *poll, *sweep;
    bool polling, counting;
    uint64_t quiet_until_ms, updated_at_ms, compared_at_ms;
    struct sweep *sweeping; /* one at a time */
};

/* The leftovers of one dead instance, in rounds until none is left. */
struct sweep {
    struct clockwork *clockwork;
    size_t waiting; /* detaches of this round */
    size_t removed;
    char instance_id[ID_SIZE];
};

static void sweep_round(struct sweep *s);

static void sweep_end(struct sweep *s, const char *how)
{
    log_info("instance.swept", KV("instance", s->instance_id), KV_INT("sockets", s->removed),
             KV("result", how));
    s->clockwork->sweeping = NULL;
    mem_free(s);
}

static void on_retired(void *arg, int err, const struct reply *reply)
{
    struct realm_outcome o = realm_outcome(err, reply);
    sweep_end(arg, realm_said(o, "OK") ? "nothing is left" : "not finished, tried again with the next beat");
}

static void on_leftover_gone(void *arg)
{
    struct sweep *s = arg;
    s->removed++;
    if (--s->waiting == 0)
        sweep_round(s);
}

static void on_leftovers(void *arg, int err, const struct reply *reply)
{
    struct sweep *s = arg;
    struct node *n = s->clockwork->node;
    struct realm_outcome o = realm_outcome(err, reply);
    if (!realm_said(o, "OK")) {
        sweep_end(s, realm_said(o, "LIVE") ? "it is alive again" : "the store did not answer");
        return;
    }
    const struct reply *list = reply_at(reply, 1);
    if (list->count == 0) {
        presence_retire(&n->realm, str_of(s->instance_id), on_retired, s);
        return;
    }
    s->waiting = list->count / 4;
    for (size_t i = 0; i + 3 < list->count; i += 4) {
        struct detach_leftover left = {.socket_id = reply_str(list, i),
                                       .player_id = reply_str(list, i + 1),
                                       .level = reply_int(list, i + 2),
                                       .room_id = reply_str(list, i + 3),
                                       .owner_instance_id = str_of(s->instance_id)};
        detach_leftover(n, &left, on_leftover_gone, s);
    }
}

static void sweep_round(struct sweep *s)
{
    presence_leftovers(&s->clockwork->node->realm, str_of(s->instance_id), LEFTOVERS_PER_CALL, on_leftovers,
                       s);
}

void clockwork_sweep(struct clockwork *c, struct str instance_id)
{
    if (c->sweeping || !c->sweep || clock_mono_ms() < c->quiet_until_ms || !id_valid(instance_id))
        return;
    struct sweep *s = mem_alloc(sizeof *s);
    s->clockwork = c;
    (void)str_copy(s->instance_id, sizeof s->instance_id, instance_id);
    c->sweeping = s;
    log_info("instance.dead", KV("instance", s->instance_id), KV("next", "its sockets are detached"));
    sweep_round(s);
}

static void on_fired(void *arg, int err, const struct reply *reply)
{
    struct clockwork *c = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (!realm_said(o, "OK"))
        return;
    inbox_events(c->node, reply_at(reply, 2));
    waiting_match_text(c->node, reply_str(reply, 1));
}

static void on_due(void *arg, int err, const struct reply *reply)
{
    struct clockwork *c = arg;
    c->polling = false;
    if (err)
        return;
    for (size_t i = 0; i < reply->count; i++) {
        struct timer_entry entry;
        if (!timers_parse(reply_str(reply, i), &entry)) {
            log_limited(LOG_WARN, "timer.unreadable", KV_STR("entry", reply_str(reply, i)),
                        KV("next", "left alone"));
            continue;
        }
        char kind[16];
        (void)str_copy(kind, sizeof kind, entry.kind);
        metrics_add_for(METRIC_TIMERS_FIRED, kind, 1);
        timers_fire(&c->node->realm, &entry, on_fired, c);
    }
}

static void poll(void *arg)
{
    struct clockwork *c = arg;
    if (c->polling || clock_mono_ms() < c->quiet_until_ms || !lease_ready(c->node->lease))
        return;
    c->polling = true;
    timers_due(&c->node->realm, TIMERS_PER_POLL, on_due, c);
}

static void on_queues(void *arg, int err, const struct report_queue *queues, size_t count)
{
    struct clockwork *c = arg;
    struct node *n = c->node;
    c->counting = false;
    if (err)
        return;
    uint64_t now = clock_mono_ms();
    bool update = now - c->updated_at_ms >= QUEUE_UPDATE_MS;
    if (update)
        c->updated_at_ms = now;
    for (size_t i = 0; i < count; i++) {
        const struct report_queue *q = &queues[i];
        if (q->length >= n->realm.rules.seats)
            waiting_match(n, q->level);
        if (update)
            waiting_update(n, q->level, q->length);
    }
}

static void compare_one(void *arg, struct room *r)
{
    struct clockwork *c = arg;
    inbox_fill(c->node, r);
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
    uint64_t now = clock_mono_ms();
    if (n->backend->durable &&
        now - c->compared_at_ms >= COMPARE_MS) { /* pub/sub is a hint: positions are compared */
        c->compared_at_ms = now;
        rooms_each(n->rooms, compare_one, c);
    }
    if (c->counting)
        return;
    c->counting = true;
    report_queues(&n->realm, on_queues, c);
}

struct clockwork *clockwork_new(struct node *n)
{
    struct clockwork *c = mem_alloc(sizeof *c);
    c->node = n;
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

/* Who waited may have been matched unheard: attaching again tells, and hands the ticket in again if it was
 * lost. */
static void attach_again(void *arg, struct session *s)
{
    struct clockwork *c = arg;
    if (s->state == SESSION_QUEUED && s->conn)
        attach_start(c->node, s, true);
}

void clockwork_store_back(struct clockwork *c)
{
    struct node *n = c->node;
    c->quiet_until_ms = clock_mono_ms() + 2 * (uint64_t)n->settings->lease_ms;
    c->polling = c->counting = false;
    lease_beat(n->lease);
    detach_retry(n);
    sessions_each(n->sessions, attach_again, c);
    rooms_each(n->rooms, compare_one, c);
}
