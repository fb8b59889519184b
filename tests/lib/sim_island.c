/* The island of a virtual gateway: who and what comes there, its clock, and its end. */
#include "tests/lib/sim_island.h"

#include "common/err.h"
#include "common/json.h"
#include "common/mem.h"
#include "gateway/copy.h"
#include "tests/lib/sim_answers.h"
#include "tests/lib/sim_model.h"
#include "tests/lib/sim_model_island.h"

enum { AWAY_US = 500000, POLL_US = 250000, LOOK_US = 2000000, LEASE_MS = 2000000000, BEAT_GOOD_MS = 1500 };

static uint64_t now_us(void *arg)
{
    return ((const struct sim *)arg)->now_us;
}

static void on_message(void *arg, struct str channel, struct str message)
{
    sim_fail(arg, "an island publishes on %.*s: %.*s", (int)channel.n, channel.p, (int)message.n, message.p);
}

static void begin(struct sim_gateway *g)
{
    struct sim *s = g->sim;
    struct sim_island *i = g->island = mem_alloc(sizeof *i);
    struct realm_rules rules = s->rules;
    rules.lease_ms = LEASE_MS;
    rules.events_mode = "remote";
    i->gateway = g;
    i->since_us = s->now_us;
    i->departed = map_new();
    list_init(&i->rooms);
    i->backend = backend_memory_new(
        NULL, &(struct backend_memory_options){.now_us = now_us, .now_arg = s, .immediate = true},
        &(struct backend_events){.on_message = on_message, .arg = s});
    realm_init(&i->realm, i->backend, &rules, "", g->realm.instance_id);
    i->model = sim_model_new(s);
    sim_model_begin_island(i->model, &i->realm);
    presence_heartbeat(&i->realm, &(struct presence_beat){.info = STR("{}")}, NULL, NULL);
    s->count.islands++;
    s->islands++;
    sim_trace(s, "%s is an island", g->realm.instance_id);
}

static void free_departed(void *arg, struct str key, void *value)
{
    (void)arg;
    (void)key;
    mem_free(value);
}

void sim_island_free(struct sim_gateway *g)
{
    struct sim_island *i = g->island;
    if (!i)
        return;
    while (!list_empty(&i->rooms))
        sim_island_remove(OWNER(i->rooms.next, struct sim_away, link));
    map_each(i->departed, free_departed, NULL);
    map_free(i->departed);
    i->backend->ops->free(i->backend);
    sim_model_free(i->model);
    mem_free(i);
    g->island = NULL;
    g->held = false;
    g->sim->islands--;
}

/* ---- rooms ---- */

struct sim_away *sim_island_find(const struct sim_gateway *g, struct str room_id)
{
    if (!g->island)
        return NULL;
    LIST_EACH(it, &g->island->rooms)
    {
        struct sim_away *away = OWNER(it, struct sim_away, link);
        if (str_eq(str_of(away->book.room_id), room_id))
            return away;
    }
    return NULL;
}

static struct sim_away *add(struct sim_island *i, struct str room_id, bool born)
{
    struct sim_away *away = mem_alloc(sizeof *away);
    (void)str_copy(away->book.room_id, sizeof away->book.room_id, room_id);
    away->book.born = born;
    list_push(&i->rooms, &away->link);
    return away;
}

void sim_island_remove(struct sim_away *away)
{
    list_remove(&away->link);
    transfer_image_free(away->image);
    buf_close(&away->book.states);
    mem_free(away->book.reason);
    mem_free(away->book.result);
    mem_free(away->said);
    mem_free(away->book.sessions);
    mem_free(away);
}

static bool settled(const struct sim_session *s)
{
    return !s->island && s->fence != 0 && !s->attaching;
}

static struct sim_session *seated(const struct sim_gateway *g, const struct sim_view *v,
                                  const char *player_id)
{
    LIST_EACH(it, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->view == v && strcmp(s->client->id, player_id) == 0)
            return s;
    }
    return NULL;
}

static bool may_go_on(const struct sim_gateway *g, const struct sim_view *v)
{
    const struct copy *c = v->copy;
    if (v->island || !c || c->seq != v->at.seq || c->epoch != v->at.epoch || !v->active || v->filling ||
        v->gap)
        return false;
    for (size_t i = 0; i < c->seat_count; i++) {
        const struct sim_session *s = seated(g, v, c->seats[i].player_id);
        if (!s || !settled(s))
            return false;
    }
    return c->seat_count >= 2;
}

static void move_in(struct sim_session *s)
{
    s->fleet_fence = s->fence;
    s->island = true;
    s->doubt = s->differed = false;
}

