/* Reads the answers about rooms: what players ask in them, and what the gateway asks to follow them. */
#include "common/err.h"
#include "common/mem.h"
#include "gateway/copy.h"
#include "tests/lib/sim_answers.h"

/* It is answered. */
static void forget(struct sim_client *client, int64_t request)
{
    LIST_EACH_SAFE(it, tmp, &client->unanswered)
    {
        struct sim_call *c = OWNER(it, struct sim_call, link);
        if (c->request != request)
            continue;
        list_remove(&c->link);
        sim_call_free(c);
    }
}

/* As gateway/intent.c. */
static void note_request(struct sim_session *s, const struct sim_call *c, struct realm_outcome o)
{
    if ((realm_said(o, "OK") || realm_said(o, "DONE")) && c->request > s->answered_id)
        s->answered_id = c->request;
    if (o.err != ERR_UNKNOWN)
        return;
    if (s->unknown_id <= s->answered_id)
        s->unknown_at = c->asked_at; /* of several that are open the first */
    if (c->request > s->unknown_id)
        s->unknown_id = c->request;
}

/* What no event tells, as gateway/handle_room.c. */
static void note_copy(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    struct sim_view *v = sim_view_find(g, str_of(c->room));
    struct copy *copy = v ? v->copy : NULL;
    if (!copy || (c->kind != SIM_END && c->kind != SIM_DEADLINE))
        return;
    copy->unsure = copy->unsure || o.err == ERR_UNKNOWN;
    if (realm_said(o, "OK") && c->kind == SIM_END)
        copy_vote(copy, str_of(c->player), str_of(c->text));
    else if (realm_said(o, "OK"))
        copy_limit_turn(copy, reply_int(c->reply, 2), (uint64_t)(sim_now_ms(g->sim) + c->after_ms));
}

static void on_copied(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    struct sim_view *v = sim_view_find(g, str_of(c->room));
    if (!v || v->copy || v->island || !realm_said(o, "OK"))
        return;
    v->copy = copy_read(c->reply);
    if (v->copy && reply_str(c->reply, 6).n)
        copy_limit_turn(v->copy, v->copy->version, (uint64_t)(sim_now_ms(g->sim) + reply_int(c->reply, 6)));
    if (v->copy && v->copy->seq < v->at.seq)
        sim_view_drop_copy(v);
}

static void on_room(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                    struct realm_outcome o)
{
    if (realm_said(o, "AGAIN")) {
        sim_call_again(g, c, reply_int(c->reply, 1), str_of(c->room));
        return;
    }
    if (s && c->kind != SIM_CONFIRM)
        s->busy--;
    bool asks_again = realm_said(o, "OUTCOME_UNKNOWN") && sim_chance(g->sim, 7000); /* as players do */
    if (s && c->request && !o.err && !asks_again)
        forget(s->client, c->request);
    if (s)
        note_request(s, c, o);
    note_copy(g, c, o);
    if (realm_said(o, "DONE"))
        return;
    if (!realm_said(o, "OK")) {
        if (s && !realm_said(o, "NOT_STARTED") && !realm_said(o, "STALE_VERSION"))
            s->doubt = true;
        return;
    }
    if (c->kind == SIM_LEAVE_ROOM && s && s->view && strcmp(s->view->room, c->room) == 0) {
        sim_view_leave(g, s);
        s->state = SIM_IDLE;
    }
    if (c->kind == SIM_MESSAGE && reply_str(c->reply, 3).n)
        sim_gateway_event(g, reply_str(c->reply, 3)); /* roomEpoch, before it */
    if (c->kind == SIM_MESSAGE)
        sim_gateway_event(g, reply_str(c->reply, 2));
    else
        sim_gateway_events(g, reply_at(c->reply, c->kind == SIM_SET ? 3 : 2));
    if (c->kind == SIM_LEAVE_ROOM)
        sim_gateway_rematch(g, reply_str(c->reply, 1));
}

/* The room is gone and so is its log. */
static void view_lost(struct sim_gateway *g, const char *room_id)
{
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (!s->view || strcmp(s->view->room, room_id) != 0)
            continue;
        sim_view_leave(g, s);
        s->state = SIM_IDLE;
        s->doubt = true;
    }
}

static void fill_end(struct sim_gateway *g, struct sim_view *v)
{
    v->filling = false;
    if (v->fill_again)
        sim_view_fill(g, v);
}

/* The log does not lead on from what was seen: the record in its place, as some member may read it. */
static void ask_snapshot(struct sim_gateway *g, struct sim_view *v, bool older)
{
    LIST_EACH(it, &g->sessions)
    {
        const struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->view != v)
            continue;
        struct sim_call c = {.kind = SIM_READ, .older = older};
        memcpy(c.player, s->client->id, sizeof c.player);
        memcpy(c.room, v->room, sizeof c.room);
        sim_call(g, &c);
        return;
    }
    fill_end(g, v);
}

static void on_log(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    struct sim_view *v = sim_view_find(g, str_of(c->room));
    if (!v)
        return;
    if (!realm_said(o, "OK")) {
        v->gap = true;
        fill_end(g, v);
        return;
    }
    int64_t newest = reply_int(c->reply, 1);
    struct history_position have = {c->epoch, c->number};
    bool older = history_after(have, c->reply) == HISTORY_OTHER;
    const struct reply *events = reply_at(c->reply, 2);
    for (size_t i = 0; i < events->count && (v = sim_view_find(g, str_of(c->room))) != NULL; i++) {
        struct room_event e;
        const char *why;
        if (events_parse(reply_str(events, i), &e, &why) && history_follows(v->at, &e)) {
            sim_gateway_event(g, reply_str(events, i));
            g->sim->count.gaps++;
        }
    }
    v = sim_view_find(g, str_of(c->room));
    if (!v)
        return;
    if (newest < 0)
        view_lost(g, c->room);
    else if (v->at.seq < newest || older)
        ask_snapshot(g, v, older);
    else
        fill_end(g, v);
}

static void on_snapshot(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    struct sim_view *v = sim_view_find(g, str_of(c->room));
    if (!v)
        return;
    struct history_position to = {reply_int(c->reply, 5), reply_int(c->reply, 2)};
    if (realm_said(o, "OK") && (c->older || to.seq > v->at.seq)) {
        g->sim->count.snapshots++;
        g->sim->count.older += c->older;
        v->active = str_eq(reply_str(c->reply, 3), STR("active"));
        sim_view_begin(v, to);
    }
    fill_end(g, v);
}

void sim_answer_room(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                     struct realm_outcome o)
{
    if (c->kind == SIM_COPY)
        on_copied(g, c, o);
    else if (c->kind == SIM_LOG)
        on_log(g, c, o);
    else if (c->kind == SIM_READ && !c->session)
        on_snapshot(g, c, o);
    else
        on_room(g, c, s, o);
}
