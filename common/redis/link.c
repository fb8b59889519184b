/* Keeps one connection to Redis: has it made (dial.c), watches it, and begins again whenever it is lost.
 *
 * The life of a link is a circle: waiting -> dialing -> (subscribing) -> ready -> waiting. In `waiting` the
 * timer ends the back-off; in `ready` it falls due when the oldest call should have been answered, and is set
 * again only when it has fired, so that a busy link costs no timer at all.
 *
 * Losing the connection has one place, fall(): the dial failed, the stream found an error, or lose() dropped
 * it (late reply; a reply such as LOADING or READONLY that says this connection is of no use). The stream
 * tells when no reply is being handled any more; then fall() moves the link, tells the owner, and answers
 * every call that waits: ERR_TIMEOUT to those past the deadline, ERR_UNKNOWN to the rest.
 *
 * A call on a link that is not ready joins the queue of calls as "unsent" and is told so from the loop, so
 * that all are answered in the order in which they were made. The owner's callbacks may do anything,
 * redis_link_free included: `depth` counts the frames that still need the link, and the last one frees it.
 *
 * Logs: an outage says its beginning, each new reason, and one attempt every 10 s; the others are at debug
 * level. */
#include <stdio.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/redis/backoff.h"
#include "common/redis/dial.h"
#include "common/redis/link.h"
#include "common/redis/link_stream.h"
#include "common/redis/pending.h"
#include "common/redis/subs.h"
#include "common/redis/target.h"

enum {
    STEADY_MS = 1000,     /* a link that was up for less goes on backing off */
    SAY_AGAIN_MS = 10000, /* in an outage */
    MAX_WAITING = 100000, /* calls under way; what is more is refused */
    MAX_OUT_BYTES = 64 << 20,
};

enum link_state {
    LINK_WAITING,     /* no connection; the timer starts the next attempt */
    LINK_DIALING,     /* `dial` is under way */
    LINK_SUBSCRIBING, /* connected; channels are being confirmed until the timer fires */
    LINK_READY,       /* up: calls are sent */
    LINK_STATES,
};
static const char *const state_names[LINK_STATES] = {"waiting", "dialing", "subscribing", "ready"};
static const unsigned allowed[LINK_STATES] = {
    [LINK_WAITING] = 1u << LINK_DIALING,
    [LINK_DIALING] = 1u << LINK_SUBSCRIBING | 1u << LINK_READY | 1u << LINK_WAITING,
    [LINK_SUBSCRIBING] = 1u << LINK_READY | 1u << LINK_WAITING,
    [LINK_READY] = 1u << LINK_WAITING,
};

struct redis_link {
    struct loop *loop;
    struct redis_link_options options;
    struct target target; /* where the server is */
    enum link_state state;
    enum redis_reason reason; /* why it is not ready; REDIS_OK while it is */
    enum redis_reason lost;   /* why the connection must go; REDIS_OK while it may stay */
    char detail[128];         /* the same in somebody else's words, for the log */
    struct dial *dial;        /* set in dialing, once the target is found */
    struct link_stream *io;   /* set in subscribing and ready */
    struct loop_timer *timer; /* see the top */
    struct loop_timer *unsent_timer;
    bool watching; /* ready: the timer is set for the oldest call */
    struct pending pending;
    struct subs subs;
    struct backoff backoff;
    unsigned failures, turn;
    uint64_t epoch, up_at_ms, dialed_at_ms, said_at_ms;
    bool quiet;
    enum redis_gate gate; /* what the owner wants done with calls */
    unsigned depth;
    bool closed;
};

static void enter(struct redis_link *k)
{
    k->depth++;
}

static void leave(struct redis_link *k)
{
    if (--k->depth > 0 || !k->closed)
        return;
    subs_close(&k->subs);
    pending_close(&k->pending);
    mem_free(k);
}

static void move(struct redis_link *k, enum link_state next)
{
    CHECK(allowed[k->state] & 1u << next);
    log_debug("redis.moved", KV("link", k->options.name), KV("from", state_names[k->state]),
              KV("to", state_names[next]));
    k->state = next;
}

/* ---- losing it ---- */

static void say_lost(const struct redis_link *k, uint64_t again_in_ms)
{
    const char *reason = redis_reason_name(k->reason);
    log_limited(k->quiet ? LOG_DEBUG : LOG_WARN, "redis.error", KV("link", k->options.name),
                KV("address", k->target.where), KV("reason", reason), KV("detail", k->detail),
                KV_INT("failures", k->failures));
    log_limited(k->quiet ? LOG_DEBUG : LOG_INFO, "redis.reconnecting", KV("link", k->options.name),
                KV("reason", reason), KV_INT("in_ms", again_in_ms));
}

