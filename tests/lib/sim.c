/* The world of a simulation: clock, chance, players' wishes, chaos, and the reckoning when all is calm. */
#include "tests/lib/sim.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_gateway.h"
#include "tests/lib/sim_model.h"

enum {
    CALM_US = 20000000,
    CALM_STEP_US = 10000,
    READS_PER_STEP = 4,
    READS_PER_CALM_STEP = 60,
    AUDIT_LIMIT = 100000,
    AUDIT_TEXTS = 10
};

/* ---- chance ---- */

/* splitmix64: small, and every seed will do. */
static uint64_t next_random(struct sim *s)
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t sim_random(struct sim *s, uint32_t below)
{
    return (uint32_t)(next_random(s) >> 32) % below;
}

bool sim_chance(struct sim *s, uint32_t per_10000)
{
    return sim_random(s, 10000) < per_10000;
}

void sim_id(struct sim *s, char out[ID_SIZE], const char *prefix)
{
    (void)snprintf(out, ID_SIZE, "%.8s%llu", prefix, (unsigned long long)++s->next_id);
}

/* ---- telling ---- */

void sim_trace(struct sim *s, const char *fmt, ...)
{
    char *line = s->trace[s->trace_at++ % SIM_TRACE_LINES];
    int n = snprintf(line, SIM_TRACE_BYTES, "%10.3f ", sim_elapsed_s(s));
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line + n, SIM_TRACE_BYTES - (size_t)n, fmt, args);
    va_end(args);
    if (s->o.verbose)
        fprintf(stderr, "%s\n", line);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
    for (unsigned i = 0; i < SIM_TRACE_LINES && !s->o.verbose; i++) {
        const char *line = s->trace[(s->trace_at + i) % SIM_TRACE_LINES];
        if (line[0])
            fprintf(stderr, "%s\n", line);
    }
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "sim: at %.3f s: ", sim_elapsed_s(s));
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nsim: seed %llu, %lld tickets of %lld, %lld seats, mode %s\n",
            (unsigned long long)s->o.seed, (long long)s->count.tickets, (long long)s->o.tickets,
            (long long)s->o.seats, s->o.events_mode);
    exit(1);
}

/* ---- the world ---- */

static uint64_t now_us(void *arg)
{
    return ((struct sim *)arg)->now_us;
}

static void on_message(void *arg, struct str channel, struct str message)
{
    struct sim *s = arg;
    struct str all = STR("room_events");
    sim_model_published(s->model, message);
    for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
        struct sim_gateway *g = s->gateways[i];
        if (channel.n == all.n ||
            str_eq((struct str){channel.p + all.n + 1, channel.n - all.n - 1}, str_of(g->realm.instance_id)))
            sim_gateway_hear(g, message);
    }
}

void sim_open(struct sim *s, const struct sim_options *o)
{
    *s = (struct sim){.o = *o, .random = o->seed, .now_us = SIM_START_US};
    CHECK(o->clients <= SIM_CLIENTS_MAX);
    s->backend = backend_memory_new(
        NULL, &(struct backend_memory_options){.now_us = now_us, .now_arg = s, .immediate = true},
        &(struct backend_events){.on_message = on_message, .arg = s});
    s->model = sim_model_new(s);
    for (unsigned i = 0; i < o->clients; i++)
        (void)str_copy(s->clients[i].id, ID_SIZE, str_of(fleet_text("p%u", i)));
    for (unsigned i = 0; i < SIM_GATEWAYS; i++)
        s->gateways[i] = sim_gateway_new(s, i);
}

void sim_close(struct sim *s)
{
    for (unsigned i = 0; i < SIM_GATEWAYS; i++)
        sim_gateway_free(s->gateways[i]);
    for (unsigned i = 0; i < s->o.clients; i++)
        mem_free(s->clients[i].unanswered);
    s->backend->ops->free(s->backend);
    sim_model_free(s->model);
    buf_close(&s->text);
}

static struct sim_gateway *some_gateway(struct sim *s)
{
    return s->gateways[sim_random(s, SIM_GATEWAYS)];
}

static void replace(struct sim *s, unsigned i)
{
    sim_gateway_free(s->gateways[i]);
    s->gateways[i] = sim_gateway_new(s, i);
}

/* What was frozen or away comes back when its time is over. */
static void wake(struct sim *s)
{
    for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
        struct sim_gateway *g = s->gateways[i];
        if (s->now_us < g->frozen_until_us)
            continue;
        if (g->retired) {
            replace(s, i);
            continue;
        }
        if (g->frozen_until_us != 0) {
            g->frozen_until_us = 0;
            sim_trace(s, "%s thaws", g->realm.instance_id);
            sim_gateway_thaw(g);
        }
        if (g->away_until_us != 0 && s->now_us >= g->away_until_us) {
            g->away_until_us = 0;
            sim_trace(s, "%s has the store back", g->realm.instance_id);
            sim_gateway_back(g);
        }
        sim_gateway_tick(g);
    }
}

