/* Who is connected where: attach, detach and reseat in the model. */
#include "tests/lib/sim_model_parts.h"

#include "common/mem.h"
#include "tests/lib/fleet_text.h"

const char *sim_model_setup(const struct model_player *p)
{
    bool says = p->state > FREE && !(p->state == SEATED && p->room->active);
    return says ? sim_setup(p->ticket) : "";
}

/* Who is connected stays as FREE; the record of one without a socket goes. */
void sim_model_idle(struct model_player *p)
{
    p->state = p->socket[0] ? FREE : ABSENT;
    p->lost = false;
    p->room = NULL;
    p->ticket[0] = '\0';
    p->level = p->joined_ms = 0;
}

static void list_instance(struct sim_model *m, struct model_instance *i)
{
    if (i->listed)
        return;
    (void)m;
    i->listed = true;
    i->lease_end_ms = 0;
    if (i->epoch == 0)
        i->epoch = 1;
}

static int64_t next_fence(struct sim_model *m, const struct model_player *p)
{
    int64_t held = m->call->again ? m->call->fence : 0;
    int64_t least = p->state != ABSENT && p->fence > held ? p->fence : held;
    return m->fence >= least ? m->fence + 1 : least + 1;
}

static void ran_attach(struct sim_model *m, struct model_player *p, const struct reply *reply)
{
    static const char *const states[] = {"idle", "idle", "queued", "queued", "room"};
    const struct sim_call *c = m->call;
    struct presence_attached now;
    presence_attached(reply, &now);
    list_instance(m, sim_model_instance(m, str_of(sim_model_origin(m))));
    sim_model_same(m, now.fence, next_fence(m, p), "fence");
    sim_model_same_text(m, now.state, states[p->state], "state");
    sim_model_told_replaced(m, p->instance, p->state == ABSENT ? "" : p->socket);
    bool busy = p->state > FREE;
    bool lost = p->state == ABSENT ? c->again : p->lost;
    sim_model_same_text(m, now.ticket_id, busy ? p->ticket : lost ? "-" : "", "ticket");
    sim_model_same(m, now.lost, lost, "whether the record was lost");
    sim_model_same_text(m, now.room_id, p->state == SEATED ? p->room->id : "", "room");
    sim_model_same_text(m, now.old_socket_id, p->state == ABSENT ? "" : p->socket, "old socket");
    sim_model_same_text(m, now.old_instance_id, p->state == ABSENT ? "" : p->instance, "old instance");
    sim_model_same(m, busy ? now.level : 0, busy ? p->level : 0, "level");
    sim_model_same(m, now.waited_ms, busy ? sim_model_now_ms(m) - p->joined_ms : 0, "time he has waited");
    sim_model_same_text(m, now.setup, sim_model_setup(p), "setup");
    p->lost = lost;
    if (p->state == ABSENT)
        p->state = FREE;
    else if (p->state == AWAY)
        p->state = WAITING; /* and in no list, until the ticket is handed in again */
    p->away_due_ms = 0;
    p->fence = m->fence = now.fence;
    p->session = true;
    p->session_fence = now.fence;
    memcpy(p->session_socket, c->socket, sizeof p->session_socket);
    memcpy(p->socket, c->socket, sizeof p->socket);
    memcpy(p->instance, sim_model_origin(m), sizeof p->instance);
    struct model_socket *own = mem_alloc(sizeof *own);
    *own = (struct model_socket){sim_model_instance(m, str_of(p->instance)), p};
    mem_free(map_remove(m->sockets, str_of(c->socket)));
    map_put(m->sockets, str_of(c->socket), own);
}

/* The events, if any, are carried out before: by them a room without this player may have dissolved. */
static void leave(struct sim_model *m, struct model_player *p)
{
    p->socket[0] = p->instance[0] = '\0';
    if (p->state == WAITING) {
        p->state = AWAY;
        p->away_due_ms = sim_model_fleet_ms(m) + sim_model_rules(m)->queue_grace_ms;
    } else if (p->state == FREE) {
        sim_model_idle(p);
    }
}

static void ran_detach(struct sim_model *m, struct model_player *p, const struct reply *reply)
{
    static const char *const whats[] = {"stale", "idle", "queued", "", "seat"};
    const struct sim_call *c = m->call;
    bool his = p->state != ABSENT && strcmp(p->socket, c->socket) == 0;
    sim_model_same_text(m, reply_str(reply, 3), his ? whats[p->state] : "stale", "what it was");
    bool dissolves = his && p->state == SEATED && !p->room->active;
    sim_model_same_text(m, reply_str(reply, 1),
                        dissolves ? fleet_text("%lld", (long long)p->room->level) : "", "level to match");
    int64_t events = his && p->state == SEATED ? sim_model_due_events(m, p->room, 1) : 0;
    sim_model_same(m, (int64_t)reply_at(reply, 2)->count, events, "number of events");
    if (his && p->state == WAITING)
        sim_model_queue_remove(m, p);
    sim_model_events(m, reply_at(reply, 2));
    if (his)
        leave(m, p);
    mem_free(map_remove(m->sockets, str_of(c->socket)));
}

static void ran_reseat(struct sim_model *m, struct model_player *p, const struct reply *reply)
{
    struct presence_reseated now;
    const struct model_room *r = p->room;
    presence_reseated(reply, &now);
    sim_model_same(m, (int64_t)now.events->count, sim_model_due_events(m, r, 1), "number of events");
    sim_model_events(m, now.events);
    sim_model_same_text(m, now.status, r->active ? "active" : "waiting", "status");
    sim_model_same(m, now.seq, (int64_t)r->count, "seq");
    sim_model_same(m, now.epoch, r->epoch, "epoch");
    sim_model_same(m, now.level, r->level, "level");
    sim_model_same(m, now.confirm_by_ms, r->confirm_by_ms, "confirmBy");
    sim_model_record(m, r, now.record);
    if (r->active)
        sim_model_same_text(m, now.players, "", "players of a game");
    else
        sim_model_listed(m, r, now.players);
    for (size_t i = 0; i < r->seat_count; i++) {
        const struct model_seat *seat = &r->seats[i];
        struct str place = str_cut(&now.place, ' ');
        sim_model_same_text(m, place, fleet_text("%s|%s|%s", seat->player->id, seat->instance, seat->socket),
                            "a place");
    }
}

void sim_model_player_ran(struct sim_model *m, struct model_player *p, struct str word,
                          const struct reply *reply)
{
    if (!str_eq(word, STR("OK")))
        return;
    if (m->call->kind == SIM_ATTACH)
        ran_attach(m, p, reply);
    else if (m->call->kind == SIM_RESEAT)
        ran_reseat(m, p, reply);
    else
        ran_detach(m, p, reply);
}
