/* What a virtual gateway believes: sessions, views of rooms, and what arrives at it.
 *
 * It follows the real one (gateway/attach.c, inbox.c, deliver.c, compare.c, clockwork.c) in what it asks and
 * when, without clients' sockets: a push is not sent, only compared with the truth. The answers to its calls
 * are in sim_answers.c. */
#include "tests/lib/sim_gateway.h"

#include "common/mem.h"
#include "gateway/copy.h"
#include "matchmaking/batch.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_answers.h"
#include "tests/lib/sim_island.h"
#include "tests/lib/sim_model.h"

enum { COMPARE_PER_10000 = 3000, FILL_PER_10000 = 3000, DRAIN_PER_10000 = 1000 };
enum { BEAT_GOOD_MS = 1500, BEAT_US = 1500000, POLL_US = 250000, SWEEP_US = 2000000 };

struct sim_gateway *sim_gateway_new(struct sim *s, unsigned index)
{
    struct sim_gateway *g = mem_alloc(sizeof *g);
    g->sim = s;
    g->index = index;
    g->alive = true;
    g->away_until_us = s->away_until_us;
    g->trusts = s->now_us >= s->away_until_us;
    realm_init(&g->realm, s->backend, &s->rules, "", fleet_text("i%u", ++s->instances_made));
    g->batch = batch_new(s->loop);
    g->realm.batch = g->batch;
    g->beat_at_us = s->now_us;
    g->poll_at_us = s->now_us + sim_random(s, POLL_US);
    g->sweep_at_us = s->now_us + sim_random(s, SWEEP_US);
    list_init(&g->sessions);
    list_init(&g->views);
    list_init(&g->wire);
    list_init(&g->answers);
    list_init(&g->messages);
    list_init(&g->put_off);
    return g;
}

void sim_view_drop_copy(struct sim_view *v)
{
    copy_free(v->copy);
    v->copy = NULL;
}

void sim_view_free(struct sim_view *v)
{
    copy_free(v->copy);
    list_remove(&v->link);
    mem_free(v);
}

static void session_free(struct sim_session *s)
{
    if (s->client->session == s->number)
        s->client->session = 0;
    list_remove(&s->link);
    mem_free(s);
}

static void message_free(struct sim_message *m)
{
    list_remove(&m->link);
    mem_free((char *)(uintptr_t)m->text.p);
    mem_free(m);
}

static void free_calls(struct list *calls)
{
    while (!list_empty(calls)) {
        struct sim_call *c = OWNER(calls->next, struct sim_call, link);
        list_remove(&c->link);
        sim_call_free(c);
    }
}

static void drop_messages(struct sim_gateway *g)
{
    while (!list_empty(&g->messages))
        message_free(OWNER(g->messages.next, struct sim_message, link));
}

void sim_gateway_kill(struct sim_gateway *g)
{
    if (!g->sim->closing)
        sim_calls_cut(g);
    g->alive = false;
    while (!list_empty(&g->sessions))
        session_free(OWNER(g->sessions.next, struct sim_session, link));
    while (!list_empty(&g->views))
        sim_view_free(OWNER(g->views.next, struct sim_view, link));
    sim_island_free(g);
    free_calls(&g->wire);
    free_calls(&g->answers);
    free_calls(&g->put_off);
    drop_messages(g);
}

void sim_gateway_free(struct sim_gateway *g)
{
    sim_gateway_kill(g);
    batch_free(g->batch);
    mem_free(g);
}

bool sim_gateway_works(const struct sim_gateway *g)
{
    return g->alive && g->sim->now_us >= g->frozen_until_us;
}

struct sim_session *sim_gateway_session(struct sim_gateway *g, uint64_t number)
{
    LIST_EACH(it, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->number == number)
            return s;
    }
    return NULL;
}

void sim_gateway_hear(struct sim_gateway *g, struct str text)
{
    struct sim *s = g->sim;
    if (!g->alive || s->now_us < g->away_until_us || (!s->calm && sim_chance(s, 10)))
        return;
    struct sim_message *m = mem_alloc(sizeof *m);
    m->text = (struct str){mem_copy(text.p, text.n), text.n};
    list_push(&g->messages, &m->link);
}

bool sim_gateway_read(struct sim_gateway *g)
{
    bool messages = !list_empty(&g->messages), answers = !list_empty(&g->answers);
    if (messages && (!answers || sim_chance(g->sim, 5000))) {
        struct sim_message *m = OWNER(g->messages.next, struct sim_message, link);
        g->on_island = false;
        if (!events_from(m->text, g->realm.instance_id)) /* else the reply has told, or will */
            sim_gateway_event(g, m->text);
        message_free(m);
    } else if (answers) {
        struct sim_call *c = OWNER(g->answers.next, struct sim_call, link);
        list_remove(&c->link);
        sim_answer(g, c);
        sim_call_free(c);
    }
    return messages || answers;
}

/* ---- sessions ---- */