void sim_step(struct sim *s, uint32_t at_most_us)
{
    s->now_us += 1 + sim_random(s, at_most_us);
    wake(s);
    for (int i = 0; i < (s->calm ? READS_PER_CALM_STEP : READS_PER_STEP); i++) {
        (void)sim_calls_run(some_gateway(s));
        struct sim_gateway *g = some_gateway(s);
        if (sim_gateway_works(g))
            (void)sim_gateway_read(g);
    }
}

/* ---- players ---- */

static void act_in_room(struct sim *s, struct sim_gateway *g, struct sim_session *own)
{
    struct sim_call c = {.number = -1, .level = own->level};
    uint32_t dice = sim_random(s, 100);
    (void)str_copy(c.text, sizeof c.text, str_of(fleet_text("{\"n\":%u}", sim_random(s, 1000))));
    if (!own->view->active) {
        c.kind = dice < 5 ? SIM_LEAVE_ROOM : SIM_MESSAGE; /* which is too early */
        if (dice < 3)
            sim_gateway_drop(g, own);
        else if (dice < 8)
            sim_gateway_ask(g, own, c);
        return;
    }
    if (dice < 55) {
        c.kind = SIM_MESSAGE;
    } else if (dice < 65) {
        c.kind = SIM_SET;
    } else if (dice < 75) {
        c.kind = SIM_SET;
        c.game = true;
        c.number = sim_random(s, 4);
    } else if (dice < 92) {
        c.kind = SIM_END;
        (void)str_copy(c.text, sizeof c.text, sim_chance(s, 9000) ? STR("1") : STR("2"));
    } else if (dice < 96) {
        c.kind = SIM_LEAVE_ROOM;
    } else {
        sim_gateway_drop(g, own);
        return;
    }
    sim_gateway_ask(g, own, c);
}

static void act_idle(struct sim *s, struct sim_gateway *g, struct sim_session *own)
{
    struct sim_call c = {.kind = SIM_JOIN};
    if (sim_chance(s, 500)) {
        sim_gateway_drop(g, own);
        return;
    }
    if (s->count.tickets >= s->o.tickets)
        return;
    s->count.tickets++;
    own->level = c.level = 1 + sim_random(s, (uint32_t)s->o.levels);
    sim_id(s, own->ticket, "t");
    memcpy(c.ticket, own->ticket, sizeof c.ticket);
    sim_gateway_ask(g, own, c);
}

static void act_queued(struct sim *s, struct sim_gateway *g, struct sim_session *own)
{
    struct sim_call c = {.kind = SIM_LEAVE_QUEUE, .level = own->level};
    uint32_t dice = sim_random(s, 1000);
    if (dice < 20)
        sim_gateway_ask(g, own, c);
    else if (dice < 30)
        sim_gateway_drop(g, own);
}

void sim_client_act(struct sim *s, struct sim_client *c)
{
    struct sim_gateway *g = s->gateways[c->gateway];
    struct sim_session *own = c->session ? sim_gateway_session(g, c->session) : NULL;
    CHECK(own || c->session == 0);
    if (!own || sim_chance(s, 30)) { /* now and then a second connection, elsewhere or not */
        g = some_gateway(s);
        s->count.takeovers += own != NULL;
        if (sim_gateway_works(g) && !g->draining)
            sim_gateway_connect(g, c);
        return;
    }
    if (!sim_gateway_works(g)) { /* no answer: after a while the client gives up */
        if (sim_chance(s, 500))
            c->session = 0;
        return;
    }
    if (own->busy || own->attaching)
        return;
    if (c->unanswered) {
        s->count.repeats++;
        sim_gateway_ask(g, own, *c->unanswered);
        return;
    }
    if (own->state == SIM_IDLE)
        act_idle(s, g, own);
    else if (own->state == SIM_QUEUED)
        act_queued(s, g, own);
    else if (own->state == SIM_SEATED)
        act_in_room(s, g, own);
}

/* ---- chaos ---- */

void sim_chaos(struct sim *s)
{
    unsigned i = sim_random(s, SIM_GATEWAYS);
    struct sim_gateway *g = s->gateways[i];
    uint32_t dice = sim_random(s, 100000);
    if (!sim_gateway_works(g) || dice >= 100)
        return;
    if (dice < 25) {
        sim_trace(s, "%s is killed", g->realm.instance_id);
        s->count.kills++;
        replace(s, i);
    } else if (dice < 55) {
        sim_gateway_freeze(g, s->now_us + 500000 + sim_random(s, 15000000));
        sim_trace(s, "%s freezes%s", g->realm.instance_id, g->stalled ? " with calls in its hands" : "");
        s->count.freezes++;
    } else if (dice < 85) {
        sim_trace(s, "%s loses the store", g->realm.instance_id);
        sim_gateway_lose_store(g, s->now_us + 100000 + sim_random(s, 8000000));
        s->count.outages++;
    } else {
        sim_trace(s, "%s drains", g->realm.instance_id);
        s->count.drains++;
        g->draining = true;
    }
}

