/* Carries out the timers of a realm and looks after its queues. */
#include "gateway/rounds.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/inbox.h"
#include "gateway/settings.h"
#include "gateway/waiting.h"
#include "matchmaking/report.h"
#include "matchmaking/timers.h"

enum {
    TIMERS_PER_POLL = 100,
    QUEUE_UPDATE_MS = 2000,
    EXPIRY_LATE_MS = 500 /* tickets are looked at no more often than so */
};

struct firing { /* one entry under way */
    struct node *node;
    const struct realm *realm;
    char kind[16];
};

static void on_fired(void *arg, int err, const struct reply *reply)
{
    struct firing *f = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "OK")) {
        metrics_add_for(METRIC_TIMERS_FIRED, f->kind, 1);
        inbox_events(f->node, f->realm, reply_at(reply, 2));
        waiting_match_text(f->node, f->realm, reply_str(reply, 1));
    }
    mem_free(f);
}

static void fire(const struct rounds *r, struct str text)
{
    struct timer_entry entry;
    if (!timers_parse(text, &entry)) {
        log_limited(LOG_WARN, "timer.unreadable", KV_STR("entry", text),
                    KV("next", "removed: it would stand in the way"));
        entry = (struct timer_entry){.text = text, .kind = STR("unreadable"), .room_id = STR("-")};
    }
    if (r->skips && r->skips(r->arg, entry.room_id))
        return;
    struct firing *f = mem_alloc(sizeof *f);
    f->node = r->node;
    f->realm = r->realm;
    (void)str_copy(f->kind, sizeof f->kind, entry.kind);
    timers_fire(r->realm, &entry, on_fired, f);
}

static void on_due(void *arg, int err, const struct reply *reply)
{
    struct rounds *r = arg;
    r->polling = false;
    if (err || clock_mono_ms() < r->quiet_until_ms)
        return;
    for (size_t i = 0; i < reply->count; i++)
        fire(r, reply_str(reply, i));
}

void rounds_timers(struct rounds *r)
{
    if (r->expiry_at_ms && clock_mono_ms() >= r->expiry_at_ms)
        rounds_queues(r);
    if (r->polling || clock_mono_ms() < r->quiet_until_ms)
        return;
    r->polling = true;
    timers_due(r->realm, TIMERS_PER_POLL, on_due, r);
}

/* Sends away whose tickets are too old. The next one may be due before the next round: then there is one more
 * round in between. Who stands behind those that go now is not known yet. */
static void expire(struct rounds *r, const struct report_queue *queues, size_t count)
{
    int64_t ttl_ms = r->realm->rules.ticket_ttl_ms, next_ms = r->node->settings->sweep_ms;
    for (size_t i = 0; i < count; i++) {
        int64_t left_ms = ttl_ms - queues[i].oldest_wait_ms;
        if (left_ms <= 0)
            waiting_expire(r->node, r->realm, queues[i].level);
        if (left_ms < next_ms)
            next_ms = left_ms > EXPIRY_LATE_MS ? left_ms : EXPIRY_LATE_MS;
    }
    r->expiry_at_ms = next_ms < r->node->settings->sweep_ms ? clock_mono_ms() + (uint64_t)next_ms : 0;
}

static void on_queues(void *arg, int err, const struct report_queue *queues, size_t count)
{
    struct rounds *r = arg;
    struct node *n = r->node;
    r->counting = false;
    if (err)
        return;
    uint64_t now = clock_mono_ms();
    for (size_t i = 0; i < count; i++)
        if (queues[i].length >= r->realm->rules.seats)
            waiting_match(n, r->realm, queues[i].level);
    expire(r, queues, count);
    if (now - r->updated_at_ms >= QUEUE_UPDATE_MS) {
        r->updated_at_ms = now;
        waiting_update(n, r->realm, queues, count);
    }
}

void rounds_queues(struct rounds *r)
{
    if (r->counting)
        return;
    r->expiry_at_ms = 0;
    r->counting = true;
    report_queues(r->realm, on_queues, r);
}
