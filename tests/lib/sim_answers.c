/* Reads the answers to a virtual gateway's calls. */
#include "tests/lib/sim_answers.h"

#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/sim_island.h"
#include "tests/lib/sim_model.h"

enum { TRIES_MAX = 8 };

/* Once more, with what the script said is right. */
void sim_call_again(struct sim_gateway *g, const struct sim_call *c, int64_t level, struct str room_id)
{
    struct sim_call next = *c;
    next.reply = NULL;
    next.lost = false;
    next.err = ERR_NONE;
    next.level = level;
    (void)str_copy(next.room, sizeof next.room, room_id);
    sim_call(g, &next);
}

void sim_gateway_rematch(struct sim_gateway *g, struct str level)
{
    int64_t value;
    if (level.n && str_to_int(level, &value))
        sim_gateway_match(g, value);
}

/* ---- attach ---- */

static void take_seat(struct sim_gateway *g, struct sim_session *s, struct str room_id)
{
    struct sim_call c = {.kind = SIM_RESEAT, .session = s->number, .fence = s->fence, .island = s->island};
    memcpy(c.player, s->client->id, sizeof c.player);
    (void)str_copy(c.room, sizeof c.room, room_id);
    s->attaching = true;
    sim_call(g, &c);
}

static void take_place(struct sim_gateway *g, struct sim_session *s, enum queue_how how)
{
    struct sim_call c = {.kind = SIM_JOIN,
                         .session = s->number,
                         .fence = s->fence,
                         .level = s->level,
                         .again = true,
                         .island = s->island,
                         .how = how};
    if (how == QUEUE_ENTER)
        c.since_ms = s->joined_ms - sim_now_ms(g->sim);
    memcpy(c.player, s->client->id, sizeof c.player);
    memcpy(c.ticket, s->ticket, sizeof c.ticket);
    s->attaching = true;
    sim_call(g, &c);
}

void sim_gateway_enter(struct sim_gateway *g, struct sim_session *s)
{
    take_place(g, s, QUEUE_ENTER);
}

/* The store kept a ticket that is over. */
static void leave_place(struct sim_gateway *g, struct sim_session *s)
{
    struct sim_call c = {.kind = SIM_LEAVE_QUEUE,
                         .session = s->number,
                         .fence = s->fence,
                         .level = s->level,
                         .again = true,
                         .island = s->island};
    memcpy(c.player, s->client->id, sizeof c.player);
    memcpy(c.ticket, s->ticket, sizeof c.ticket);
    s->attaching = true;
    sim_call(g, &c);
}

static void take_ticket(struct sim_session *s, struct str ticket)
{
    if (str_eq(ticket, str_of(s->ticket)))
        return;
    (void)str_copy(s->ticket, sizeof s->ticket, ticket);
    s->over = false;
}

/* The record says idle, or there was none. */
static void read_idle(struct sim_gateway *g, struct sim_session *s, bool lost)
{
    bool young = sim_now_ms(g->sim) < s->joined_ms + g->realm.rules.ticket_ttl_ms;
    if (s->view)
        sim_view_leave(g, s);
    if (s->state == SIM_QUEUED && lost && s->ticket[0] && !s->over && young) {
        take_place(g, s, QUEUE_ENTER);
        return;
    }
    s->over = s->over || s->state == SIM_QUEUED;
    s->state = SIM_IDLE;
}

static void read_record(struct sim_gateway *g, struct sim_session *s, const struct presence_attached *now)
{
    bool room = str_eq(now->state, STR("room"));
    if (!room && !str_eq(now->state, STR("queued"))) {
        read_idle(g, s, now->lost);
        return;
    }
    if (s->view && !(room && str_eq(str_of(s->view->room), now->room_id)))
        sim_view_leave(g, s);
    s->level = now->level;
    s->joined_ms = sim_now_ms(g->sim) - now->waited_ms;
    if (room) {
        if (!s->view)
            s->state = SIM_IDLE;
        s->over = false;
        take_ticket(s, now->ticket_id);
        take_seat(g, s, now->room_id);
    } else if (s->over && str_eq(now->ticket_id, str_of(s->ticket))) {
        s->state = SIM_IDLE;
        leave_place(g, s);
    } else {
        s->state = SIM_QUEUED;
        take_ticket(s, now->ticket_id);
        take_place(g, s, QUEUE_KEEP);
    }
}

/* Another session of the same player here makes room. */
static void replace_older(struct sim_gateway *g, struct sim_session *s)
{
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *other = OWNER(it, struct sim_session, link);
        if (other == s || other->client != s->client || other->number > s->number)
            continue;
        s->inherited = s->island;
        if (s->island) /* what the store has given that one is its own */
            s->fleet_fence = other->island ? other->fleet_fence : other->fence;
        sim_gateway_drop(g, other);
    }
}

/* The connection went while it attached: what the store may have done is undone. */
static void undo_attach(struct sim_gateway *g, const struct sim_call *c)
{
    struct sim_call undo = {
        .kind = SIM_DETACH, .fence = c->err ? 0 : reply_int(c->reply, 1), .island = c->island};
    if (c->err == ERR_UNAVAILABLE || realm_said(realm_outcome(c->err, c->reply), "NO_SESSION"))
        return;
    memcpy(undo.player, c->player, sizeof undo.player);
    memcpy(undo.socket, c->socket, sizeof undo.socket);
    memcpy(undo.owner, g->realm.instance_id, sizeof undo.owner);
    sim_call(g, &undo);
}

