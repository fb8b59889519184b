/* A client's connection: its states, its deadlines, what it may send and how much may wait for it. */
#include "gateway/conn.h"

#include <stdio.h>

#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/conn_internal.h"
#include "proto/codes.h"
#include "proto/socketio.h"

/* Happy path: conn_opened; conn_received puts messages together and hands them up; conn_send queues by
 * reference and marks the connection dirty; ws.c writes all dirty ones at the end of the loop pass.
 *
 * The end: whoever wants it (we by conn_close, the peer, libwebsockets after a protocol error) makes it
 * CLOSING and sets the deadline of LINGER_MS. ws.c sends what is queued and the Close frame, from its flush
 * and never inside a callback of the same connection; that is what makes conn_close safe everywhere. When the
 * transport has gone, or when the deadline has passed and ws.c has killed it, conn_closed reports the end,
 * once.
 *
 * One wheel entry per connection serves all its times. While OPEN it is left where it is when something is
 * heard, and looks again when it comes up: a busy connection costs one look per ping interval, not one per
 * message.
 *
 * A deadline is the client's, not ours: what he sent in time may lie unread in his socket while we were busy
 * or frozen. So nobody is closed at the first look at which something is missing (overdue), but at the next
 * one, behind a pass that has read every socket; and if the clock itself came late, after a new wait. */

enum {
    LINGER_MS = 2000,
    TICK_MAX_MS = 250,
    TICK_MIN_MS = 5,
    TICKS_PER_TIME = 8,   /* of the shortest time to be measured */
    STALL_MS = 1000,      /* a tick this late: the process was frozen, pongs may lie unread */
    STALL_GRACE_MS = 500, /* then a close in progress gets as much longer */
    SENTENCE_MAX = 123,   /* RFC 6455 5.5: 125 less the code */
};

static const char *const state_names[] = {
    [CONN_OPEN] = "open", [CONN_CLOSING] = "closing", [CONN_CLOSED] = "closed"};

static void set_timer(struct conn *c, uint64_t at_ms)
{
    wheel_set(&c->env->wheel, &c->timer, at_ms);
}

/* The only place that writes c->state. OPEN -> CLOSING -> CLOSED; a transport that vanishes skips CLOSING. */
static void move(struct conn *c, enum conn_state next)
{
    CHECK(next > c->state);
    log_debug("conn.moved", KV_INT("conn", c->number), KV("from", state_names[c->state]),
              KV("to", state_names[next]));
    c->state = (unsigned char)next;
    list_remove(&c->flush);
    if (next == CONN_CLOSING) {
        list_push(&c->env->ending, &c->flush);
        set_timer(c, loop_now_ms(c->env->loop) + LINGER_MS - c->env->wheel.tick_ms);
    }
}

static void want_flush(struct conn *c)
{
    if (list_empty(&c->flush))
        list_push(c->state == CONN_OPEN ? &c->env->dirty : &c->env->ending, &c->flush);
}

/* --- the clock
 * ----------------------------------------------------------------------------------------------------- */

