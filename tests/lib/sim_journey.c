/* The journey of a room, and of a player, home from a virtual gateway's island. */
#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_answers.h"
#include "tests/lib/sim_island.h"
#include "tests/lib/sim_model_island.h"

static void keep(void *arg, int err, const struct reply *reply)
{
    CHECK(err == ERR_NONE);
    *(struct reply **)arg = fleet_text_copy(reply);
}

/* ---- passages ---- */

void sim_journey_carry(struct sim_gateway *g, const char *player_id, uint64_t session, const char *room_id)
{
    struct sim_call c = {
        .kind = SIM_RESTORE_SESSION, .home = true, .session = session, .with_room = room_id[0]};
    struct sim_island *i = g->island;
    (void)str_copy(c.player, sizeof c.player, str_of(player_id));
    (void)str_copy(c.room, sizeof c.room, str_of(room_id));
    transfer_read_session(&i->realm, str_of(player_id), keep, &c.carried);
    sim_model_read_session(i->model, player_id, c.carried);
    sim_call(g, &c);
}

void sim_journey_passage(struct sim_gateway *g, struct sim_session *s, const char *room_id)
{
    struct sim_call c = {.kind = SIM_ATTACH,
                         .home = true,
                         .session = s->number,
                         .again = s->fleet_fence != 0 && !s->inherited,
                         .fence = s->fleet_fence};
    (void)str_copy(c.player, sizeof c.player, str_of(s->client->id));
    (void)str_copy(c.socket, sizeof c.socket, str_of(s->socket));
    s->moving = true;
    s->passage = SIM_FAILED;
    sim_call(g, &c);
    sim_journey_carry(g, s->client->id, s->number, room_id);
}

void sim_journey_attached(const struct sim_call *c, struct sim_session *s, struct realm_outcome o)
{
    if (realm_said(o, "REPLACED"))
        s->passage = SIM_REPLACED;
    if (!realm_said(o, "OK"))
        return;
    struct presence_attached now;
    presence_attached(c->reply, &now);
    s->passage = SIM_THERE;
    s->fleet_fence = now.fence;
    s->inherited = false;
    s->home_room = str_eq(now.state, STR("room"));
    s->home_queued = str_eq(now.state, STR("queued"));
    s->home_same = now.level == s->level && str_eq(now.ticket_id, str_of(s->ticket));
    s->home_level = now.level;
}

/* He is at home, or stays. */
void sim_journey_arrive(struct sim_gateway *g, struct sim_session *s)
{
    struct sim_island *i = g->island;
    transfer_release_session(&i->realm, str_of(s->client->id), str_of(s->client->id), str_of(s->socket),
                             s->level, NULL, NULL);
    sim_model_release_session(i->model, s);
    s->island = s->moving = false;
    s->fence = s->fleet_fence;
    g->fence = s->fence > g->fence ? s->fence : g->fence;
    if (s->closed)
        sim_gateway_drop(g, s);
}

void sim_journey_stay(struct sim_gateway *g, struct sim_session *s)
{
    s->moving = false;
    if (s->closed)
        sim_gateway_drop(g, s);
}

void sim_journey_forget(struct sim_gateway *g, const char *player_id)
{
    mem_free(map_remove(g->island->departed, str_of(player_id)));
}

bool sim_journey_lives_here(const struct sim_gateway *g, const char *player_id)
{
    LIST_EACH(it, &g->sessions)
    {
        const struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->island && strcmp(s->client->id, player_id) == 0)
            return true;
    }
    return false;
}

/* ---- rooms ---- */

static bool is_member(const struct sim_session *s, const struct sim_away *away)
{
    return s->island && s->view && strcmp(s->view->room, away->book.room_id) == 0;
}

static void end_journey(struct sim_away *away)
{
    transfer_image_free(away->image);
    mem_free(away->said);
    away->image = NULL;
    away->said = NULL;
    away->travelling = away->failed = false;
}

static void room_stays(struct sim_gateway *g, struct sim_away *away)
{
    end_journey(away);
    for (size_t i = 0; i < away->member_count; i++)
        sim_journey_stay(g, sim_gateway_session(g, away->members[i]));
}

void sim_journey_goes_on(struct sim_gateway *g, struct sim_away *away)
{
    struct sim_call c = {.kind = SIM_RESTORE, .home = true};
    if (--away->waiting > 0)
        return;
    if (away->failed) {
        room_stays(g, away);
        return;
    }
    memcpy(c.room, away->book.room_id, sizeof c.room);
    sim_call(g, &c);
}

