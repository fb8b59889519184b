/* Answers plain HTTP: health, figures, clean-up, metrics and the demo page.
 *
 * A request finds its route in the table below; each handler answers it now or hands it to somebody who does:
 * `probe` and `figures` (gateway/shared.h) let all who ask together wait for one round trip, cleanup answers
 * when it has walked through the realm. What may be said without the store (live, ready, metrics, the page)
 * is said at once.
 *
 * Questions under way point to this struct, so health_free only closes it; the last answer frees it. */
#include "gateway/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/admin.h"
#include "gateway/cleanup.h"
#include "gateway/probe.h"
#include "gateway/shared.h"
#include "gateway/stats_print.h"
#include "gateway/workers.h"
#include "proto/encode.h"

enum {
    FRESH_MS = 1000,        /* how old a shared answer may be */
    PROBE_WAIT_MS = 1000,   /* then /health says "timeout" */
    FIGURES_WAIT_MS = 3000, /* the audit reads more */
    AUDIT_LIMIT = 200,      /* entries of each collection: some 10 ms of the store's time ... */
    AUDIT_EVERY_MS = 5000,  /* ... so not in every round */
    STORE_CHECK_MS = 30 * 1000,
    MEMORY_LOG_PERCENT = 80
};

struct health {
    struct health_options options;
    struct shared probe, figures;
    struct buf probe_body; /* the last answer to /health */
    int probe_status;
    struct stats *stats; /* the last figures, NULL before the first */
    uint64_t audited_at_ms;
    struct store_info store;
    enum store_info_level logged[STORE_INFO_ITEMS];
    struct loop_timer *store_timer;
    bool store_asking, cleaning, closed;
    unsigned pending; /* questions under way */
};

static struct backend *backend_of(const struct health *h)
{
    return h->options.realm->backend;
}

static bool store_up(const struct health *h)
{
    return backend_of(h)->ops->up(backend_of(h));
}

static const char *store_reason(const struct health *h)
{
    return backend_of(h)->ops->reason(backend_of(h));
}

static void local_of(const struct health *h, struct health_local *local)
{
    *local = (struct health_local){.version = "", .instance_id = h->options.realm->instance_id};
    h->options.local(h->options.arg, local);
}

/* --- answering ----------------------------------------------------------------------------------------- */

static void respond(struct http_request *r, int status, const char *content_type, struct str body,
                    const char *headers)
{
    http_respond(r, &(struct http_response){
                        .status = status, .content_type = content_type, .body = body, .headers = headers});
}

static void respond_json(struct http_request *r, int status, struct str body)
{
    respond(r, status, "application/json", body, NULL);
}

static void respond_error(struct http_request *r, int status, enum code code, const char *message,
                          const char *headers)
{
    struct buf body = {0};
    encode_error_body(&body, &(struct encode_error){.code = code, .message = message});
    respond(r, status, "application/json", buf_str(&body), headers);
    buf_close(&body);
}

/* One question less under way; frees what health_free has left. true: it is gone. */
static bool settle(struct health *h)
{
    CHECK(h->pending > 0);
    h->pending--;
    if (!h->closed || h->pending > 0)
        return false;
    mem_free(h);
    return true;
}

/* --- /health ------------------------------------------------------------------------------------------- */

static void respond_degraded(struct health *h, struct http_request *r, const char *reason)
{
    struct buf body = {0};
    int status = probe_print(&body, !backend_of(h)->durable, NULL, reason);
    respond_json(r, status, buf_str(&body));
    buf_close(&body);
}

static void on_counts(void *arg, int err, const struct report_health *counts)
{
    struct health *h = arg;
    if (settle(h) || h->closed)
        return;
    buf_clear(&h->probe_body);
    const char *reason = store_up(h) ? err_name(err) : store_reason(h);
    h->probe_status = probe_print(&h->probe_body, !backend_of(h)->durable, counts, reason);
    shared_done(&h->probe);
}