/* What the connection, or the attempt, was is over; begin again after a while. */
static void fall(struct redis_link *k)
{
    bool was_up = k->state == LINK_READY;
    enum redis_reason before = k->reason;
    uint64_t now_ms = loop_now_ms(k->loop);
    k->reason = k->lost;
    k->lost = REDIS_OK;
    k->watching = false;
    if (!was_up)
        k->failures++;
    else if (now_ms - k->up_at_ms >= STEADY_MS)
        backoff_reset(&k->backoff);
    move(k, LINK_WAITING);
    /* An attempt that ran out of time was wait enough. */
    uint64_t in_ms = !was_up && k->reason == REDIS_TIMEOUT ? BACKOFF_LEAST_MS : backoff_next(&k->backoff);
    loop_timer_start(k->timer, in_ms, 0);
    k->quiet = k->reason == before && (k->options.aside || now_ms - k->said_at_ms < SAY_AGAIN_MS);
    if (!k->quiet)
        k->said_at_ms = now_ms;
    say_lost(k, in_ms);
    enter(k);
    if (was_up && k->options.on_state != NULL)
        k->options.on_state(k->options.arg, false, k->reason);
    pending_fail(&k->pending, k->reason == REDIS_TIMEOUT ? k->options.command_timeout_ms * 1000 : 0,
                 &k->closed);
    leave(k);
}

static void note(struct redis_link *k, enum redis_reason reason, const char *detail)
{
    if (k->lost != REDIS_OK)
        return; /* the first cause is the cause */
    k->lost = reason;
    snprintf(k->detail, sizeof k->detail, "%s", detail);
}

static void on_gone(void *arg, const char *why)
{
    struct redis_link *k = arg;
    k->io = NULL;
    note(k, REDIS_CLOSED, why);
    fall(k);
}

/* Ends the connection; fall() follows, at once or behind the reply at hand. */
static void lose(struct redis_link *k, enum redis_reason reason, const char *detail)
{
    note(k, reason, detail);
    link_stream_drop(k->io);
}

static void lose_for(struct redis_link *k, enum redis_reason reason, struct str error)
{
    char detail[sizeof k->detail];
    snprintf(detail, sizeof detail, "%.*s", (int)error.n, error.p);
    lose(k, reason != REDIS_OK ? reason : REDIS_CLOSED, detail);
}

/* ---- being ready ---- */

/* Sets the timer for the oldest call, unless it is set for an older one. */
static void watch(struct redis_link *k)
{
    struct call *call = pending_head(&k->pending);
    if (k->watching || call == NULL)
        return;
    uint64_t due_us = call->at_us + k->options.command_timeout_ms * 1000, now_us = clock_mono_us();
    loop_timer_start(k->timer, due_us > now_us ? (due_us - now_us) / 1000 + 1 : 1, 0);
    k->watching = true;
}

static bool is_late(const struct redis_link *k)
{
    struct call *call = pending_head(&k->pending);
    return call != NULL && call->sent &&
           clock_mono_us() - call->at_us >= k->options.command_timeout_ms * 1000;
}

static void check_deadline(struct redis_link *k)
{
    k->watching = false;
    enter(k);
    /* After a pause of this process the answer may be here already: a late reader is not a late server. */
    if (is_late(k))
        link_stream_read(k->io);
    if (!k->closed && k->state == LINK_READY) {
        if (is_late(k))
            lose(k, REDIS_TIMEOUT, "a command was not answered in time");
        else
            watch(k);
    }
    leave(k);
}

static void answer_unsent(void *arg)
{
    struct redis_link *k = arg;
    struct call *call;
    enter(k);
    for (size_t n = k->pending.count; n > 0 && !k->closed && (call = pending_unsent(&k->pending)) != NULL;
         n--)
        pending_answer(&k->pending, call, ERR_UNAVAILABLE, NULL);
    leave(k);
}

static void on_answer(struct redis_link *k, const struct reply *reply)
{
    answer_unsent(k); /* those in front of this call; their timer may not have fired yet */
    struct call *call = k->closed ? NULL : pending_head(&k->pending);
    if (call != NULL) {
        pending_answer(&k->pending, call, ERR_NONE, reply);
        answer_unsent(k); /* those behind it, which have waited for their turn */
    }
    if (k->closed || (call != NULL && reply->type != REPLY_ERROR))
        return;
    enum redis_reason reason = reply->type == REPLY_ERROR ? wire_reason(reply->str) : REDIS_OK;
    if (reason != REDIS_OK)
        lose_for(k, reason, reply->str);
    else if (call == NULL)
        lose(k, REDIS_CLOSED, "an answer that nobody asked for");
}