void sim_gateway_connect(struct sim_gateway *g, struct sim_client *c)
{
    struct sim_session *s = mem_alloc(sizeof *s);
    s->number = ++g->sim->next_session;
    s->client = c;
    char came[ID_TIME_DIGITS + 1];
    id_time(came, (uint64_t)sim_now_ms(g->sim));
    (void)str_copy(s->socket, sizeof s->socket,
                   str_of(fleet_text("s_%s.%.40s.%llu", came, c->id, (unsigned long long)++c->sockets)));
    s->resume = sim_chance(g->sim, 5000);
    list_push(&g->sessions, &s->link);
    c->gateway = g->index;
    c->session = s->number;
    if (sim_island_receive(g, s))
        sim_gateway_attach(g, s, false);
    else
        session_free(s); /* only the store knows where he is, or he is just going there */
}

void sim_gateway_attach(struct sim_gateway *g, struct sim_session *s, bool again)
{
    struct sim_call c = {.kind = SIM_ATTACH,
                         .session = s->number,
                         .again = again,
                         .island = s->island,
                         .resume = s->resume && !again,
                         .fence = s->fence};
    memcpy(c.player, s->client->id, sizeof c.player);
    memcpy(c.socket, s->socket, sizeof c.socket);
    s->attaching = true;
    s->doubt = s->differed = false;
    sim_call(g, &c);
}

void sim_gateway_detach(struct sim_gateway *g, const struct sim_session *s)
{
    struct sim_call c = {.kind = SIM_DETACH, .fence = s->fence, .level = s->level, .island = s->island};
    memcpy(c.player, s->client->id, sizeof c.player);
    memcpy(c.socket, s->socket, sizeof c.socket);
    memcpy(c.owner, g->realm.instance_id, sizeof c.owner);
    if (s->view)
        memcpy(c.room, s->view->room, sizeof c.room);
    sim_call(g, &c);
}

void sim_gateway_drop(struct sim_gateway *g, struct sim_session *s)
{
    if (s->moving) { /* he is detached when it is known where */
        s->closed = true;
        if (s->client->session == s->number)
            s->client->session = 0;
        return;
    }
    if (s->island && s->fence != 0)
        sim_island_drop(g, s);
    if (s->fence != 0)
        sim_gateway_detach(g, s);
    sim_view_leave(g, s);
    session_free(s);
}

/* Until it is answered, wherever that will be. */
static void remember(struct sim_client *client, struct sim_call *c)
{
    if (c->request != 0)
        return;
    c->request = ++client->requests;
    struct sim_call *kept = mem_alloc(sizeof *kept);
    *kept = *c;
    list_push(&client->unanswered, &kept->link);
}

void sim_gateway_ask(struct sim_gateway *g, struct sim_session *s, struct sim_call c)
{
    c.session = s->number;
    c.fence = s->fence;
    c.island = s->island;
    if (s->view)
        c.asked_at = s->view->at;
    memcpy(c.player, s->client->id, sizeof c.player);
    memcpy(c.socket, s->socket, sizeof c.socket);
    if (s->view && !c.room[0])
        memcpy(c.room, s->view->room, sizeof c.room);
    s->busy++;
    if (c.kind == SIM_LEAVE_QUEUE)
        memcpy(c.ticket, s->ticket, sizeof c.ticket);
    if ((c.kind == SIM_MESSAGE && !c.careless) || c.kind == SIM_SET || c.kind == SIM_END ||
        c.kind == SIM_LEAVE_ROOM)
        remember(s->client, &c);
    sim_call(g, &c);
}

void sim_gateway_match(struct sim_gateway *g, int64_t level)
{
    sim_call(g, &(struct sim_call){.kind = SIM_MATCH, .level = level, .island = g->on_island});
}

void sim_gateway_retry(struct sim_gateway *g)
{
    while (!list_empty(&g->put_off)) {
        struct sim_call *c = OWNER(g->put_off.next, struct sim_call, link);
        list_remove(&c->link);
        sim_call(g, c);
        sim_call_free(c);
    }
}

/* ---- the clock ---- */

static void compare(struct sim_gateway *g, struct sim_session *s)
{
    struct sim_call c = {.kind = SIM_WHERE, .session = s->number};
    memcpy(c.player, s->client->id, sizeof c.player);
    sim_call(g, &c);
}

/* As adopt_look: a room whose members have all come to sit here gets a copy. */
static void look_for_copy(struct sim_gateway *g, struct sim_view *v)
{
    struct sim_call c = {.kind = SIM_COPY};
    size_t here = 0;
    LIST_EACH(it, &g->sessions)
    here += OWNER(it, struct sim_session, link)->view == v;
    if (v->island || !v->active)
        return;
    if (v->copy && (v->copy->seq < v->at.seq || v->copy->epoch != v->at.epoch))
        sim_view_drop_copy(v);
    memcpy(c.room, v->room, sizeof c.room);
    if (!v->copy && here >= 2)
        sim_call(g, &c);
}