static uint64_t at_least(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Who speaks Socket.IO counts from ping to ping and takes us for dead without one, whatever else it hears;
 * the others are asked only when they are silent. */
static uint64_t ping_due_ms(const struct conn *c)
{
    return (c->dialect == DIALECT_NATIVE ? c->heard_at_ms : c->pinged_at_ms) + c->ping_ms;
}

static void set_next_look(struct conn *c)
{
    const struct conn_rules *rules = &c->env->rules;
    /* A pong moves nothing, so after a ping we look again when the next one may be due, too. */
    uint64_t next = c->pinged ? c->pinged_at_ms + at_most(rules->pong_wait_ms, c->ping_ms) : ping_due_ms(c);
    if (!c->ready)
        next = at_most(next, c->opened_at_ms + rules->hello_ms);
    set_timer(c, next);
}

static void send_ping(struct conn *c, uint64_t now_ms)
{
    c->pinged = true;
    c->pinged_at_ms = now_ms;
    outbox_push_always(&c->outbox, c->dialect == DIALECT_NATIVE ? c->env->ping : c->env->socketio_ping);
    want_flush(c);
}

static void look_while_open(struct conn *c, uint64_t now_ms)
{
    const struct conn_env *env = c->env;
    bool hello_missing = !c->ready && now_ms >= c->opened_at_ms + env->rules.hello_ms;
    bool pong_missing = c->pinged && now_ms >= c->pinged_at_ms + env->rules.pong_wait_ms;
    if ((hello_missing || pong_missing) && now_ms < env->grace_until_ms) {
        set_timer(c, env->grace_until_ms);
        return;
    }
    if ((hello_missing || pong_missing) && !c->overdue) {
        c->overdue = true;
        set_timer(c, now_ms + 1); /* the next tick */
        return;
    }
    if (hello_missing || pong_missing) {
        conn_close(c, hello_missing ? CLOSE_NO_HELLO : CLOSE_NO_PONG, NULL);
        return;
    }
    c->overdue = false;
    if (!c->pinged && now_ms >= ping_due_ms(c))
        send_ping(c, now_ms);
    if (!c->outbox_used)
        outbox_shrink(&c->outbox);
    c->outbox_used = false;
    set_next_look(c);
}

static void look(struct conn *c, uint64_t now_ms)
{
    if (c->state == CONN_OPEN) {
        look_while_open(c, now_ms);
        return;
    }
    if (c->env->stalled) { /* the socket had no turn since */
        set_timer(c, now_ms + STALL_GRACE_MS);
        return;
    }
    c->kill = true;
    want_flush(c);
    set_timer(c, now_ms + LINGER_MS); /* again, should the transport resist */
}

uint64_t conn_env_tick_ms(const struct conn_env *env)
{
    return env->wheel.tick_ms;
}

void conn_env_tick(struct conn_env *env, uint64_t now_ms)
{
    env->stalled = now_ms > env->ticked_at_ms + env->wheel.tick_ms + STALL_MS;
    if (env->stalled) {
        env->grace_until_ms = now_ms + env->rules.pong_wait_ms;
        log_warn(
            "loop.stalled", KV_INT("ms", now_ms - env->ticked_at_ms),
            KV("text", "this process did not run for a while; clients get a new chance to answer pings"));
    }
    env->ticked_at_ms = now_ms;
    for (struct wheel_entry *e; (e = wheel_next_due(&env->wheel, now_ms)) != NULL;)
        look(OWNER(e, struct conn, timer), now_ms);
}

/* --- what connections share
 * ---------------------------------------------------------------------------------------- */

void conn_env_init(struct conn_env *env, struct loop *loop, const struct conn_rules *rules,
                   const struct conn_events *events, void (*write_now)(struct conn *c))
{
    *env = (struct conn_env){.loop = loop, .rules = *rules, .events = *events, .write_now = write_now};
    list_init(&env->all);
    list_init(&env->dirty);
    list_init(&env->ending);
    uint64_t shortest = at_most(rules->ping_ms, at_most(rules->pong_wait_ms, rules->hello_ms));
    uint64_t tick_ms = at_least(TICK_MIN_MS, at_most(TICK_MAX_MS, shortest / TICKS_PER_TIME));
    env->ticked_at_ms = loop_now_ms(loop);
    wheel_init(&env->wheel, tick_ms, env->ticked_at_ms);
    env->ping = frame_ping(STR("hb"));
    env->socketio_ping = frame_text(STR(SOCKETIO_PING));
}

void conn_env_close(struct conn_env *env)
{
    CHECK(list_empty(&env->all) && env->count == 0);
    frame_unref(env->ping);
    frame_unref(env->socketio_ping);
}

/* --- the transport's life
 * ------------------------------------------------------------------------------------------ */

struct conn *conn_opened(struct conn_env *env, struct lws *wsi, const struct conn_handshake *h)
{
    struct conn *c = mem_alloc(sizeof *c);
    uint64_t now_ms = loop_now_ms(env->loop);
    c->wsi = wsi;
    c->env = env;
    c->holds = 1;
    c->number = ++env->numbers;
    c->state = CONN_OPEN;
    c->dialect = (unsigned char)h->dialect;
    c->heard_at_ms = c->opened_at_ms = c->pinged_at_ms = now_ms;
    c->ping_ms = env->rules.ping_ms;
    c->over_capacity = h->over_capacity;
    str_copy(c->address, sizeof c->address, h->address);
    list_init(&c->flush);
    list_push(&env->all, &c->all);
    env->count++;
    wheel_entry_init(&c->timer);
    set_next_look(c);
    ratelimit_init(&c->limit, env->rules.rate_burst, now_ms);
    metrics_add(METRIC_CONNECTIONS, 1);
    metrics_add(METRIC_CONNECTIONS_OPENED, 1);
    metrics_add_for(METRIC_CONNECTIONS_BY_DIALECT, dialect_name(h->dialect), 1);
    log_debug("conn.opened", KV_INT("conn", c->number), KV("address", c->address));
    env->events.on_open(env->events.arg, c, h);
    return c;
}

void conn_heard(struct conn *c)
{
    c->heard_at_ms = loop_now_ms(c->env->loop);
    c->pinged = false;
}

void conn_writable(struct conn *c)
{
    if (c->outbox.count > 0 || c->state == CONN_CLOSING)
        want_flush(c);
}

void conn_ends(struct conn *c, int code, struct str reason)
{
    c->transport_closing = true;
    if (c->state != CONN_OPEN)
        return;
    c->close_code = code;
    if (reason.n > 0)
        c->close_reason = mem_copy(reason.p, reason.n);
    move(c, CONN_CLOSING);
}

static void log_closed(const struct conn *c, int code, const char *reason)
{
    char label[8];
    snprintf(label, sizeof label, "%d", code > 0 && code < 5000 ? code : 0);
    metrics_add_for(METRIC_CONNECTIONS_CLOSED, label, 1);
    log_limited(LOG_INFO, "conn.closed", KV_INT("conn", c->number), KV("address", c->address),
                KV_INT("code", code), KV("text", reason));
}

void conn_closed(struct conn *c)
{
    struct conn_env *env = c->env;
    move(c, CONN_CLOSED);
    c->wsi = NULL;
    wheel_remove(&c->timer);
    list_remove(&c->all);
    env->count--;
    metrics_add(METRIC_CONNECTIONS, -1);
    metrics_add_for(METRIC_CONNECTIONS_BY_DIALECT, dialect_name(conn_dialect(c)), -1);
    outbox_clear(&c->outbox);
    mem_free(c->partial);
    c->partial = NULL;
    int code = c->close_code ? c->close_code : CLOSE_ABNORMAL;
    const char *reason = c->close_reason ? c->close_reason : close_text(code);
    log_closed(c, code, reason);
    env->events.on_close(env->events.arg, c, code, reason);
    c->env = NULL; /* a connection that is held may outlive its server */
    conn_release(c);
}

/* --- for the rest of the gateway (conn.h)
 * -------------------------------------------------------------------------- */

enum conn_state conn_state(const struct conn *c)
{
    return (enum conn_state)c->state;
}

uint64_t conn_number(const struct conn *c)
{
    return c->number;
}

const char *conn_address(const struct conn *c)
{
    return c->address;
}

void *conn_user(const struct conn *c)
{
    return c->user;
}

void conn_set_user(struct conn *c, void *user)
{
    c->user = user;
}

enum dialect conn_dialect(const struct conn *c)
{
    return (enum dialect)c->dialect;
}

struct sio *conn_sio(const struct conn *c)
{
    return c->sio;
}

void conn_set_sio(struct conn *c, struct sio *sio)
{
    c->sio = sio;
}

struct ratelimit *conn_ratelimit(struct conn *c)
{
    return &c->limit;
}

/* A burst within one loop pass may fill an outbox whose client reads well: then what waits is written at
 * once. */
static enum outbox_result push(struct conn *c, struct frame *f, bool is_volatile)
{
    size_t max = (size_t)c->env->rules.outbox_max_bytes + c->replay_bytes;
    if (c->outbox.count > 0 && c->outbox.bytes + frame_bytes(f).n > max)
        c->env->write_now(c);
    size_t dropped = 0;
    enum outbox_result result = outbox_push(&c->outbox, f, is_volatile, max, &dropped);
    if (dropped > 0)
        metrics_add(METRIC_MESSAGES_DROPPED, (int64_t)dropped);
    return result;
}

void conn_send(struct conn *c, struct frame *f, enum conn_send_mode mode)
{
    if (c->state != CONN_OPEN)
        return;
    if (c->outbox.count == 0)
        c->replay_bytes = 0;
    if (mode == CONN_REPLAY)
        c->replay_bytes += frame_bytes(f).n;
    enum outbox_result result = push(c, f, mode == CONN_VOLATILE);
    if (result == OUTBOX_FULL) {
        conn_close(c, CLOSE_TOO_SLOW, NULL);
        return;
    }
    c->outbox_used = true;
    if (result == OUTBOX_QUEUED) {
        metrics_add(METRIC_MESSAGES_OUT, 1);
        want_flush(c);
    }
}

void conn_send_text(struct conn *c, struct str text)
{
    if (c->state != CONN_OPEN)
        return;
    struct frame *f = frame_text(text);
    conn_send(c, f, CONN_RELIABLE);
    frame_unref(f);
}

/* Not longer than a Close frame allows, and not cut inside a character. */
static struct str sentence(const char *text)
{
    struct str s = str_of(text);
    if (s.n > SENTENCE_MAX) {
        s.n = SENTENCE_MAX;
        while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
            s.n--;
    }
    return s;
}

struct str conn_close_sentence(const struct conn *c)
{
    return sentence(c->close_reason ? c->close_reason : close_text(c->close_code));
}

void conn_close(struct conn *c, int code, const char *reason)
{
    CHECK(code >= 1000 && code < 5000 && code != CLOSE_ABNORMAL);
    if (c->state != CONN_OPEN)
        return;
    c->close_code = code;
    if (reason != NULL) {
        struct str s = sentence(reason);
        c->close_reason = mem_copy(s.p, s.n);
    }
    move(c, CONN_CLOSING);
}

void conn_ready(struct conn *c)
{
    c->ready = true;
}

void conn_await_hello(struct conn *c)
{
    c->ready = false;
    c->opened_at_ms = loop_now_ms(c->env->loop);
    if (c->state == CONN_OPEN)
        set_next_look(c);
}

void conn_skip_binary(struct conn *c, uint32_t count)
{
    c->attachments = count;
    c->attachment_bytes = 0;
}

void conn_ping_every(struct conn *c, uint64_t ms)
{
    CHECK(ms > 0);
    /* A Socket.IO client was told at the start how long to wait for a ping. */
    c->ping_ms = c->dialect == DIALECT_NATIVE ? ms : at_most(ms, c->env->rules.ping_ms);
    if (c->state == CONN_OPEN)
        set_next_look(c);
}

void conn_hold(struct conn *c)
{
    CHECK(c->holds > 0);
    c->holds++;
}

void conn_release(struct conn *c)
{
    CHECK(c->holds > 0);
    if (--c->holds > 0)
        return;
    CHECK(c->state == CONN_CLOSED);
    mem_free(c->close_reason);
    mem_free(c);
}