static bool can_send(const struct redis_link *k, size_t bytes)
{
    return redis_link_up(k) && !k->closed && k->pending.sent < MAX_WAITING &&
           link_stream_out(k->io)->len + bytes <= MAX_OUT_BYTES;
}

static void await(struct redis_link *k, bool sent, redis_cb fn, void *arg)
{
    pending_push(&k->pending, fn, arg, sent)->aside = k->gate == REDIS_GATE_ASIDE;
    if (sent)
        watch(k);
    else if (!k->closed)
        loop_timer_start(k->unsent_timer, 0, 0);
}

void redis_send(struct redis_link *k, struct str command, redis_cb fn, void *arg)
{
    bool sent = can_send(k, command.n);
    if (sent)
        buf_add_str(link_stream_out(k->io), command);
    await(k, sent, fn, arg);
}

void redis_call(struct redis_link *k, const struct str *args, size_t count, redis_cb fn, void *arg)
{
    bool sent = can_send(k, 0);
    if (sent)
        redis_format(link_stream_out(k->io), args, count);
    await(k, sent, fn, arg);
}

/* ---- becoming ready ---- */

static void go_up(struct redis_link *k)
{
    move(k, LINK_READY);
    loop_timer_stop(k->timer);
    k->reason = REDIS_OK;
    k->failures = 0;
    k->quiet = false;
    k->up_at_ms = loop_now_ms(k->loop);
    if (k->epoch++ > 0 && !k->options.aside)
        metrics_add(METRIC_REDIS_RECONNECTS, 1);
    log_limited(LOG_INFO, "redis.ready", KV("link", k->options.name), KV("address", k->target.where),
                KV_INT("took_ms", k->up_at_ms - k->dialed_at_ms));
    if (k->options.on_state != NULL)
        k->options.on_state(k->options.arg, true, REDIS_OK);
}

/* The answers of a subscribed connection: confirmations and messages. */
static void on_event(struct redis_link *k, const struct reply *reply)
{
    struct str channel, message;
    enum subs_said said = subs_read(&k->subs, reply, &channel, &message);
    if (said == SUBS_COMPLETE && k->state == LINK_SUBSCRIBING)
        go_up(k);
    else if (said == SUBS_MESSAGE && k->options.on_message != NULL)
        k->options.on_message(k->options.arg, channel, message);
    else if (reply->type == REPLY_ERROR)
        lose_for(k, wire_refusal(reply->str), reply->str);
}

static void on_reply(void *arg, const struct reply *reply)
{
    struct redis_link *k = arg;
    enter(k);
    if (k->subs.count > 0)
        on_event(k, reply);
    else
        on_answer(k, reply);
    leave(k);
}

static void subscribe_all(struct redis_link *k)
{
    move(k, LINK_SUBSCRIBING);
    loop_timer_start(k->timer, k->options.connect_timeout_ms, 0);
    subs_begin(&k->subs, link_stream_out(k->io));
}

static void on_dialed(void *arg, const struct dial_result *result)
{
    struct redis_link *k = arg;
    k->dial = NULL;
    if (result->reason != REDIS_OK) {
        note(k, result->reason, result->detail);
        fall(k);
        return;
    }
    k->io = link_stream_new(k->loop, result->fd, &(struct link_stream_events){on_reply, on_gone, k});
    if (k->io == NULL) {
        note(k, REDIS_REFUSED, "the loop does not take the socket");
        fall(k);
    } else if (k->subs.count > 0) {
        subscribe_all(k);
    } else {
        go_up(k);
    }
}

static void dial_address(struct redis_link *k)
{
    struct dial_options options = {.address = &k->target.address,
                                   .name = k->options.name,
                                   .where = k->target.where,
                                   .timeout_ms = k->options.connect_timeout_ms,
                                   .turn = &k->turn,
                                   .quiet = k->quiet || k->failures > 0,
                                   .must_be_master = k->target.sentinels != NULL};
    log_limited(options.quiet ? LOG_DEBUG : LOG_INFO, "redis.connecting", KV("link", k->options.name),
                KV("address", k->target.where));
    k->dial = dial_start(k->loop, &options, on_dialed, k);
}

