/* Reads the answers about the fleet: detaches, sweeps, deadlines, heartbeats, comparisons. */
#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/sim_answers.h"
#include "tests/lib/sim_island.h"

/* ---- detach and sweep ---- */

static void put_off(struct sim_gateway *g, const struct sim_call *c)
{
    struct sim_call *later = mem_alloc(sizeof *later);
    *later = *c;
    later->reply = NULL;
    later->lost = false;
    later->err = ERR_NONE;
    list_push(&g->put_off, &later->link);
}

static void sweep_on(struct sim_gateway *g, enum sim_call_kind kind)
{
    struct sim_call c = {.kind = kind};
    memcpy(c.owner, g->sweeping, sizeof c.owner);
    sim_call(g, &c);
}

static void leftover_done(struct sim_gateway *g)
{
    if (--g->sweep_waiting == 0)
        sweep_on(g, SIM_LEFTOVERS);
}

static void on_detach(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    if (o.err) {
        if (c->leftover)
            leftover_done(g);
        else
            put_off(g, c);
    } else if (realm_said(o, "AGAIN")) {
        sim_call_again(g, c, reply_int(c->reply, 1), reply_str(c->reply, 2));
    } else {
        if (realm_said(o, "OK")) {
            sim_gateway_events(g, reply_at(c->reply, 2));
            sim_gateway_rematch(g, reply_str(c->reply, 1));
        }
        if (c->leftover)
            leftover_done(g);
        g->of_island -= c->of_island;
    }
}

static void on_leftovers(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    const struct reply *list = reply_at(c->reply, 1);
    if (!realm_said(o, "OK")) {
        g->sweeping[0] = '\0';
        return;
    }
    if (list->count == 0) {
        sweep_on(g, SIM_RETIRE);
        return;
    }
    g->sweep_waiting = (unsigned)(list->count / 4);
    for (size_t i = 0; i + 3 < list->count; i += 4) {
        struct sim_call d = {.kind = SIM_DETACH, .leftover = true, .level = reply_int(list, i + 2)};
        (void)str_copy(d.socket, sizeof d.socket, reply_str(list, i));
        (void)str_copy(d.player, sizeof d.player, reply_str(list, i + 1));
        (void)str_copy(d.room, sizeof d.room, reply_str(list, i + 3));
        memcpy(d.owner, g->sweeping, sizeof d.owner);
        sim_call(g, &d);
    }
}

/* What stands in our name, and we do not have: the store has forgotten that it was detached. */
static void on_own(struct sim_gateway *g, const struct sim_call *c)
{
    const struct reply *list = reply_at(c->reply, 2);
    for (size_t i = 0; !c->err && i + 1 < list->count; i += 2) {
        struct sim_call d = {.kind = SIM_DETACH};
        if (sim_gateway_by_socket(g, reply_str(list, i)))
            continue;
        (void)str_copy(d.socket, sizeof d.socket, reply_str(list, i));
        (void)str_copy(d.player, sizeof d.player, reply_str(list, i + 1));
        memcpy(d.owner, g->realm.instance_id, sizeof d.owner);
        g->sim->count.strays++;
        sim_call(g, &d);
    }
}

/* ---- the clock ---- */

static void on_due(struct sim_gateway *g, const struct sim_call *c)
{
    g->polling = false;
    for (size_t i = 0; !c->err && i < c->reply->count; i++) {
        struct sim_call fire = {.kind = SIM_FIRE};
        if (!str_copy(fire.text, sizeof fire.text, reply_str(c->reply, i)))
            sim_fail(g->sim, "deadlines holds a long entry");
        sim_call(g, &fire);
    }
}

static void on_fire(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    if (!realm_said(o, "OK"))
        return;
    sim_gateway_events(g, reply_at(c->reply, 2));
    sim_gateway_rematch(g, reply_str(c->reply, 1));
}

/* The store has answered on the present line. */
static void trust(struct sim_gateway *g, const struct sim_call *c)
{
    if (g->trusts || c->line != g->line)
        return;
    sim_trace(g->sim, "%s has the store back", g->realm.instance_id);
    g->trusts = true;
    sim_gateway_back(g);
}

static void on_beat(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    g->beating = false;
    if (o.err)
        return;
    bool late = realm_said(o, "LATE");
    if (!late && !realm_said(o, "OK"))
        sim_fail(g->sim, "%s is refused", g->realm.instance_id);
    if (late) { /* but now the store answers */
        g->run = g->realm.run = reply_int(c->reply, 2);
        if (!g->held)
            g->beat_at_us = g->sim->now_us;
        trust(g, c);
        return;
    }
    int64_t epoch = reply_int(c->reply, 1);
    bool lost = reply_int(c->reply, 6) > 0 || reply_int(c->reply, 8) > 0;
    if (lost)
        g->data_lost_us = g->sim->now_us;
    if ((g->epoch != 0 && epoch != g->epoch) || lost)
        sim_gateway_doubt(g);
    g->renewed_us = g->sim->now_us;
    g->epoch = epoch;
    g->run = g->realm.run = reply_int(c->reply, 7);
    g->answered = c->beat;
    trust(g, c);
    const struct reply *dead = reply_at(c->reply, 3);
    if (dead->count > 0 && !g->sweeping[0]) {
        (void)str_copy(g->sweeping, sizeof g->sweeping,
                       reply_str(dead, sim_random(g->sim, (uint32_t)dead->count)));
        sweep_on(g, SIM_LEFTOVERS);
    }
}

static bool agrees(const struct sim_session *s, const struct presence_record *r)
{
    if (!str_eq(r->socket_id, str_of(s->socket)))
        return false;
    if (str_eq(r->state, STR("room")))
        return s->state == SIM_SEATED && str_eq(r->room_id, str_of(s->view->room));
    return s->state == (str_eq(r->state, STR("queued")) ? SIM_QUEUED : SIM_IDLE);
}

/* Once may be a change on its way; twice is a difference. */
static void on_where(const struct sim_call *c, struct sim_session *s)
{
    struct presence_record r;
    if (!s || s->island || c->err || s->attaching || s->busy)
        return;
    if (presence_record(reply_str(c->reply, 0), &r) && agrees(s, &r)) {
        s->differed = false;
        return;
    }
    s->doubt = s->doubt || s->differed;
    s->differed = true;
}

void sim_answer_fleet(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                      struct realm_outcome o)
{
    switch (c->kind) {
    case SIM_DETACH:
        on_detach(g, c, o);
        break;
    case SIM_LEFTOVERS:
        on_leftovers(g, c, o);
        break;
    case SIM_OWN:
        on_own(g, c);
        break;
    case SIM_RETIRE:
        if (strcmp(c->owner, g->realm.instance_id) == 0)
            g->retired = true; /* or not: then the others sweep it */
        else
            g->sweeping[0] = '\0';
        break;
    case SIM_DUE:
        on_due(g, c);
        break;
    case SIM_FIRE:
        on_fire(g, c, o);
        break;
    case SIM_BEAT:
        on_beat(g, c, o);
        break;
    default:
        on_where(c, s);
    }
}
