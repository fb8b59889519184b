/* Makes one connection to Redis: name to addresses, address to socket, socket to a server that knows us.
 *
 * The host is looked up again at every attempt, since a fail-over may have moved it. All its addresses are
 * tried, the next one as soon as one refuses; an address that never answers costs the attempt, but the next
 * attempt begins behind it.
 *
 * The greeting (AUTH, SELECT, CLIENT SETNAME, ROLE behind a Sentinel, PING) is queued before the connection
 * exists and leaves with the first write. The first refusal decides the reason: a wrong password is not to be
 * reported as the NOAUTH of the PING behind it. A server that is still loading answers PING with LOADING, so
 * PONG means that it serves.
 *
 * One timer: it fires at once, so that no failure can be reported before dial_start has returned, and then
 * again when a phase has lasted too long. finish() is the only end: it frees everything, then tells. What the
 * caller gets is the socket alone, under another number: the one of hiredis is closed with its context. */
#include <fcntl.h>
#include <stdio.h>
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/redis/adapter.h"
#include "common/redis/dial.h"
#include <hiredis/hiredis.h>
#include <hiredis/async.h>

enum { RESOLVE_MS = 5000 }; /* resolvers may need to ask a second server; the rest must not wait so long */
enum phase { PHASE_START, PHASE_RESOLVING, PHASE_CONNECTING, PHASE_GREETING };
enum step { STEP_AUTH, STEP_SELECT, STEP_NAME, STEP_ROLE, STEP_PING, STEP_COUNT };

struct dial {
    struct loop *loop;
    struct dial_options options;
    dial_cb fn;
    void *arg;
    enum phase phase;
    struct loop_timer *timer;
    struct adapter_lookup *lookup; /* set in resolving */
    struct adapter_addresses addresses;
    unsigned tries_left;
    redisAsyncContext *ac; /* set while connecting and greeting, with io */
    struct adapter *io;
    enum step steps[STEP_COUNT]; /* whose answers are awaited, in order */
    unsigned step_count, answered;
};

static void finish(struct dial *d, enum redis_reason reason, const char *detail)
{
    char text[128];
    snprintf(text, sizeof text, "%s", detail);
    struct dial_result result = {.reason = reason, .detail = text, .fd = -1};
    dial_cb fn = d->fn;
    void *arg = d->arg;
    if (reason == REDIS_OK) {
        result.fd = fcntl(d->ac->c.fd, F_DUPFD_CLOEXEC, 0);
        (*d->options.turn)--; /* this address is good: first choice the next time */
    }
    if (reason == REDIS_OK && result.fd < 0) {
        result.reason = REDIS_REFUSED;
        result.detail = "too many open files";
    }
    dial_cancel(d);
    fn(arg, &result);
}

void dial_cancel(struct dial *d)
{
    if (d == NULL)
        return;
    if (d->lookup != NULL)
        adapter_lookup_cancel(d->lookup);
    if (d->io != NULL) {
        d->ac->data = NULL;
        adapter_abandon(d->io);
    }
    loop_timer_free(d->timer);
    mem_free(d);
}

/* ---- the greeting ---- */

static enum redis_reason refusal(enum step step, const char *error)
{
    if (step == STEP_NAME) /* a courtesy only; some proxies and access lists refuse it */
        return wire_reason(str_of(error));
    enum redis_reason reason = wire_refusal(str_of(error));
    if (reason != REDIS_OK)
        return reason;
    return step == STEP_AUTH ? REDIS_AUTH : REDIS_REFUSED;
}

static bool is_master(const redisReply *role)
{
    return role->type == REDIS_REPLY_ARRAY && role->elements > 0 &&
           role->element[0]->type == REDIS_REPLY_STRING && strcmp(role->element[0]->str, "master") == 0;
}

static void on_greeting(redisAsyncContext *ac, void *r, void *arg)
{
    struct dial *d = arg;
    const redisReply *reply = r;
    /* In this order: hiredis calls back with NULL, and once more after an answer nobody asked for, when d is
     * no more. */
    if (reply == NULL || ac->data != d || d->answered == d->step_count)
        return;
    enum step step = d->steps[d->answered++];
    enum redis_reason reason = reply->type == REDIS_REPLY_ERROR ? refusal(step, reply->str) : REDIS_OK;
    if (reason != REDIS_OK)
        finish(d, reason, reply->str);
    else if (step == STEP_ROLE && !is_master(reply))
        finish(d, REDIS_READONLY, "this is not a master");
    else if (step == STEP_PING)
        finish(d, REDIS_OK, "");
}

static void put(struct dial *d, enum step step, const struct str *args, size_t count)
{
    struct buf command = {0};
    redis_format(&command, args, count);
    d->steps[d->step_count++] = step;
    redisAsyncFormattedCommand(d->ac, on_greeting, d, command.data, command.len);
    buf_close(&command);
}