static void on_attach(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                      struct realm_outcome o)
{
    if (!s) {
        undo_attach(g, c);
        return;
    }
    s->attaching = false;
    if (o.err && c->again) {
        s->doubt = true;
    } else if (o.err) {
        undo_attach(g, c);
        sim_gateway_drop(g, s);
    } else if (realm_said(o, "REPLACED")) {
        sim_gateway_drop(g, s);
    } else if (realm_said(o, "NO_SESSION") && s->island && (!g->island->open || sim_chance(g->sim, 5000))) {
        sim_gateway_drop(g, s); /* only the store knows him */
    } else if (realm_said(o, "NO_SESSION")) {
        s->resume = false;
        sim_gateway_attach(g, s, false);
    } else {
        struct presence_attached now;
        presence_attached(c->reply, &now);
        s->fence = now.fence;
        g->fence = now.fence > g->fence ? now.fence : g->fence;
        if (!c->again)
            replace_older(g, s);
        read_record(g, s, &now);
    }
}

static void on_reseat(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                      struct realm_outcome o)
{
    if (!s)
        return;
    s->attaching = false;
    if (realm_said(o, "ROOM_NOT_FOUND")) {
        sim_view_leave(g, s);
        s->state = SIM_IDLE;
        return;
    }
    if (!realm_said(o, "OK")) {
        s->doubt = true;
        return;
    }
    struct presence_reseated seat;
    presence_reseated(c->reply, &seat);
    if (s->view && strcmp(s->view->room, c->room) != 0) { /* matched anew since it was asked */
        s->doubt = true;
        return;
    }
    s->view = sim_view_get(g, str_of(c->room), (struct history_position){seat.epoch, seat.seq});
    s->view->island = c->island;
    s->answered_id = seat.answered_id > s->answered_id ? seat.answered_id : s->answered_id;
    s->view->level = seat.level;
    s->view->active = str_eq(seat.status, STR("active"));
    s->state = SIM_SEATED;
    bool waiting = !s->view->active;
    sim_view_fill(g, s->view);
    sim_gateway_events(g, seat.events);
    if (waiting && s->view)
        sim_gateway_confirm(g, s);
}

/* ---- queue ---- */

/* The store knows of no such ticket. */
static void end_place(struct sim_session *s, const struct sim_call *c)
{
    if (strcmp(c->ticket, s->ticket) != 0)
        return;
    s->over = true;
    if (s->state == SIM_QUEUED)
        s->state = SIM_IDLE;
}

static void read_join(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                      struct realm_outcome o)
{
    if (realm_said(o, "MATCHED") && reply_at(c->reply, 2)->count == 0) { /* before: the seat is to be taken */
        if (s->state == SIM_QUEUED)
            s->state = SIM_IDLE;
        take_seat(g, s, reply_str(c->reply, 1));
    } else if (realm_said(o, "WAITING")) {
        if (s->state == SIM_IDLE && !s->over) /* else its match, or its end, was faster than this answer */
            s->state = SIM_QUEUED;
    } else if (realm_said(o, "NOT_QUEUED")) {
        end_place(s, c);
    } else if (!realm_said(o, "MATCHED")) {
        s->doubt = true;
    }
}

static void on_join(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                    struct realm_outcome o)
{
    if (s) {
        s->busy -= !c->again;
        s->attaching = s->attaching && !c->again;
    }
    if (realm_said(o, "MATCHED"))
        sim_gateway_events(g, reply_at(c->reply, 2));
    else if (realm_said(o, "WAITING") && reply_int(c->reply, 2) != 0)
        sim_gateway_match(g, c->level);
    if (s)
        read_join(g, c, s, o);
}

static void on_leave_queue(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                           struct realm_outcome o)
{
    if (!s)
        return;
    if (realm_said(o, "AGAIN")) {
        sim_call_again(g, c, reply_int(c->reply, 1), (struct str){0});
        return;
    }
    s->busy -= !c->again;
    s->attaching = s->attaching && !c->again;
    if (realm_said(o, "LEFT") || realm_said(o, "NOT_QUEUED")) {
        end_place(s, c);
    } else {
        if (o.err && !c->again && strcmp(c->ticket, s->ticket) == 0)
            s->ticket[0] = '\0'; /* he may have left */
        s->doubt = true;
    }
}

static void on_match(struct sim_gateway *g, const struct sim_call *c, struct realm_outcome o)
{
    if (realm_said(o, "MATCHED"))
        sim_gateway_events(g, reply_at(c->reply, 2));
    if (realm_said(o, "MATCHED") || (realm_said(o, "NONE") && reply_int(c->reply, 1) != 0))
        sim_gateway_match(g, c->level);
}

void sim_answer(struct sim_gateway *g, const struct sim_call *c)
{
    struct sim_session *s = c->session ? sim_gateway_session(g, c->session) : NULL;
    struct realm_outcome o = realm_outcome(c->err, c->reply);
    g->on_island = c->island;
    if (c->home) {
        sim_home_answer(g, c);
        return;
    }
    switch (c->kind) {
    case SIM_ATTACH:
        on_attach(g, c, s, o);
        break;
    case SIM_RESEAT:
        on_reseat(g, c, s, o);
        break;
    case SIM_JOIN:
        on_join(g, c, s, o);
        break;
    case SIM_LEAVE_QUEUE:
        on_leave_queue(g, c, s, o);
        break;
    case SIM_MATCH:
        on_match(g, c, o);
        break;
    case SIM_EXPIRE:
        if (realm_said(o, "OK"))
            sim_gateway_events(g, reply_at(c->reply, 1));
        break;
    case SIM_DETACH:
    case SIM_LEFTOVERS:
    case SIM_OWN:
    case SIM_RETIRE:
    case SIM_DUE:
    case SIM_FIRE:
    case SIM_BEAT:
    case SIM_WHERE:
        sim_answer_fleet(g, c, s, o);
        break;
    default:
        sim_answer_room(g, c, s, o);
    }
}