static void ask_probe(void *arg)
{
    struct health *h = arg;
    h->pending++;
    report_health(h->options.realm, on_counts, h);
}

static void answer_probe(void *arg, struct http_request *r, bool late)
{
    struct health *h = arg;
    if (late)
        respond_degraded(h, r, store_up(h) ? "timeout" : store_reason(h));
    else
        respond_json(r, h->probe_status, buf_str(&h->probe_body));
}

static void get_health(struct health *h, struct http_request *r)
{
    if (store_up(h))
        shared_request(&h->probe, r);
    else
        respond_degraded(h, r, store_reason(h));
}

/* --- /health/stats ------------------------------------------------------------------------------------- */

static void respond_stats(struct health *h, struct http_request *r, const struct stats *s)
{
    struct health_local local;
    struct buf body = {0};
    char format[16];
    local_of(h, &local);
    if (http_query(r, "format", format, sizeof format) && strcmp(format, "text") == 0) {
        stats_print_text(&body, s, &local, clock_wall_ms());
        respond(r, 200, "text/plain; charset=utf-8", buf_str(&body), NULL);
    } else {
        stats_print_json(&body, s, &local, clock_wall_ms());
        respond_json(r, 200, buf_str(&body));
    }
    buf_close(&body);
}

/* What this process knows by itself, with the store's last figures about itself. */
static void respond_stats_local(struct health *h, struct http_request *r)
{
    struct stats *s = stats_empty(h->options.realm);
    s->store = h->store;
    s->err = ERR_UNAVAILABLE;
    if (s->up) { /* but it did not answer in time */
        s->up = false;
        s->reason = "timeout";
    }
    respond_stats(h, r, s);
    stats_free(s);
}

static void on_stats(void *arg, struct stats *s)
{
    struct health *h = arg;
    if (settle(h) || h->closed) {
        stats_free(s);
        return;
    }
    if (s->have_integrity) {
        h->audited_at_ms = loop_now_ms(h->options.loop);
        metrics_set(METRIC_ORPHANS, s->violations + s->leftovers);
    } else if (h->stats) {
        stats_keep_integrity(s, h->stats);
    }
    stats_free(h->stats);
    h->stats = s;
    shared_done(&h->figures);
}

static void ask_figures(void *arg)
{
    struct health *h = arg;
    bool audited = h->audited_at_ms > 0 && loop_now_ms(h->options.loop) - h->audited_at_ms < AUDIT_EVERY_MS;
    h->pending++;
    stats_gather(h->options.realm, h->options.loop, &h->store, audited ? 0 : AUDIT_LIMIT, on_stats, h);
}

static void answer_figures(void *arg, struct http_request *r, bool late)
{
    struct health *h = arg;
    if (late)
        respond_stats_local(h, r);
    else
        respond_stats(h, r, h->stats);
}

static void get_stats(struct health *h, struct http_request *r)
{
    if (store_up(h))
        shared_request(&h->figures, r);
    else
        respond_stats_local(h, r);
}

/* --- /health/cleanup ----------------------------------------------------------------------------------- */

static bool refuse_stranger(struct health *h, struct http_request *r)
{
    int status = admin_check(http_authorization(r), h->options.admin_token);
    if (status == 403)
        respond_error(r, 403, CODE_FORBIDDEN, "Admin calls are off because ADMIN_TOKEN is not set.", NULL);
    else if (status == 401)
        respond_error(r, 401, CODE_UNAUTHORIZED, "Send the header Authorization: Bearer <ADMIN_TOKEN>.",
                      "WWW-Authenticate: Bearer\r\n");
    return status != 200;
}

struct cleanup_call {
    struct health *health;
    struct http_request *request;
};

