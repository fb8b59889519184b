/* Rooms as a virtual gateway sees them: what its sessions have been told, event by event. */
#include "common/json.h"
#include "common/mem.h"
#include "gateway/copy.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_answers.h"
#include "tests/lib/sim_island.h"
#include "tests/lib/sim_model.h"

enum { DISSOLVE_PER_10000 = 1000 /* matches in which somebody never confirms */ };

struct sim_view *sim_view_find(struct sim_gateway *g, struct str room_id)
{
    LIST_EACH(it, &g->views)
    {
        struct sim_view *v = OWNER(it, struct sim_view, link);
        if (str_eq(str_of(v->room), room_id))
            return v;
    }
    return NULL;
}

void sim_view_begin(struct sim_view *v, struct history_position at)
{
    v->at = v->from = at;
    v->told = 0;
}

struct sim_view *sim_view_get(struct sim_gateway *g, struct str room_id, struct history_position at)
{
    struct sim_view *v = sim_view_find(g, room_id);
    if (v)
        return v;
    v = mem_alloc(sizeof *v);
    (void)str_copy(v->room, sizeof v->room, room_id);
    sim_view_begin(v, at);
    list_push(&g->views, &v->link);
    return v;
}

static void step_out(struct sim_session *s)
{
    s->over = s->over || (s->view && s->view->active); /* its game had started */
    s->view = NULL;
}

/* A view without members goes. */
void sim_view_leave(struct sim_gateway *g, struct sim_session *s)
{
    struct sim_view *v = s->view;
    step_out(s);
    LIST_EACH(it, &g->sessions)
    {
        if (OWNER(it, struct sim_session, link)->view == v)
            return;
    }
    if (v)
        sim_view_free(v);
}

void sim_view_fill(struct sim_gateway *g, struct sim_view *v)
{
    if (v->island) /* only its own answers make events there: there are no gaps */
        return;
    v->fill_again = v->filling; /* what is under way may have been asked too early */
    if (v->filling)
        return;
    v->filling = true;
    v->gap = false;
    struct sim_call c = {.kind = SIM_LOG, .number = v->at.seq, .epoch = v->at.epoch};
    memcpy(c.room, v->room, sizeof c.room);
    sim_call(g, &c);
}

/* ---- events ---- */

static bool named_in(struct str list, const char *player_id)
{
    while (list.n)
        if (str_eq(str_cut(&list, ' '), str_of(player_id)))
            return true;
    return false;
}

/* The room is over for the members here, and so are their tickets, unless they are requeued. */
static void close_view(struct sim_gateway *g, struct sim_view *v, struct str requeued)
{
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->view != v)
            continue;
        step_out(s);
        s->state = named_in(requeued, s->client->id) ? SIM_QUEUED : SIM_IDLE;
        s->over = s->over || s->state == SIM_IDLE;
    }
    sim_view_free(v);
}

static void player_left(struct sim_gateway *g, struct sim_view *v, const struct room_event *e)
{
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        const char *quoted = fleet_text("\"playerId\":\"%s\"", s->client->id);
        if (s->view != v || !memmem(e->data.p, e->data.n, quoted, strlen(quoted)))
            continue;
        s->state = SIM_IDLE;
        sim_view_leave(g, s); /* v may be gone */
        return;
    }
}

static struct sim_model *model_of(const struct sim_gateway *g)
{
    return g->on_island ? g->island->model : g->sim->model;
}

static void deliver(struct sim_gateway *g, struct sim_view *v, const struct room_event *e)
{
    sim_model_delivered(model_of(g), e);
    if (v->copy && !copy_apply(v->copy, e))
        sim_view_drop_copy(v);
    v->at = (struct history_position){e->epoch, e->seq};
    v->told = sim_model_chain(v->told, e->text);
    if (str_eq(e->event, STR("gameStart")))
        v->active = true;
    else if (str_eq(e->event, STR("matchCancelled")))
        close_view(g, v, e->requeued);
    else if (str_eq(e->event, STR("roomCleanup")))
        close_view(g, v, (struct str){0});
    else if (str_eq(e->event, STR("playerLeft")))
        player_left(g, v, e);
}

void sim_gateway_confirm(struct sim_gateway *g, struct sim_session *s)
{
    struct sim_call c = {.kind = SIM_CONFIRM, .session = s->number, .island = s->island};
    memcpy(c.player, s->client->id, sizeof c.player);
    memcpy(c.socket, s->socket, sizeof c.socket);
    memcpy(c.room, s->view->room, sizeof c.room);
    sim_call(g, &c);
}

struct sim_session *sim_gateway_by_socket(struct sim_gateway *g, struct str socket_id)
{
    LIST_EACH(it, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (str_eq(str_of(s->socket), socket_id))
            return s;
    }
    return NULL;
}

static void match_found(struct sim_gateway *g, const struct room_event *e)
{
    struct event_seat seat;
    sim_model_delivered(model_of(g), e);
    for (struct str place = e->place; events_next_seat(&place, &seat);) {
        struct sim_session *s = sim_gateway_by_socket(g, seat.socket_id);
        if (!s || s->island != g->on_island || s->view || (s->state != SIM_QUEUED && s->state != SIM_IDLE))
            continue;
        s->view = sim_view_get(g, e->room_id, (struct history_position){e->epoch, 1});
        s->view->level = s->level;
        s->view->island = g->on_island;
        s->state = SIM_SEATED;
        if (g->sim->calm || !sim_chance(g->sim, DISSOLVE_PER_10000 / (uint32_t)g->sim->o.seats))
            sim_gateway_confirm(g, s);
    }
}

/* sessionReplaced: the store decides, not the message. ticketExpired: only if it is about the present ticket.
 */
static void to_session(struct sim_gateway *g, const struct room_event *e)
{
    struct json_object data;
    struct str socket, ticket;
    const char *why;
    if (!json_object_scan(e->data, &data, &why) || !json_as_plain(json_get(&data, "socketId", NULL), &socket))
        sim_fail(g->sim, "%.*s without a socket", (int)e->event.n, e->event.p);
    struct sim_session *s = sim_gateway_by_socket(g, socket);
    if (!s || s->island != g->on_island)
        return;
    if (!str_eq(e->event, STR("ticketExpired")))
        s->doubt = true;
    else if (s->state == SIM_QUEUED && json_as_plain(json_get(&data, "ticketId", NULL), &ticket) &&
             str_eq(ticket, str_of(s->ticket))) {
        s->over = true;
        s->state = SIM_IDLE;
    }
}

void sim_gateway_event(struct sim_gateway *g, struct str text)
{
    struct room_event e;
    const char *why;
    if (!events_parse(text, &e, &why))
        sim_fail(g->sim, "an event cannot be read (%s): %.*s", why, (int)text.n, text.p);
    if (e.room_id.n == 0) {
        to_session(g, &e);
        return;
    }
    if (g->on_island)
        sim_island_note(g, &e);
    struct sim_view *v = sim_view_find(g, e.room_id);
    if (v && v->island != g->on_island) /* what the store said of a room that has gone on without it */
        return;
    if (!v && e.seq == 1)
        match_found(g, &e);
    else if (v && history_follows(v->at, &e))
        deliver(g, v, &e);
    else if (v && (e.epoch != v->at.epoch || e.seq > v->at.seq))
        v->gap = true;
}

void sim_gateway_events(struct sim_gateway *g, const struct reply *events)
{
    for (size_t i = 0; i < events->count; i++)
        sim_gateway_event(g, reply_str(events, i));
}