static void on_target(void *arg, const char *failure)
{
    struct redis_link *k = arg;
    if (failure == NULL) {
        dial_address(k);
        return;
    }
    note(k, REDIS_SENTINEL, failure);
    fall(k);
}

static void dial(struct redis_link *k)
{
    move(k, LINK_DIALING);
    k->dialed_at_ms = loop_now_ms(k->loop);
    target_find(&k->target, on_target, k);
}

static void on_timer(void *arg)
{
    struct redis_link *k = arg;
    if (k->state == LINK_WAITING)
        dial(k);
    else if (k->state == LINK_SUBSCRIBING)
        lose(k, REDIS_TIMEOUT, "the subscriptions were not confirmed in time");
    else if (k->state == LINK_READY)
        check_deadline(k);
}

/* ---- the owner's side ---- */

static void on_flush(void *arg)
{
    struct redis_link *k = arg;
    if (k->io != NULL)
        link_stream_flush(k->io);
}

struct redis_link *redis_link_new(struct loop *l, const struct redis_link_options *options)
{
    struct redis_link *k = mem_alloc(sizeof *k);
    k->loop = l;
    k->options = *options;
    target_init(&k->target, l, &options->address, options->sentinels);
    k->reason = REDIS_CONNECTING;
    subs_init(&k->subs);
    k->timer = loop_timer_new(l, on_timer, k);
    k->unsent_timer = loop_timer_new(l, answer_unsent, k);
    loop_on_flush(l, on_flush, k);
    loop_timer_start(k->timer, 0, 0); /* the first attempt: nothing may call back before return */
    return k;
}

void redis_link_free(struct redis_link *k)
{
    struct call *call;
    if (k == NULL)
        return;
    CHECK(!k->closed);
    k->closed = true;
    enter(k);
    loop_off_flush(k->loop, on_flush, k);
    loop_timer_free(k->timer);
    loop_timer_free(k->unsent_timer);
    target_cancel(&k->target);
    dial_cancel(k->dial);
    if (k->io != NULL)
        link_stream_free(k->io);
    while ((call = pending_head(&k->pending)) != NULL)
        pending_answer(&k->pending, call, call->sent ? ERR_UNKNOWN : ERR_UNAVAILABLE, NULL);
    leave(k);
}

void redis_subscribe(struct redis_link *k, struct str channel)
{
    CHECK(k->state == LINK_WAITING && k->epoch == 0 && k->failures == 0);
    subs_add(&k->subs, channel);
}

bool redis_link_up(const struct redis_link *k)
{
    return k->state == LINK_READY && k->lost == REDIS_OK && k->gate != REDIS_GATE_SHUT;
}

enum redis_reason redis_link_reason(const struct redis_link *k)
{
    return k->lost != REDIS_OK ? k->lost : k->reason;
}

void redis_link_gate(struct redis_link *k, enum redis_gate gate)
{
    k->gate = gate;
}

void redis_link_drop(struct redis_link *k, enum redis_reason reason, const char *detail)
{
    if (k->state == LINK_READY || k->state == LINK_SUBSCRIBING)
        lose(k, reason, detail);
}

void redis_link_follow(struct redis_link *k, struct str host, int port)
{
    if (!target_move(&k->target, host, port))
        return;
    enter(k);
    backoff_reset(&k->backoff);
    if (k->state == LINK_DIALING) { /* to where it was */
        target_cancel(&k->target);
        dial_cancel(k->dial);
        k->dial = NULL;
        note(k, REDIS_READONLY, "the master has moved");
        fall(k);
    } else {
        redis_link_drop(k, REDIS_READONLY, "the master has moved");
    }
    if (!k->closed && k->state == LINK_WAITING)
        loop_timer_start(k->timer, 0, 0);
    leave(k);
}

unsigned redis_link_failures(const struct redis_link *k)
{
    return k->failures;
}

uint64_t redis_link_epoch(const struct redis_link *k)
{
    return k->epoch;
}

void redis_link_stats(const struct redis_link *k, struct redis_link_stats *out)
{
    *out = (struct redis_link_stats){
        .calls = k->pending.answered + k->pending.count,
        .failures = k->pending.failed,
        .reconnects = k->epoch > 1 ? k->epoch - 1 : 0,
        .waiting = k->pending.sent,
        .out_bytes = k->io != NULL ? link_stream_out(k->io)->len : 0,
    };
    pending_times(&k->pending, &out->avg_us, &out->max_us);
}
