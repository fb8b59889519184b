/* The way home from a virtual gateway's island: tickets are withdrawn, rooms that ended are told of, rooms
 * and players go home. */
#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_answers.h"
#include "tests/lib/sim_island.h"

/* ---- tickets ---- */

static void withdrawn(struct sim_gateway *g)
{
    struct sim_island *i = g->island;
    if (--i->withdrawing > 0 || i->failed || g->of_island > 0)
        return;
    i->opened = g->held = false;
    g->beat_at_us = g->sim->now_us;
}

static void withdraw(struct sim_gateway *g)
{
    struct sim_island *i = g->island;
    if (i->withdrawing > 0)
        return;
    i->failed = false;
    i->withdrawing = 1;
    sim_gateway_retry(g);
    LIST_EACH(it, &g->sessions)
    {
        const struct sim_session *s = OWNER(it, struct sim_session, link);
        if (!s->island || s->fleet_fence == 0)
            continue;
        struct sim_call c = {.kind = SIM_LEAVE_QUEUE,
                             .home = true,
                             .again = true,
                             .session = s->number,
                             .fence = s->fleet_fence,
                             .level = s->level};
        memcpy(c.player, s->client->id, sizeof c.player);
        i->withdrawing++;
        sim_call(g, &c);
    }
    withdrawn(g);
}

static void on_withdrawn(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    if (realm_said(o, "AGAIN")) {
        sim_call_again(g, c, reply_int(c->reply, 1), (struct str){0});
        return;
    }
    g->island->failed = g->island->failed || o.err;
    withdrawn(g);
}

/* ---- players without a room ---- */

static void settle(struct sim_gateway *g, struct sim_session *s)
{
    bool waits = s->state == SIM_QUEUED;
    if (s->home_room) {
        sim_gateway_attach(g, s, true);
        return;
    }
    if (s->home_queued && !(waits && s->home_same)) {
        struct sim_call c = {
            .kind = SIM_LEAVE_QUEUE, .again = true, .fence = s->fence, .level = s->home_level};
        memcpy(c.player, s->client->id, sizeof c.player);
        sim_call(g, &c);
    }
    if (waits)
        sim_gateway_enter(g, s);
}

static void on_passed(struct sim_gateway *g, struct sim_session *s)
{
    if (s->passage == SIM_REPLACED)
        s->closed = true;
    if (s->passage != SIM_THERE || s->view) { /* matched here just before: he goes with his room */
        sim_journey_stay(g, s);
        return;
    }
    bool goes = s->closed;
    sim_journey_arrive(g, s);
    if (!goes)
        settle(g, s);
}

/* A sweep had put his ticket aside, and attaching put it back. */
static void leave_queue_there(struct sim_gateway *g, const struct sim_session *s)
{
    struct sim_call c = {.kind = SIM_LEAVE_QUEUE,
                         .home = true,
                         .with_room = true,
                         .again = true,
                         .fence = s->fleet_fence,
                         .level = s->home_level};
    memcpy(c.player, s->client->id, sizeof c.player);
    sim_call(g, &c);
}

static void on_carried(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s, bool failed)
{
    struct sim_away *away = sim_island_find(g, str_of(c->room));
    if (s && failed)
        s->passage = SIM_FAILED;
    if (away) {
        away->failed = away->failed || failed || (s && s->passage == SIM_FAILED);
        if (s && s->passage == SIM_REPLACED)
            s->closed = true;
        else if (s && s->passage == SIM_THERE && s->home_queued)
            leave_queue_there(g, s);
        sim_journey_goes_on(g, away);
    } else if (s) {
        on_passed(g, s);
    } else {
        struct sim_departed *d = map_find(g->island->departed, str_of(c->player));
        if (d)
            d->carried = false;
        if (d && !failed)
            sim_journey_forget(g, c->player);
    }
}

void sim_home_answer(struct sim_gateway *g, const struct sim_call *c)
{
    struct sim_session *s = c->session ? sim_gateway_session(g, c->session) : NULL;
    struct realm_outcome o = realm_outcome(c->err, c->reply);
    CHECK(g->island);
    if (c->kind == SIM_LEAVE_QUEUE && !c->with_room)
        on_withdrawn(g, c, o);
    else if (c->kind == SIM_ATTACH)
        sim_journey_attached(c, s, o);
    else if (c->kind == SIM_RESTORE_SESSION)
        on_carried(g, c, s, o.err != ERR_NONE);
    else if (c->kind == SIM_RESTORE)
        sim_journey_restored(g, c, sim_island_find(g, str_of(c->room)), o);
}

