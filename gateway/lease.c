/* The heartbeat of this instance, which is also the store's write probe: the store is up while beats are
 * answered. */
#include "gateway/lease.h"

#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/attach.h"
#include "gateway/fleet.h"
#include "gateway/inbox.h"
#include "gateway/room.h"
#include "gateway/server.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "matchmaking/presence.h"

struct lease {
    struct node *node;
    struct lease_events events;
    struct loop_timer *timer;
    int64_t epoch;
    int64_t fence;           /* the highest of our sessions, ever */
    int64_t run;             /* which store it was the last time; 0 = none yet, or it does not say */
    int64_t beats, answered; /* numbers of the last beat, and of the last that was answered */
    uint64_t data_lost_at_ms, renewed_at_ms; /* monotonic; 0 = never */
    bool asking, ready, stopped, held;
    bool data_lost; /* the last answer told so */
    uint64_t rests_until_ms;
    char host[64];
};

struct lease *lease_new(struct node *n, const struct lease_events *events)
{
    struct lease *l = mem_alloc(sizeof *l);
    l->node = n;
    l->events = *events;
    if (gethostname(l->host, sizeof l->host - 1) != 0)
        (void)str_copy(l->host, sizeof l->host, STR("unknown"));
    return l;
}

void lease_free(struct lease *l)
{
    if (!l)
        return;
    loop_timer_free(l->timer);
    mem_free(l);
}

static void reattach_one(void *arg, struct session *s)
{
    struct lease *l = arg;
    if (s->realm != &l->node->realm) /* who is on the island is attached on his way home */
        return;
    s->may_be_gone = !l->data_lost;
    attach_again(l->node, s);
}

/* true: the lease had run out. */
static bool read_epoch(struct lease *l, int64_t epoch)
{
    bool lost = l->epoch != 0 && epoch != l->epoch;
    l->epoch = epoch;
    if (!lost)
        return false;
    metrics_add(METRIC_LEASE_LOST, 1);
    log_warn("lease.lost", KV_INT("epoch", epoch), KV_INT("sessions", sessions_count(l->node->sessions)),
             KV("next", "every session attaches again with its fence"));
    return true;
}

/* true: the store does not know what it had confirmed to us. Each instance finds out for itself. */
static bool read_store(struct lease *l, const struct reply *reply)
{
    int64_t run = reply_int(reply, 7), fences = reply_int(reply, 6), beats = reply_int(reply, 8);
    bool other = l->run != 0 && run != l->run, lost = fences > 0 || beats > 0;
    if (lost) {
        l->data_lost_at_ms = clock_mono_ms();
        metrics_add(METRIC_STORE_DATA_LOST, 1);
        log_warn("store.data_lost", KV_INT("run", run), KV_INT("before", l->run), KV_INT("attaches", fences),
                 KV_INT("beats", beats), KV("reason", "the store is empty, or older than it was"),
                 KV("next", "every session attaches again, rooms that are gone or older are told"));
    } else if (other) {
        log_info("store.changed", KV_INT("run", run), KV_INT("before", l->run),
                 KV("reason", "another process serves it: a failover or a restart"),
                 KV("next", "rooms go on in a new epoch; each is compared with what its players saw"));
    }
    l->run = run;
    return lost;
}

static void refuse(struct lease *l, const struct reply *reply)
{
    char text[256];
    struct str seats = reply_str(reply, 1), other = reply_str(reply, 2);
    (void)snprintf(text, sizeof text,
                   "ROOM_SEATS is %lld here but %.*s on the running instance %.*s; give all instances of a "
                   "fleet the same value",
                   (long long)l->node->realm.rules.seats, (int)seats.n, seats.p, (int)other.n, other.p);
    l->events.on_refused(l->events.arg, text);
}

/* A node of a Redis Cluster that does not serve our slot: "MOVED slot host:port". It may be another one by
 * the next start only. */
static void refuse_moved(struct lease *l, struct str error)
{
    char text[512];
    struct str rest = error;
    (void)str_cut(&rest, ' ');
    struct str slot = str_cut(&rest, ' ');
    (void)snprintf(
        text, sizeof text,
        "REDIS_KEY_PREFIX %s belongs to slot %.*s, which another node of this Redis Cluster serves: "
        "set REDIS_URL (or REDIS_HOST and REDIS_PORT) to %.*s",
        l->node->realm.prefix, (int)slot.n, slot.p, (int)rest.n, rest.p);
    l->events.on_refused(l->events.arg, text);
}

/* A beat may lie in a frozen store's buffers and be carried out when we have long ceased to count on the
 * lease. So each says until when it is good, by the store's own clock; one sent to a store that has been
 * silent for as long is only a probe: it renews nothing. 0: we have not heard the store's clock yet. */
static int64_t valid_ms(const struct lease *l)
{
    return 2 * l->node->settings->probe_late_ms;
}

static int64_t not_after_ms(const struct lease *l)
{
    const struct realm *store = &l->node->realm;
    if (!store->heard_at_ms)
        return 0;
    int64_t silent_ms = (int64_t)(clock_mono_ms() - store->heard_at_ms);
    return l->held || silent_ms > valid_ms(l) ? 1 : store->store_now_ms + silent_ms + valid_ms(l);
}

static void beat(void *arg);

static bool begins(struct str text, const char *with)
{
    size_t n = strlen(with);
    return text.n >= n && memcmp(text.p, with, n) == 0;
}

