/* The reckoning of a simulation: when all is calm, everybody must agree. */
#include "common/err.h"
#include "tests/lib/sim_gateway.h"
#include "tests/lib/sim_island.h"
#include "tests/lib/sim_model.h"

enum {
    CALM_US = 20000000,
    CALM_STEP_US = 10000,
    QUIET_US = 8000000,
    LOOK_EVERY = 50,
    LATE_MS = 1000,
    AUDIT_LIMIT = 100000,
    AUDIT_TEXTS = 100
};

struct looked {
    struct sim *sim;
    bool settled, answered;
};

/* A room that came home into a store which has lost what was before: its log is short. */
static bool short_log(const struct sim *s, struct str text)
{
    static const char begin[] = "I7 the log of room ";
    if (text.n < sizeof begin || memcmp(text.p, begin, sizeof begin - 1) != 0)
        return false;
    struct str rest = {text.p + sizeof begin - 1, text.n - (sizeof begin - 1)};
    return sim_model_came_home(s->model, str_cut(&rest, ' '));
}

static void on_audit(void *arg, int err, const struct reply *reply)
{
    struct looked *l = arg;
    struct report_audit a;
    l->answered = true;
    if (!realm_said(realm_outcome(err, reply), "OK"))
        sim_fail(l->sim, "the audit fails");
    report_audited(reply, &a);
    const struct reply *texts = a.violations ? a.violation : a.leftover;
    for (size_t i = 0; i < a.leftover->count; i++)
        a.leftovers -= short_log(l->sim, a.leftover->items[i].str);
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
    if (own->island)
        sim_fail(s, "%s still has %s on its island", g->realm.instance_id, own->socket);
    if (own->doubt || own->busy || own->attaching)
        sim_fail(s, "%s is not done with %s (doubt %d, busy %u, attaching %d)", g->realm.instance_id,
                 own->socket, own->doubt, own->busy, own->attaching);
    if (strcmp(names[own->state], truth) != 0 || strcmp(view, room) != 0)
        sim_fail(s, "%s believes that %s is %s %s, the truth is %s %s", g->realm.instance_id, own->client->id,
                 names[own->state], view, truth, room);
}

static void check_view(struct sim *s, const struct sim_gateway *g, const struct sim_view *v)
{
    struct history_position truth = sim_model_at(s->model, v->room);
    if (sim_model_ended(s->model, v->room) || v->at.seq != truth.seq || v->at.epoch != truth.epoch)
        sim_fail(s, "%s has seen room %s up to %lld (epoch %lld), it has %lld events (epoch %lld)",
                 g->realm.instance_id, v->room, (long long)v->at.seq, (long long)v->at.epoch,
                 (long long)truth.seq, (long long)truth.epoch);
    if (v->told != sim_model_told(s->model, v->room, v->from.seq))
        sim_fail(s, "%s was told another history of room %s since its event %lld", g->realm.instance_id,
                 v->room, (long long)v->from.seq);
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
    sim_failover(s);
    s->calm = true;
    s->away_until_us = s->stopped_until_us = s->now_us;
    s->count.calms++;
    for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
        struct sim_gateway *g = s->gateways[i];
        if (g->frozen_until_us)
            g->frozen_until_us = s->now_us;
        if (g->away_until_us)
            g->away_until_us = s->now_us;
    }
    uint64_t begin = s->now_us;
    for (unsigned i = 0; s->now_us < begin + CALM_US; i++) {
        sim_step(s, CALM_STEP_US);
        if (s->now_us > begin + QUIET_US && i % LOOK_EVERY == 0)
            sim_model_overdue(s->model, LATE_MS);
    }
    read_all(s);
    sim_audit(s, true);
    for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
        if (s->gateways[i]->island)
            sim_island_fail(s->gateways[i]);
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