static void goes_with_it(struct sim_away *away, const char *player_id)
{
    (void)str_copy(away->players[away->session_count++], ID_SIZE, str_of(player_id));
    away->waiting++;
}

/* "seq =image ..." says which it is. */
static void read_image_id(struct sim_away *away)
{
    struct buf state = {0};
    transfer_image_state(away->image, &state);
    struct str text = buf_str(&state);
    (void)str_cut(&text, '=');
    (void)str_copy(away->image_id, sizeof away->image_id, str_cut(&text, ' '));
    buf_close(&state);
}

void sim_journey_start(struct sim_gateway *g, struct sim_away *away)
{
    struct sim_island *i = g->island;
    struct reply *reply = NULL;
    LIST_EACH(it, &g->sessions)
    {
        const struct sim_session *s = OWNER(it, struct sim_session, link);
        if (is_member(s, away) && (s->attaching || s->moving))
            return;
    }
    transfer_image_room(&i->realm, str_of(away->book.room_id), keep, &reply);
    if (!sim_model_image(i->model, away->book.room_id, reply)) { /* its end has not been read yet */
        mem_free(reply);
        return;
    }
    away->said = reply;
    away->image = transfer_image_new(reply);
    read_image_id(away);
    away->travelling = true;
    away->session_count = away->member_count = 0;
    away->waiting = 1;
    LIST_EACH(it, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (!is_member(s, away))
            continue;
        goes_with_it(away, s->client->id);
        away->members[away->member_count++] = s->number;
        sim_journey_passage(g, s, away->book.room_id);
    }
    struct str player_id;
    for (size_t k = 0; (player_id = transfer_image_player(away->image, k)).n; k++) {
        const char *id = fleet_text("%.*s", (int)player_id.n, player_id.p);
        if (!map_find(i->departed, player_id) || sim_journey_lives_here(g, id))
            continue;
        goes_with_it(away, id);
        sim_journey_carry(g, id, 0, away->book.room_id);
    }
    sim_journey_goes_on(g, away);
}

static void room_arrives(struct sim_gateway *g, struct sim_away *away, bool right, const struct reply *events)
{
    char room[ID_SIZE];
    uint64_t members[ROOM_SEATS_MAX];
    size_t count = away->member_count;
    memcpy(members, away->members, sizeof members);
    struct sim_view *v = sim_view_find(g, str_of(away->book.room_id));
    memcpy(room, away->book.room_id, sizeof room);
    transfer_release_room(&g->island->realm, str_of(room), NULL, NULL);
    sim_model_release_room(g->island->model, room);
    for (size_t k = 0; k < away->session_count; k++)
        if (!sim_journey_lives_here(g, away->players[k]))
            sim_journey_forget(g, away->players[k]);
    end_journey(away);
    sim_island_remove(away);
    if (v)
        v->island = false;
    if (v && !right)
        sim_view_drop_copy(v);
    for (size_t k = 0; k < count; k++) {
        struct sim_session *s = sim_gateway_session(g, members[k]);
        bool goes = s->closed;
        sim_journey_arrive(g, s);
        if (!goes && !right)
            sim_gateway_attach(g, s, true);
    }
    if (events)
        sim_gateway_events(g, events);
    v = sim_view_find(g, str_of(room));
    if (v)
        sim_view_fill(g, v);
}

static void on_ended(struct sim_gateway *g, struct sim_away *away, struct realm_outcome o)
{
    struct sim *s = g->sim;
    away->travelling = false;
    if (o.err)
        return;
    s->count.ended_away++;
    s->count.given_up += !realm_said(o, "ENDED");
    sim_island_remove(away);
}

void sim_journey_restored(struct sim_gateway *g, const struct sim_call *c, struct sim_away *away,
                          struct realm_outcome o)
{
    if (away->book.ended) {
        on_ended(g, away, o);
        return;
    }
    if (o.err == ERR_UNKNOWN) {
        island_may_be_home(&away->book, away->image);
        transfer_begin_run(&g->island->realm, NULL, NULL);
        sim_model_begin_run(g->island->model);
    }
    if (o.err) {
        room_stays(g, away);
        return;
    }
    bool right = realm_said(o, "OK");
    g->sim->count.came_home += right;
    g->sim->count.given_up += !right;
    room_arrives(g, away, right, right ? reply_at(c->reply, 1) : NULL);
}