static void on_cleaned(void *arg, const struct cleanup_result *result)
{
    struct cleanup_call *call = arg;
    struct health *h = call->health;
    struct buf body = {0};
    if (result->err) {
        respond_error(call->request, 503, CODE_SERVICE_DEGRADED, err_text(result->err), NULL);
    } else {
        cleanup_print(&body, result);
        respond_json(call->request, 200, buf_str(&body));
    }
    log_info("cleanup.done", KV("result", err_name(result->err)), KV_INT("cleaned", result->cleaned),
             KV_INT("errors", result->errors), KV("dry_run", result->dry_run ? "yes" : "no"));
    buf_close(&body);
    mem_free(call);
    if (settle(h) || h->closed)
        return;
    h->cleaning = false;
    shared_forget(&h->probe);
    shared_forget(&h->figures);
    h->audited_at_ms = 0;
}

static void post_cleanup(struct health *h, struct http_request *r)
{
    char dry[8] = "";
    bool asked = http_query(r, "dryRun", dry, sizeof dry);
    if (refuse_stranger(h, r))
        return;
    if (!store_up(h)) {
        respond_error(r, 503, CODE_SERVICE_DEGRADED, NULL, NULL);
        return;
    }
    if (h->cleaning) {
        respond_error(r, 429, CODE_BUSY, "A clean-up is under way; wait for it.", NULL);
        return;
    }
    struct cleanup_call *call = mem_alloc(sizeof *call);
    *call = (struct cleanup_call){h, r};
    h->cleaning = true;
    h->pending++;
    /* Whoever says anything but no means to be careful. */
    bool dry_run = asked && strcmp(dry, "0") != 0 && strcmp(dry, "false") != 0;
    cleanup_start(h->options.realm, h->options.loop, dry_run, on_cleaned, call);
}

/* --- what needs no store ------------------------------------------------------------------------------- */

static void get_live(struct health *h, struct http_request *r)
{
    (void)h;
    respond_json(r, 200, STR("{\"live\":true}"));
}

static void get_ready(struct health *h, struct http_request *r)
{
    struct health_local local;
    struct buf body = {0};
    local_of(h, &local);
    buf_add_fmt(&body, "{\"ready\":%s", local.ready ? "true" : "false");
    if (!local.ready && local.not_ready_reason) {
        buf_add_text(&body, ",\"reason\":");
        buf_add_json(&body, str_of(local.not_ready_reason));
    }
    buf_add_text(&body, "}");
    respond_json(r, local.ready ? 200 : 503, buf_str(&body));
    buf_close(&body);
}

static void get_metrics(struct health *h, struct http_request *r)
{
    struct health_local local;
    struct buf body = {0};
    char worker[16];
    int which = METRICS_EACH;
    local_of(h, &local); /* brings its gauges up to date */
    if (http_query(r, "worker", worker, sizeof worker) && !workers_which(worker, &which)) {
        respond_error(r, 404, CODE_BAD_REQUEST,
                      "There is no such worker: ask for a number from 0, or for sum.", NULL);
        return;
    }
    metrics_print(&body, which);
    respond(r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&body), NULL);
    buf_close(&body);
}

static void not_found(struct http_request *r)
{
    respond_error(
        r, 404, CODE_BAD_REQUEST,
        "There is nothing here: WebSocket clients connect to /ws, the state of the service is at /health.",
        NULL);
}

static void get_page(struct health *h, struct http_request *r)
{
    if (h->options.demo_page.n > 0)
        respond(r, 200, "text/html; charset=utf-8", h->options.demo_page, NULL);
    else
        not_found(r);
}

static void get_socket(struct health *h, struct http_request *r)
{
    (void)h;
    respond_error(
        r, 426, CODE_BAD_REQUEST,
        "This is the WebSocket endpoint: connect with ws:// or wss://, as in new "
        "WebSocket('ws://localhost:3030/ws'). If you did, a proxy in front lost the headers Upgrade "
        "and Connection.",
        "Upgrade: websocket\r\n");
}

/* --- routes -------------------------------------------------------------------------------------------- */