static void tell_moved(int64_t ms)
{
    if (ms > 0)
        log_warn("deadlines.moved", KV_INT("ms", ms), KV("reason", "no instance had a lease"),
                 KV("next", "timers run on from where they stood"));
}

static void on_beat(void *arg, int err, const struct reply *reply)
{
    struct lease *l = arg;
    l->asking = false;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "SEATS")) {
        refuse(l, reply);
        return;
    }
    if (realm_said(o, "LATE")) { /* a probe, or one that lay somewhere for long: but now the store answers */
        realm_heard(&l->node->realm, reply_int(reply, 1), reply_int(reply, 2));
        tell_moved(reply_int(reply, 3));
        if (!l->held)
            beat(l);
        return;
    }
    if (err == ERR_SCRIPT && !l->ready && begins(reply->str, "MOVED ")) {
        refuse_moved(l, reply->str);
        return;
    }
    if (!realm_said(o, "OK")) {
        log_limited(LOG_WARN, "lease.beat_failed", KV("reason", err_name(o.err)),
                    KV_STR("answer", reply ? reply->str : (struct str){0}), KV("next", "tried again"));
        return;
    }
    realm_heard(&l->node->realm, reply_int(reply, 2), reply_int(reply, 7));
    l->renewed_at_ms = l->node->realm.heard_at_ms;
    tell_moved(reply_int(reply, 5));
    l->answered = l->beats;
    l->data_lost = read_store(l, reply);
    if (read_epoch(l, reply_int(reply, 1)) || l->data_lost)
        sessions_each(l->node->sessions, reattach_one, l);
    /* Without its event link an instance is deaf: players come when it hears too. */
    if (!l->ready && l->node->backend->ops->up(l->node->backend)) {
        l->ready = true;
        l->events.on_ready(l->events.arg);
    }
    fleet_renew(l->node->fleet, reply_at(reply, 4));
    inbox_strangers(l->node);
    const struct reply *dead = reply_at(reply, 3);
    for (size_t i = 0; i < dead->count; i++)
        l->events.on_dead(l->events.arg, reply_str(dead, i));
}

static void note_fence(void *arg, struct session *s)
{
    struct lease *l = arg;
    if (s->realm == &l->node->realm && s->fence > l->fence)
        l->fence = s->fence;
}

static void beat(void *arg)
{
    struct lease *l = arg;
    struct node *n = l->node;
    if (l->asking)
        return;
    l->asking = true;
    sessions_each(n->sessions, note_fence, l);
    struct buf info = {0};
    buf_add_text(&info, "{\"host\":");
    buf_add_json(&info, str_of(l->host));
    buf_add_fmt(&info, ",\"port\":%d,\"startedAt\":%llu,\"version\":\"%s\",\"seats\":%lld",
                n->server ? server_port(n->server) : 0, (unsigned long long)n->started_at_ms, MG_VERSION,
                (long long)n->realm.rules.seats);
    buf_add_fmt(&info, ",\"beat\":%lld", (long long)++l->beats);
    buf_add_fmt(&info, ",\"connections\":%zu,\"players\":%zu,\"rooms\":%zu,\"draining\":%s,\"quiet\":%s}",
                n->server ? server_connections(n->server) : 0, sessions_count(n->sessions),
                rooms_count(n->rooms), n->drain ? "true" : "false",
                clock_mono_ms() < l->rests_until_ms ? "true" : "false");
    const struct presence_beat this_one = {.info = buf_str(&info),
                                           .known_epoch = l->epoch,
                                           .first = !l->ready,
                                           .fence = l->fence,
                                           .known_run = l->run,
                                           .answered = l->answered,
                                           .not_after_ms = not_after_ms(l)};
    presence_heartbeat(&n->realm, &this_one, on_beat, l);
    buf_close(&info);
}

void lease_beat(struct lease *l)
{
    if (l->timer)
        beat(l);
}

void lease_start(struct lease *l)
{
    if (l->stopped)
        return;
    if (l->timer) {
        beat(l);
        return;
    }
    l->timer = loop_timer_new(l->node->loop, beat, l);
    loop_timer_start(l->timer, 0, (uint64_t)l->node->settings->heartbeat_ms);
}

void lease_stop(struct lease *l)
{
    l->stopped = true;
    loop_timer_free(l->timer);
    l->timer = NULL;
}

void lease_hold(struct lease *l)
{
    l->held = true;
}

void lease_resume(struct lease *l)
{
    l->held = false;
    lease_beat(l);
}

bool lease_surely_over(const struct lease *l)
{
    int64_t lease_ms = l->node->settings->lease_ms;
    /* The last good beat went out at most so long after we heard the store, and was good for as long again;
     * clocks differ a little in speed. */
    return clock_mono_ms() >
           l->node->realm.heard_at_ms + (uint64_t)(2 * valid_ms(l) + lease_ms + lease_ms / 10);
}

void lease_rest(struct lease *l, uint64_t until_ms)
{
    l->rests_until_ms = until_ms;
}

uint64_t lease_renewed_at_ms(const struct lease *l)
{
    return l->renewed_at_ms;
}

uint64_t lease_data_lost_at_ms(const struct lease *l)
{
    return l->data_lost_at_ms;
}

bool lease_awaits_first(const struct lease *l)
{
    return l->asking && !l->ready;
}

bool lease_ready(const struct lease *l)
{
    return l->ready;
}