static void greet(struct dial *d)
{
    const struct redis_address *a = d->options.address;
    char db[16], name[64];
    struct str auth[3] = {STR("AUTH"), str_of(a->username), str_of(a->password)};
    if (a->username[0] == '\0')
        auth[1] = auth[2];
    snprintf(db, sizeof db, "%d", a->db);
    snprintf(name, sizeof name, "matchgate-%s", d->options.name);
    d->step_count = d->answered = 0;
    if (a->password[0])
        put(d, STEP_AUTH, auth, a->username[0] ? 3 : 2);
    if (a->db != 0)
        put(d, STEP_SELECT, (struct str[]){STR("SELECT"), str_of(db)}, 2);
    put(d, STEP_NAME, (struct str[]){STR("CLIENT"), STR("SETNAME"), str_of(name)}, 3);
    if (d->options.must_be_master)
        put(d, STEP_ROLE, (struct str[]){STR("ROLE")}, 1);
    put(d, STEP_PING, (struct str[]){STR("PING")}, 1);
}

/* ---- the connection ---- */

static void connect_next(struct dial *d, const char *last_error);

static void on_gone(void *arg, const char *why)
{
    struct dial *d = arg;
    d->ac = NULL;
    d->io = NULL;
    if (d->phase == PHASE_CONNECTING) {
        connect_next(d, why);
        return;
    }
    enum redis_reason reason =
        wire_reason(str_of(why)); /* a server that is full says so without being asked */
    finish(d, reason != REDIS_OK ? reason : REDIS_CLOSED, why);
}

static void on_connect(const redisAsyncContext *ac, int status)
{
    struct dial *d = ac->data;
    if (d == NULL || status != REDIS_OK)
        return; /* on_gone follows */
    d->phase = PHASE_GREETING;
    log_limited(d->options.quiet ? LOG_DEBUG : LOG_INFO, "redis.connected", KV("link", d->options.name),
                KV("address", d->options.where));
}

/* NULL: it is on its way; else why not. */
static const char *open_socket(struct dial *d, const char *ip, char *error, size_t size)
{
    const struct redis_address *a = d->options.address;
    redisAsyncContext *ac = a->is_unix ? redisAsyncConnectUnix(a->host) : redisAsyncConnect(ip, a->port);
    struct adapter *io = ac != NULL && ac->err == 0 ? adapter_attach(ac, d->loop, on_gone, d) : NULL;
    if (io == NULL) {
        snprintf(error, size, "%s", ac != NULL && ac->err != 0 ? ac->errstr : "no socket");
        if (ac != NULL)
            redisAsyncFree(ac);
        return error;
    }
    d->ac = ac;
    d->io = io;
    ac->data = d;
    fcntl(ac->c.fd, F_SETFD, FD_CLOEXEC);
    if (!a->is_unix)
        redisEnableKeepAlive(&ac->c); /* an event link notices a cut line by nothing else */
    redisAsyncSetConnectCallback(ac, on_connect);
    greet(d);
    return NULL;
}

/* Tries the addresses that are left, until one is on its way. */
static void connect_next(struct dial *d, const char *last_error)
{
    char error[128];
    snprintf(error, sizeof error, "%s", last_error);
    d->phase = PHASE_CONNECTING;
    loop_timer_start(d->timer, d->options.timeout_ms, 0);
    while (d->tries_left > 0) {
        d->tries_left--;
        const char *ip = d->addresses.ip[(*d->options.turn)++ % d->addresses.count];
        if (open_socket(d, ip, error, sizeof error) == NULL)
            return;
    }
    finish(d, REDIS_REFUSED, error);
}

static void on_lookup(void *arg, const char *failure, const struct adapter_addresses *found)
{
    struct dial *d = arg;
    d->lookup = NULL;
    if (failure != NULL) {
        finish(d, REDIS_RESOLVE, failure);
        return;
    }
    d->addresses = *found;
    d->tries_left = found->count;
    connect_next(d, "");
}

static void start(struct dial *d)
{
    if (d->options.address->is_unix) {
        d->addresses.count = d->tries_left = 1;
        connect_next(d, "");
        return;
    }
    d->phase = PHASE_RESOLVING;
    loop_timer_start(d->timer, RESOLVE_MS, 0);
    d->lookup = adapter_lookup(d->loop, d->options.address->host, on_lookup, d);
    if (d->lookup == NULL)
        finish(d, REDIS_RESOLVE, "the name cannot be looked up");
}

static void on_timer(void *arg)
{
    struct dial *d = arg;
    switch (d->phase) {
    case PHASE_START:
        start(d);
        break;
    case PHASE_RESOLVING:
        finish(d, REDIS_RESOLVE, "no answer from the resolver in time");
        break;
    case PHASE_CONNECTING:
        finish(d, REDIS_TIMEOUT, "no connection in time");
        break;
    case PHASE_GREETING:
        finish(d, REDIS_TIMEOUT, "connected, but the greeting was not answered in time");
        break;
    }
}

struct dial *dial_start(struct loop *l, const struct dial_options *options, dial_cb fn, void *arg)
{
    struct dial *d = mem_alloc(sizeof *d);
    d->loop = l;
    d->options = *options;
    d->fn = fn;
    d->arg = arg;
    d->timer = loop_timer_new(l, on_timer, d);
    loop_timer_start(d->timer, 0, 0);
    return d;
}