static void sweep_tick(struct sim_gateway *g)
{
    struct sim *sim = g->sim;
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->attaching || s->fence == 0 || s->moving)
            continue;
        if (s->client->session != s->number && (sim->calm || sim_chance(sim, 1000)))
            sim_gateway_drop(g, s); /* its client went elsewhere; pings are not answered */
        else if (s->island)
            continue;
        else if (s->doubt)
            sim_gateway_attach(g, s, true);
        else if (sim->calm || sim_chance(sim, COMPARE_PER_10000))
            compare(g, s);
    }
    LIST_EACH(it, &g->views)
    {
        struct sim_view *v = OWNER(it, struct sim_view, link);
        if (v->gap || sim->calm || sim_chance(sim, FILL_PER_10000))
            sim_view_fill(g, v);
        if (sim->o.islands)
            look_for_copy(g, v);
    }
    sim_call(g, &(struct sim_call){.kind = SIM_OWN});
    sim_gateway_retry(g);
    for (int64_t level = 1; level <= sim->o.levels; level++)
        sim_gateway_match(g, level);
    sim_call(g,
             &(struct sim_call){.kind = SIM_EXPIRE, .level = 1 + sim_random(sim, (uint32_t)sim->o.levels)});
}

/* One goodbye after the other; when all is answered it leaves the fleet. */
static void drain_tick(struct sim_gateway *g)
{
    if (!list_empty(&g->sessions)) {
        if (sim_chance(g->sim, DRAIN_PER_10000))
            sim_gateway_drop(g, OWNER(g->sessions.next, struct sim_session, link));
        return;
    }
    if (g->retiring || g->island || !list_empty(&g->wire) || !list_empty(&g->answers) ||
        !list_empty(&g->put_off))
        return;
    g->retiring = true;
    struct sim_call c = {.kind = SIM_RETIRE};
    memcpy(c.owner, g->realm.instance_id, sizeof c.owner);
    sim_call(g, &c);
}

void sim_gateway_tick(struct sim_gateway *g)
{
    g->on_island = false; /* what is done on time is done for the fleet */
    struct sim *s = g->sim;
    if (g->draining)
        drain_tick(g);
    if (g->retiring)
        return;
    if (s->o.islands) {
        sim_island_tick(g);
        sim_home_tick(g);
    }
    if (s->now_us >= g->beat_at_us && !g->beating) {
        if (!g->held && s->now_us >= g->away_until_us)
            g->beat_sent_us = s->now_us;
        g->beat_at_us = s->now_us + BEAT_US;
        g->beating = true;
        sim_call(g, &(struct sim_call){.kind = SIM_BEAT,
                                       .number = g->epoch,
                                       .fence = g->fence,
                                       .run = g->run,
                                       .beat = ++g->beats,
                                       .not_after_ms = g->held ? 1 : sim_now_ms(s) + BEAT_GOOD_MS,
                                       .answered = g->answered});
    }
    if (g->epoch == 0 || !g->trusts) /* nothing before the first answer */
        return;
    if (s->now_us >= g->poll_at_us && !g->polling) {
        g->poll_at_us = s->now_us + POLL_US;
        g->polling = true;
        sim_call(g, &(struct sim_call){.kind = SIM_DUE});
    }
    if (s->now_us >= g->sweep_at_us) {
        g->sweep_at_us = s->now_us + SWEEP_US;
        sweep_tick(g);
    }
}

/* ---- bad days ---- */

void sim_gateway_freeze(struct sim_gateway *g, uint64_t until_us)
{
    g->stalled = sim_chance(g->sim, 5000);
    if (g->stalled) { /* its last act was to ask for much */
        g->beat_at_us = g->poll_at_us = g->sweep_at_us = g->sim->now_us;
        sim_gateway_tick(g);
    }
    g->frozen_until_us = until_us;
}

void sim_gateway_lose_store(struct sim_gateway *g, uint64_t until_us)
{
    sim_calls_cut(g);
    g->away_until_us = until_us;
    g->trusts = false;
    g->line++;
}

/* Sockets whose clients have given up are closed, as far as it can tell; of what was published meanwhile some
 * is lost. */
void sim_gateway_thaw(struct sim_gateway *g)
{
    g->stalled = false;
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->client->session != s->number && (g->sim->calm || sim_chance(g->sim, 5000)))
            sim_gateway_drop(g, s);
    }
    if (sim_chance(g->sim, 3000))
        drop_messages(g);
}

/* Who is on the island is attached on his way home. */
void sim_gateway_doubt(struct sim_gateway *g)
{
    LIST_EACH(it, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        s->doubt = s->doubt || !s->island;
    }
}

void sim_gateway_back(struct sim_gateway *g)
{
    g->sweep_at_us = g->sim->now_us;
    sim_gateway_doubt(g);
    LIST_EACH(it, &g->views)
    {
        struct sim_view *v = OWNER(it, struct sim_view, link);
        v->gap = !v->island;
        if (!v->island && v->copy && v->copy->unsure)
            sim_view_drop_copy(v);
    }
}
