/* What players do, and what goes wrong. */
#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_gateway.h"
#include "tests/lib/sim_island.h"
#include "tests/lib/sim_model.h"

enum { BURST_MAX = 20, BURST_PER_10000 = 300, CARELESS_PER_10000 = 2000 };

/* ---- players ---- */

/* What is asked in a room that plays; true: instead of asking, the connection drops. */
static bool choose(struct sim *s, struct sim_call *c)
{
    uint32_t dice = sim_random(s, 100);
    if (dice < 50) {
        c->kind = SIM_MESSAGE;
    } else if (dice < 60) {
        c->kind = SIM_SET;
        c->number = sim_chance(s, 5000) ? -1 : (int64_t)sim_random(s, 4);
    } else if (dice < 70) {
        c->kind = SIM_SET;
        c->game = true;
        c->number = sim_random(s, 4);
    } else if (dice < 75) {
        c->kind = SIM_DEADLINE;
        c->number = sim_random(s, 4);
        c->after_ms = 100 + sim_random(s, 2000);
    } else if (dice < 77) {
        c->kind = SIM_READ;
    } else if (dice < 92) {
        c->kind = SIM_END;
        (void)str_copy(c->text, sizeof c->text, sim_chance(s, 9000) ? STR("1") : STR("2"));
    } else if (dice < 96) {
        c->kind = SIM_LEAVE_ROOM;
    } else {
        return true;
    }
    return false;
}

/* In some rooms everybody falls asleep. */
static bool sleepy(const char *room_id)
{
    size_t n = strlen(room_id);
    return n > 1 && strcmp(room_id + n - 2, "77") == 0;
}

/* Mostly one message, now and then many without waiting; some nobody would say again. */
static void say(struct sim *s, struct sim_gateway *g, struct sim_session *own, struct sim_call c)
{
    uint32_t count = sim_chance(s, BURST_PER_10000) ? 1 + sim_random(s, BURST_MAX) : 1;
    for (uint32_t i = 0; i < count; i++) {
        (void)str_copy(c.text, sizeof c.text, str_of(fleet_text("%u", sim_random(s, 1000))));
        c.careless = sim_chance(s, CARELESS_PER_10000);
        sim_gateway_ask(g, own, c);
    }
}

/* What no answer has come to, once more. */
static void repeat(struct sim *s, struct sim_gateway *g, struct sim_session *own)
{
    LIST_EACH(it, &own->client->unanswered)
    {
        s->count.repeats++;
        sim_gateway_ask(g, own, *OWNER(it, struct sim_call, link));
    }
}

static void act_in_room(struct sim *s, struct sim_gateway *g, struct sim_session *own)
{
    struct sim_call c = {.number = -1, .level = own->level};
    (void)str_copy(c.text, sizeof c.text, str_of(fleet_text("{\"n\":%u}", sim_random(s, 1000))));
    if (!own->view->active) {
        uint32_t dice = sim_random(s, 50 * (uint32_t)s->o.seats); /* one is enough to end the match */
        c.kind = dice < 5 ? SIM_LEAVE_ROOM : SIM_MESSAGE;         /* which is too early */
        if (dice < 3)
            sim_gateway_drop(g, own);
        else if (dice < 8)
            sim_gateway_ask(g, own, c);
        return;
    }
    if (sleepy(own->view->room))
        return;
    c.epoch = sim_chance(s, 5000) ? own->view->at.epoch : 0;
    if (choose(s, &c))
        sim_gateway_drop(g, own);
    else if (c.kind == SIM_MESSAGE)
        say(s, g, own, c);
    else
        sim_gateway_ask(g, own, c);
}

/* The gateway that he mostly connects to; its players mostly play at one level, so that they often meet. */
static unsigned at_home(const struct sim *s, const struct sim_client *c)
{
    return (unsigned)(c - s->clients) % SIM_GATEWAYS;
}

