/* Gathers the figures of /health/stats from the store: one flow, one question after the other.
 *
 * counts -> queues -> fleet -> audit -> info. A question that fails because of a key of a foreign type
 * (ERR_SCRIPT) leaves its part empty and the flow goes on: /health/stats is where one looks in such a case.
 * Any other failure ends the flow at once, since the next question would only fail as well. The first failure
 * is in stats.err. */
#include "gateway/stats.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/flow.h"
#include "common/mem.h"
#include "gateway/stats_part.h"

enum { TEXTS = 10 };

struct gather {
    struct flow flow; /* first: a step gets a flow and means its owner */
    const struct realm *realm;
    struct loop *loop;
    struct store_info before;
    int64_t audit_limit;
    stats_cb done;
    stats_info_cb info_done;
    void *arg;
    struct stats *stats;
};

static struct gather *of(struct flow *f)
{
    return (struct gather *)(void *)f;
}

struct stats *stats_empty(const struct realm *r)
{
    struct backend *b = r->backend;
    struct stats *s = mem_alloc(sizeof *s);
    s->standalone = !b->durable;
    s->up = b->ops->up(b);
    s->reason = b->ops->reason(b);
    if (backend_is_redis(b)) {
        struct redis_link_stats events;
        backend_redis_stats(b, &s->link, &events);
    }
    return s;
}

void stats_free(struct stats *s)
{
    if (s == NULL)
        return;
    buf_close(&s->queues_json);
    buf_close(&s->fleet_json);
    buf_close(&s->sockets_json);
    buf_close(&s->integrity_json);
    buf_close(&s->bad_keys_json);
    mem_free(s);
}

void stats_keep_integrity(struct stats *s, struct stats *older)
{
    buf_close(&s->integrity_json);
    buf_close(&s->sockets_json);
    s->integrity_json = older->integrity_json;
    s->sockets_json = older->sockets_json;
    s->violations = older->violations;
    s->leftovers = older->leftovers;
    s->have_integrity = older->have_integrity;
    s->integrity_at_ms = older->integrity_at_ms;
    buf_init(&older->integrity_json);
    buf_init(&older->sockets_json);
}

/* Notes how a question ended; true if there is an answer to read. */
static bool answered(struct gather *g, int err)
{
    if (err == ERR_NONE)
        return true;
    if (g->stats->err == 0)
        g->stats->err = err;
    if (err != ERR_SCRIPT)
        flow_cancel(&g->flow, err);
    return false;
}

static void on_counts(void *arg, int err, const struct report_health *h)
{
    struct gather *g = arg;
    struct stats *s = g->stats;
    if (answered(g, err)) {
        s->mappings = h->mappings > 0 ? h->mappings : 0;
        s->game_states = h->game_states > 0 ? h->game_states : 0;
        s->matches = h->matches > 0 ? h->matches : 0;
        s->waiting = h->waiting;
        stats_part_bad_keys(&s->bad_keys_json, h);
    }
    flow_wake(&g->flow);
}

static enum flow_next ask_counts(struct flow *f)
{
    report_health(of(f)->realm, on_counts, of(f));
    return FLOW_WAIT;
}

static void on_queues(void *arg, int err, const struct report_queue *queues, size_t count)
{
    struct gather *g = arg;
    if (answered(g, err)) {
        stats_part_queues(&g->stats->queues_json, queues, count);
        for (size_t i = 0; i < count; i++) {
            g->stats->queues += queues[i].length > 0;
            if (queues[i].oldest_wait_ms > g->stats->oldest_wait_ms)
                g->stats->oldest_wait_ms = queues[i].oldest_wait_ms;
        }
    }
    flow_wake(&g->flow);
}

static enum flow_next ask_queues(struct flow *f)
{
    report_queues(of(f)->realm, on_queues, of(f));
    return FLOW_WAIT;
}

static void on_fleet(void *arg, int err, const struct reply *reply)
{
    struct gather *g = arg;
    if (answered(g, err))
        stats_part_fleet(&g->stats->fleet_json, reply);
    flow_wake(&g->flow);
}

static enum flow_next ask_fleet(struct flow *f)
{
    report_fleet(of(f)->realm, on_fleet, of(f));
    return FLOW_WAIT;
}

static void on_audit(void *arg, int err, const struct reply *reply)
{
    struct gather *g = arg;
    if (answered(g, err)) {
        struct report_audit a;
        report_audited(reply, &a);
        g->stats->violations = a.violations;
        g->stats->leftovers = a.leftovers;
        g->stats->have_integrity = true;
        g->stats->integrity_at_ms = clock_wall_ms();
        stats_part_integrity(&g->stats->integrity_json, &a);
        stats_part_sockets(&g->stats->sockets_json, &a);
    }
    flow_wake(&g->flow);
}

static enum flow_next ask_audit(struct flow *f)
{
    if (of(f)->audit_limit == 0)
        return FLOW_NEXT;
    report_audit(of(f)->realm, of(f)->audit_limit, TEXTS, on_audit, of(f));
    return FLOW_WAIT;
}

/* A server that forbids INFO (a managed one) is no failure: its figures stay unknown. */
static void on_info(void *arg, int err, const struct reply *reply)
{
    struct gather *g = arg;
    struct stats *s = g->stats;
    if (err == ERR_NONE && reply->type == REPLY_STR) {
        store_info_parse(&s->store, reply->str, loop_now_ms(g->loop));
        store_info_rate(&s->store, &g->before);
        if (s->link.calls > 0) {
            s->store.command_ms = s->link.avg_us / 1000;
            s->store.command_max_ms = s->link.max_us / 1000;
        }
    }
    flow_wake(&g->flow);
}

static enum flow_next ask_info(struct flow *f)
{
    struct backend *b = of(f)->realm->backend;
    if (b->ops->info == NULL)
        return FLOW_NEXT;
    b->ops->info(b, on_info, of(f));
    return FLOW_WAIT;
}

static const struct flow_step all_steps[] = {{"counts", ask_counts}, {"queues", ask_queues},
                                             {"fleet", ask_fleet},   {"audit", ask_audit},
                                             {"info", ask_info},     {NULL, NULL}};
static const struct flow_step info_steps[] = {{"info", ask_info}, {NULL, NULL}};

static void end(struct flow *f)
{
    struct gather *g = of(f);
    if (g->done) {
        g->done(g->arg, g->stats);
    } else {
        g->info_done(g->arg, &g->stats->store);
        stats_free(g->stats);
    }
    mem_free(g);
}

static void start(const struct gather *from, const char *name, const struct flow_step *steps)
{
    struct gather *g = mem_alloc(sizeof *g);
    *g = *from;
    g->stats = stats_empty(g->realm);
    flow_start(&g->flow, name, steps, end);
}

void stats_gather(const struct realm *r, struct loop *l, const struct store_info *before, int64_t audit_limit,
                  stats_cb done, void *arg)
{
    const struct gather g = {
        .realm = r, .loop = l, .before = *before, .audit_limit = audit_limit, .done = done, .arg = arg};
    start(&g, "stats", all_steps);
}

void stats_info(const struct realm *r, struct loop *l, const struct store_info *before, stats_info_cb done,
                void *arg)
{
    const struct gather g = {.realm = r, .loop = l, .before = *before, .info_done = done, .arg = arg};
    start(&g, "store_info", info_steps);
}