void sim_home_run(struct sim_call *c, backend_cb fn)
{
    const struct realm *r = &c->gateway->realm;
    struct str room = str_of(c->room);
    if (c->kind == SIM_RESTORE_SESSION) {
        transfer_restore_session(r, str_of(c->player), c->with_room, c->carried, fn, c);
        return;
    }
    const struct sim_away *away = sim_island_find(c->gateway, room);
    const struct transfer_base base = island_base(&away->book);
    struct transfer_session sessions[ROOM_SEATS_MAX];
    bool ended = away->book.ended, lost = c->gateway->data_lost_us >= c->gateway->island->since_us;
    size_t count = ended ? away->book.session_count : away->session_count;
    for (size_t i = 0; i < count; i++) {
        struct str id = str_of(ended ? away->book.sessions[i].player_id : away->players[i]);
        sessions[i] = (struct transfer_session){id, id};
    }
    if (ended)
        transfer_end_room(r, room, &base, str_of(away->book.reason), str_of(away->book.result), sessions,
                          count, fn, c);
    else
        transfer_restore_room(r, room, &base, lost, away->image, sessions, count, fn, c);
}

/* ---- the order ---- */

struct alone {
    struct sim_gateway *gateway;
    size_t count;
};
static void carry_alone(void *arg, struct str key, void *value)
{
    struct alone *a = arg;
    struct sim_departed *d = value;
    const char *id = fleet_text("%.*s", (int)key.n, key.p);
    if (sim_journey_lives_here(a->gateway, id))
        return;
    a->count++;
    if (d->carried)
        return;
    d->carried = true;
    sim_journey_carry(a->gateway, id, 0, "");
}

static bool somebody_attaches(const struct sim_gateway *g)
{
    LIST_EACH(it, &g->sessions)
    {
        const struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->island && s->attaching)
            return true;
    }
    return false;
}

static bool something_unread(const struct sim_gateway *g)
{
    LIST_EACH(it, &g->answers)
    {
        if (OWNER(it, struct sim_call, link)->island)
            return true;
    }
    return false;
}

static bool somebody_detaches(const struct sim_gateway *g)
{
    LIST_EACH(it, &g->answers)
    {
        const struct sim_call *c = OWNER(it, struct sim_call, link);
        if (c->island && c->kind == SIM_DETACH)
            return true;
    }
    return false;
}

static bool rooms_go(struct sim_gateway *g)
{
    bool ended = false;
    LIST_EACH_SAFE(it, tmp, &g->island->rooms)
    {
        struct sim_away *away = OWNER(it, struct sim_away, link);
        struct sim_call c = {.kind = SIM_RESTORE, .home = true};
        ended = ended || away->book.ended;
        if (!away->book.ended || away->travelling)
            continue;
        memcpy(c.room, away->book.room_id, sizeof c.room);
        away->travelling = true;
        sim_call(g, &c);
    }
    LIST_EACH_SAFE(it, tmp, &g->island->rooms)
    {
        struct sim_away *away = OWNER(it, struct sim_away, link);
        if (!ended && !away->travelling)
            sim_journey_start(g, away);
    }
    return !list_empty(&g->island->rooms);
}

/* The number of those who live there. */
static size_t players_go(struct sim_gateway *g)
{
    size_t here = 0;
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (!s->island)
            continue;
        here++;
        if (!s->view && !s->moving && !s->attaching && !s->busy &&
            (s->state == SIM_IDLE || s->state == SIM_QUEUED))
            sim_journey_passage(g, s, "");
    }
    return here;
}

void sim_home_tick(struct sim_gateway *g)
{
    struct sim_island *i = g->island;
    if (!i || !g->trusts)
        return;
    if (!i->leaving)
        sim_trace(g->sim, "%s leaves its island", g->realm.instance_id);
    i->leaving = true;
    i->open = false;
    if (i->opened)
        withdraw(g);
    if (i->opened || g->renewed_us < i->cut_off_us || somebody_attaches(g) || somebody_detaches(g) ||
        rooms_go(g))
        return;
    struct alone a = {g, 0};
    size_t here = players_go(g);
    map_each(i->departed, carry_alone, &a);
    if (here + a.count > 0 || map_count(i->departed) > 0 || something_unread(g))
        return;
    sim_trace(g->sim, "%s is no island any more", g->realm.instance_id);
    sim_island_free(g);
}