static const struct {
    const char *path;
    bool post; /* else GET and HEAD */
    void (*run)(struct health *h, struct http_request *r);
} routes[] = {
    {"/", false, get_page},
    {"/health", false, get_health},
    {"/api/health", false, get_health},
    {"/health/stats", false, get_stats},
    {"/api/health/detailed", false, get_stats},
    {"/health/live", false, get_live},
    {"/health/ready", false, get_ready},
    {"/health/cleanup", true, post_cleanup},
    {"/metrics", false, get_metrics},
    {"/ws", false, get_socket},
};

void health_http(struct health *h, struct http_request *r)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!str_eq(http_path(r), str_of(routes[i].path)))
            continue;
        if ((http_method(r) == HTTP_POST) == routes[i].post)
            routes[i].run(h, r);
        else if (routes[i].post)
            respond_error(r, 405, CODE_BAD_REQUEST, "Use POST here.", "Allow: POST\r\n");
        else
            respond_error(r, 405, CODE_BAD_REQUEST, "Use GET here.", "Allow: GET, HEAD\r\n");
        return;
    }
    not_found(r);
}

/* --- the store itself ---------------------------------------------------------------------------------- */

static struct str unquoted(const char *json)
{
    struct str s = str_of(json);
    bool quoted = s.n >= 2 && s.p[0] == '"';
    return quoted ? (struct str){s.p + 1, s.n - 2} : s;
}

/* One line when an item becomes worse than it was; seed 003 wants memory logged above 80 % only. */
static void log_items(struct health *h)
{
    struct store_info_item items[STORE_INFO_ITEMS];
    store_info_items(&h->store, items);
    for (size_t i = 0; i < STORE_INFO_ITEMS; i++) {
        enum store_info_level level = items[i].level;
        bool quiet =
            strcmp(items[i].name, "memory") == 0 && strtod(items[i].value, NULL) <= MEMORY_LOG_PERCENT;
        if (quiet || !items[i].counts)
            continue;
        if (level > STORE_INFO_GOOD && level > h->logged[i])
            log_warn("store.risk", KV("item", items[i].name), KV_STR("value", unquoted(items[i].value)),
                     KV("level", store_info_level_name(level)), KV("next", items[i].remedy));
        h->logged[i] = level;
    }
}

static void on_store(void *arg, const struct store_info *info)
{
    struct health *h = arg;
    if (settle(h) || h->closed)
        return;
    h->store_asking = false;
    if (!info->known)
        return;
    h->store = *info;
    log_items(h);
}

static void check_store(struct health *h)
{
    if (h->store_asking || backend_of(h)->ops->info == NULL)
        return;
    h->store_asking = true;
    h->pending++;
    stats_info(h->options.realm, h->options.loop, &h->store, on_store, h);
}

/* Also keeps the figures of /metrics that come from the audit from growing old. */
static void on_store_timer(void *arg)
{
    struct health *h = arg;
    if (!store_up(h))
        return;
    check_store(h);
    shared_refresh(&h->figures);
}

void health_store_ready(struct health *h)
{
    loop_timer_start(h->store_timer, STORE_CHECK_MS, STORE_CHECK_MS);
    on_store_timer(h);
}

const struct store_info *health_store(const struct health *h)
{
    return h->store.known ? &h->store : NULL;
}

/* --- life ---------------------------------------------------------------------------------------------- */

struct health *health_new(const struct health_options *options)
{
    struct health *h = mem_alloc(sizeof *h);
    h->options = *options;
    shared_init(&h->probe, options->loop, FRESH_MS, PROBE_WAIT_MS,
                &(struct shared_events){h, ask_probe, answer_probe});
    shared_init(&h->figures, options->loop, FRESH_MS, FIGURES_WAIT_MS,
                &(struct shared_events){h, ask_figures, answer_figures});
    h->store_timer = loop_timer_new(options->loop, on_store_timer, h);
    return h;
}

void health_free(struct health *h)
{
    if (h == NULL)
        return;
    shared_close(&h->probe);
    shared_close(&h->figures);
    loop_timer_free(h->store_timer);
    buf_close(&h->probe_body);
    stats_free(h->stats);
    h->closed = true;
    h->pending++; /* this call's own hold */
    (void)settle(h);
}