/* As gateway/session.c. */
static int64_t done_up_to(const struct sim_session *s, const struct copy *c)
{
    bool moved = c->seq != s->unknown_at.seq || c->epoch != s->unknown_at.epoch;
    return moved && s->unknown_id > s->answered_id ? s->unknown_id : s->answered_id;
}

static void take_seat(struct sim_island *i, const struct sim_view *v, size_t at)
{
    const struct copy_seat *seat = &v->copy->seats[at];
    struct sim_session *s = seated(i->gateway, v, seat->player_id);
    struct transfer_seat to = {.player_id = str_of(s->client->id),
                               .socket_id = str_of(s->socket),
                               .session_id = str_of(s->client->id),
                               .token_hash = STR("token"),
                               .ticket_id = str_of(s->ticket),
                               .fence = s->fence,
                               .level = v->level,
                               .state = str_of(seat->state),
                               .state_version = seat->version,
                               .result = str_of(seat->result),
                               .answered = done_up_to(s, v->copy)};
    transfer_adopt_seat(&i->realm, str_of(v->room), &to, NULL, NULL);
    sim_model_adopt_seat(i->model, v->room, &to);
    move_in(s);
}

static void take_room(struct sim_gateway *g, struct sim_view *v)
{
    struct sim_island *i = g->island;
    const struct copy *c = v->copy;
    struct str players[ROOM_SEATS_MAX];
    for (size_t k = 0; k < c->seat_count; k++) {
        players[k] = str_of(c->seats[k].player_id);
        take_seat(i, v, k);
    }
    struct transfer_room to = {.room_id = str_of(v->room),
                               .seq = c->seq,
                               .epoch = c->epoch,
                               .version = c->version,
                               .turn = c->turn,
                               .level = v->level,
                               .game_data = str_of(c->game_data),
                               .turn_left_ms = copy_turn_left_ms(c, (uint64_t)sim_now_ms(g->sim)),
                               .player_ids = players,
                               .player_count = c->seat_count};
    transfer_adopt_room(&i->realm, &to, NULL, NULL);
    sim_model_adopt_room(i->model, &to);
    struct sim_away *away = add(i, str_of(v->room), false);
    away->book.seq = c->seq;
    copy_state(c, &away->book.states);
    for (size_t k = 0; k < c->seat_count; k++)
        island_add_session(&away->book, c->seats[k].player_id, c->seats[k].player_id);
    v->island = true;
    sim_view_begin(v, v->at);
    g->sim->count.adopted++;
    sim_trace(g->sim, "%s adopts room %s at %lld", g->realm.instance_id, v->room, (long long)c->seq);
}

/* ---- players without a room ---- */

static void take_players(struct sim_gateway *g)
{
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->view || !settled(s) || (s->state != SIM_IDLE && s->state != SIM_QUEUED))
            continue;
        move_in(s);
        sim_gateway_attach(g, s, true);
    }
}

static struct sim_session *other_here(const struct sim_gateway *g, const struct sim_session *than)
{
    LIST_EACH(it, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s != than && s->client == than->client)
            return s;
    }
    return NULL;
}

bool sim_island_receive(struct sim_gateway *g, struct sim_session *s)
{
    const struct sim_island *i = g->island;
    const struct sim_session *here = other_here(g, s);
    if (!i || i->leaving || (!i->open && !s->resume))
        return !i || !i->leaving;
    if (here && here->view && !here->island)
        return false;
    s->island = true;
    return true;
}

/* The same in the store, when it is back; and what was answered to him goes home. */
void sim_island_drop(struct sim_gateway *g, const struct sim_session *s)
{
    struct sim_island *i = g->island;
    if (s->fleet_fence) {
        struct sim_call *later = mem_alloc(sizeof *later);
        *later = (struct sim_call){.kind = SIM_DETACH, .of_island = true, .level = s->level};
        memcpy(later->player, s->client->id, sizeof later->player);
        memcpy(later->socket, s->socket, sizeof later->socket);
        memcpy(later->owner, g->realm.instance_id, sizeof later->owner);
        list_push(&g->put_off, &later->link);
        g->of_island++;
    }
    if (!map_find(i->departed, str_of(s->client->id)))
        map_put(i->departed, str_of(s->client->id), mem_alloc(sizeof(struct sim_departed)));
}

/* ---- what happens there ---- */