/* ---- the reckoning ---- */

struct looked {
    struct sim *sim;
    bool settled, answered;
};

static void on_audit(void *arg, int err, const struct reply *reply)
{
    struct looked *l = arg;
    struct report_audit a;
    l->answered = true;
    if (!realm_said(realm_outcome(err, reply), "OK"))
        sim_fail(l->sim, "the audit fails");
    report_audited(reply, &a);
    const struct reply *texts = a.violations ? a.violation : a.leftover;
    if (!a.complete || a.violations || (l->settled && a.leftovers)) {
        for (size_t i = 0; i < texts->count; i++)
            sim_trace(l->sim, "%.*s", (int)texts->items[i].str.n, texts->items[i].str.p);
        sim_fail(l->sim, "the audit finds %lld violations, %lld leftovers", (long long)a.violations,
                 (long long)a.leftovers);
    }
}

void sim_audit(struct sim *s, bool settled)
{
    struct looked l = {s, settled, false};
    report_audit(&s->gateways[0]->realm, AUDIT_LIMIT, AUDIT_TEXTS, on_audit, &l);
    CHECK(l.answered);
}

static void check_session(struct sim *s, const struct sim_gateway *g, const struct sim_session *own)
{
    const char *room, *truth = sim_model_player(s->model, own->client->id, &room);
    static const char *const names[] = {"attaching", "free", "waiting", "seated"};
    const char *view = own->view ? own->view->room : "";
    if (own->client->session != own->number)
        sim_fail(s, "%s still has the connection %s, whose client is elsewhere", g->realm.instance_id,
                 own->socket);
    if (own->doubt || own->busy || own->attaching)
        sim_fail(s, "%s is not done with %s (doubt %d, busy %d, attaching %d)", g->realm.instance_id,
                 own->socket, own->doubt, own->busy, own->attaching);
    if (strcmp(names[own->state], truth) != 0 || strcmp(view, room) != 0)
        sim_fail(s, "%s believes that %s is %s %s, the truth is %s %s", g->realm.instance_id, own->client->id,
                 names[own->state], view, truth, room);
}

static void check_view(struct sim *s, const struct sim_gateway *g, const struct sim_view *v)
{
    if (sim_model_ended(s->model, v->room) || v->seq != sim_model_seq(s->model, v->room))
        sim_fail(s, "%s has seen room %s up to %lld, it has %lld events", g->realm.instance_id, v->room,
                 (long long)v->seq, (long long)sim_model_seq(s->model, v->room));
}

static void check_client(struct sim *s, const struct sim_client *c)
{
    const char *truth = sim_model_player(s->model, c->id, NULL);
    if (c->session == 0 && strcmp(truth, "free") != 0)
        sim_fail(s, "player %s is gone and still %s", c->id, truth);
}

static void read_all(struct sim *s)
{
    bool more = true;
    for (int round = 0; more; round++) {
        more = false;
        for (unsigned i = 0; i < SIM_GATEWAYS; i++)
            more = sim_calls_run(s->gateways[i]) || sim_gateway_read(s->gateways[i]) || more;
        if (round > 1000000)
            sim_fail(s, "the gateways do not come to rest");
    }
}

void sim_calm(struct sim *s)
{
    s->calm = true;
    s->count.calms++;
    for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
        struct sim_gateway *g = s->gateways[i];
        if (g->frozen_until_us)
            g->frozen_until_us = s->now_us;
        if (g->away_until_us)
            g->away_until_us = s->now_us;
    }
    for (uint64_t end = s->now_us + CALM_US; s->now_us < end;)
        sim_step(s, CALM_STEP_US);
    read_all(s);
    sim_audit(s, true);
    for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
        LIST_EACH(it, &s->gateways[i]->sessions)
        check_session(s, s->gateways[i], OWNER(it, struct sim_session, link));
        LIST_EACH(it, &s->gateways[i]->views)
        check_view(s, s->gateways[i], OWNER(it, struct sim_view, link));
    }
    for (unsigned i = 0; i < s->o.clients; i++)
        check_client(s, &s->clients[i]);
    sim_model_forget_ended(s->model);
    s->calm = false;
}

void sim_leave_all(struct sim *s)
{
    for (unsigned i = 0; i < SIM_GATEWAYS; i++)
        LIST_EACH_SAFE(it, tmp, &s->gateways[i]->sessions)
    sim_gateway_drop(s->gateways[i], OWNER(it, struct sim_session, link));
}