static void act_idle(struct sim *s, struct sim_gateway *g, struct sim_session *own)
{
    struct sim_call c = {.kind = SIM_JOIN};
    if (own->island && !g->island->open)
        return;
    if (sim_chance(s, 500)) {
        sim_gateway_drop(g, own);
        return;
    }
    if (s->count.tickets >= s->o.tickets)
        return;
    s->count.tickets++;
    bool usual = sim_chance(s, 6000);
    own->level = c.level =
        1 + (usual ? at_home(s, own->client) % s->o.levels : sim_random(s, (uint32_t)s->o.levels));
    sim_id(s, own->ticket, "t");
    own->over = false;
    own->joined_ms = sim_now_ms(s);
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
        g = sim_chance(s, 6000) ? s->gateways[at_home(s, c)] : sim_some_gateway(s);
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
    if (own->moving || (own->island && g->island->leaving && !own->view)) {
        if (sim_chance(s, 20))
            sim_gateway_drop(g, own);
        return;
    }
    if (own->busy || own->attaching) {
        if (sim_chance(s, 20)) /* it does not wait for the answer */
            sim_gateway_drop(g, own);
        return;
    }
    if (!list_empty(&c->unanswered)) {
        repeat(s, g, own);
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

/* What players asked just before: it may reach the store, and no answer comes. */
static void last_words(struct sim *s, struct sim_gateway *g)
{
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *own = OWNER(it, struct sim_session, link);
        bool free_to_ask = own->client->session == own->number && own->state == SIM_SEATED && own->view &&
                           !own->busy && !own->attaching && !own->moving &&
                           list_empty(&own->client->unanswered);
        if (free_to_ask && sim_gateway_works(g) && sim_chance(s, 3000))
            act_in_room(s, g, own);
    }
}

static void lose_store(struct sim *s, struct sim_gateway *g, uint64_t until_us)
{
    last_words(s, g);
    sim_gateway_lose_store(g, until_us);
}

/* All lines break: what is on them reaches the store as it was, or not at all. */
static void break_lines(struct sim *s, uint64_t away_us)
{
    s->away_until_us = s->now_us + away_us;
    for (unsigned i = 0; i < SIM_GATEWAYS; i++)
        lose_store(s, s->gateways[i], s->away_until_us + sim_random(s, 3000000));
}

/* Nobody reaches the store; perhaps for so long that all leases are over. */
static void cut_off(struct sim *s)
{
    sim_trace(s, "the store is away for all");
    s->count.cut_offs++;
    break_lines(s, sim_random(s, 20000000));
}

/* Somebody empties it, or it restarts without its data: then the lines break, too. */
static void lose_data(struct sim *s)
{
    bool restart = sim_chance(s, 5000);
    sim_trace(s, "the store %s and is empty", restart ? "restarts" : "is flushed");
    s->count.losses++;
    if (restart) {
        break_lines(s, 50000);
        sim_store_restart(s->store);
    }
    sim_store_lose(s->store);
    sim_model_lose(s->model);
}

/* From here on a replica gets nothing any more; soon it takes over. */
static void stop_replication(struct sim *s)
{
    if (s->saved)
        return;
    sim_trace(s, "the replica falls behind");
    s->saved = sim_store_save(s->store);
    s->saved_model = sim_model_copy(s->model);
    s->failover_at_us = s->now_us + sim_random(s, 3000000);
}

void sim_failover(struct sim *s)
{
    if (!s->saved)
        return;
    sim_trace(s, "the replica takes over");
    s->count.failovers++;
    break_lines(s, 50000);
    sim_store_restart(s->store);
    sim_store_load(s->store, s->saved);
    sim_model_restore(s->model, s->saved_model);
    mem_free(s->saved);
    s->saved = NULL;
    s->saved_model = NULL;
}

/* The whole fleet is stopped in order, and started some time later. */
static void stop_fleet(struct sim *s)
{
    sim_trace(s, "the fleet is stopped");
    s->count.stops++;
    s->stopped_until_us = s->now_us + 5000000 + sim_random(s, 20000000);
    for (unsigned i = 0; i < SIM_GATEWAYS; i++)
        s->gateways[i]->draining = true;
}

static void happen_to(struct sim *s, unsigned i, uint32_t dice)
{
    struct sim_gateway *g = s->gateways[i];
    if (dice < 25) {
        sim_trace(s, "%s is killed", g->realm.instance_id);
        s->count.kills++;
        sim_replace(s, i);
    } else if (dice < 55) {
        sim_gateway_freeze(g, s->now_us + 500000 + sim_random(s, 15000000));
        sim_trace(s, "%s freezes%s", g->realm.instance_id, g->stalled ? " with calls in its hands" : "");
        s->count.freezes++;
    } else if (dice < 85) {
        sim_trace(s, "%s loses the store", g->realm.instance_id);
        sim_gateway_lose_store(g,
                               s->now_us + 100000 + sim_random(s, sim_chance(s, 5000) ? 8000000 : 25000000));
        s->count.outages++;
    } else {
        sim_trace(s, "%s drains", g->realm.instance_id);
        s->count.drains++;
        g->draining = true;
    }
}

void sim_chaos(struct sim *s)
{
    unsigned i = sim_random(s, SIM_GATEWAYS);
    uint32_t dice = sim_random(s, 100000);
    if (s->saved && s->now_us >= s->failover_at_us)
        sim_failover(s);
    if (dice < 100 && sim_gateway_works(s->gateways[i]))
        happen_to(s, i, dice);
    else if (s->o.loses_data && dice >= 100 && dice < 103)
        lose_data(s);
    else if (s->o.fails_over && dice >= 103 && dice < 108)
        stop_replication(s);
    else if (dice >= 108 && dice < 110)
        cut_off(s);
    else if (dice == 110)
        stop_fleet(s);
}