void sim_island_note(struct sim_gateway *g, const struct room_event *e)
{
    struct sim_away *away = sim_island_find(g, e->room_id);
    bool end = str_eq(e->event, STR("gameEnd")) || str_eq(e->event, STR("matchCancelled"));
    struct json_object data;
    struct str reason;
    const char *why;
    if (!away && e->seq == 1) {
        (void)add(g->island, e->room_id, true);
        g->sim->count.born++;
    } else if (away && end && away->book.born) {
        sim_island_remove(away);
    } else if (away && end) {
        CHECK(json_object_scan(e->data, &data, &why) &&
              json_as_plain(json_get(&data, "reason", NULL), &reason));
        struct str result = json_get(&data, "result", NULL).raw;
        away->book.ended = true;
        away->book.reason = mem_copy(reason.p, reason.n);
        away->book.result = mem_copy(result.p, result.n);
    }
}

/* Rooms on their way home stand still. */
static void fire(struct sim_gateway *g)
{
    sim_call(g, &(struct sim_call){.kind = SIM_DUE, .island = true});
    struct sim_call *c = OWNER(g->answers.prev, struct sim_call, link);
    list_remove(&c->link);
    for (size_t k = 0; k < c->reply->count; k++) {
        struct sim_call one = {.kind = SIM_FIRE, .island = true};
        struct timer_entry entry;
        (void)str_copy(one.text, sizeof one.text, reply_str(c->reply, k));
        CHECK(timers_parse(str_of(one.text), &entry));
        const struct sim_away *away = sim_island_find(g, entry.room_id);
        if (!away || !away->travelling)
            sim_call(g, &one);
    }
    sim_call_free(c);
}

static void look_at_queues(struct sim_gateway *g)
{
    for (int64_t level = 1; level <= g->sim->o.levels; level++) {
        sim_call(g, &(struct sim_call){.kind = SIM_MATCH, .island = true, .level = level});
        sim_call(g, &(struct sim_call){.kind = SIM_EXPIRE, .island = true, .level = level});
    }
    LIST_EACH_SAFE(it, tmp, &g->sessions)
    {
        struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->island && s->doubt && !s->attaching && !s->moving && s->fence)
            sim_gateway_attach(g, s, true);
    }
}

/* ---- the clock ---- */

/* The last good beat was written at most so long after it was sent. */
static bool lease_over(const struct sim_gateway *g)
{
    uint64_t good_ms = (uint64_t)g->realm.rules.lease_ms + BEAT_GOOD_MS + 1;
    return g->sim->now_us > g->beat_sent_us + good_ms * 1000;
}

static void stay(struct sim_gateway *g)
{
    struct sim_island *i = g->island;
    i->cut_off_us = g->sim->now_us;
    if (i->leaving)
        sim_trace(g->sim, "%s turns back", g->realm.instance_id);
    i->leaving = false;
    LIST_EACH(it, &g->views)
    {
        struct sim_view *v = OWNER(it, struct sim_view, link);
        if (may_go_on(g, v))
            take_room(g, v);
    }
    if (!lease_over(g))
        return;
    if (!i->open)
        sim_trace(g->sim, "%s is open", g->realm.instance_id);
    g->sim->count.opened += !i->open;
    i->open = i->opened = g->held = true;
    take_players(g);
}

void sim_island_tick(struct sim_gateway *g)
{
    uint64_t now = g->sim->now_us;
    bool nothing_under_way = list_empty(&g->wire) && list_empty(&g->answers);
    if (g->trusts)
        g->lost_since_us = 0;
    else if (g->lost_since_us == 0)
        g->lost_since_us = now;
    bool away = !g->trusts && now - g->lost_since_us >= AWAY_US && nothing_under_way;
    if (away && g->epoch != 0 && !g->draining) {
        if (!g->island)
            begin(g);
        stay(g);
    }
    struct sim_island *i = g->island;
    if (i && now >= i->poll_at_us) {
        i->poll_at_us = now + POLL_US;
        fire(g);
    }
    if (i && !i->leaving && now >= i->look_at_us) {
        i->look_at_us = now + LOOK_US;
        look_at_queues(g);
    }
}

void sim_island_fail(const struct sim_gateway *g)
{
    const struct sim_island *i = g->island;
    LIST_EACH(it, &i->rooms)
    {
        const struct sim_away *away = OWNER(it, struct sim_away, link);
        sim_trace(g->sim, "room %s: %s, %u passages", away->book.room_id,
                  away->book.ended   ? "ended"
                  : away->travelling ? "on its way"
                                     : "stays",
                  away->waiting);
    }
    LIST_EACH(it, &g->sessions)
    {
        const struct sim_session *s = OWNER(it, struct sim_session, link);
        if (s->island)
            sim_trace(g->sim, "%s: moving %d, attaching %d, busy %u, closed %d", s->socket, s->moving,
                      s->attaching, s->busy, s->closed);
    }
    sim_fail(g->sim, "%s is still an island: %u tickets and %u detaches under way, %zu departed, opened %d",
             g->realm.instance_id, i->withdrawing, g->of_island, map_count(i->departed), i->opened);
}
