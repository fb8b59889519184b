/* Takes rooms and players onto the island, and keeps the copies of rooms from which that is done.
 *
 * When may a room go on without the store? When everybody seated sits here, so that nobody else can be
 * writing to it but through us; when no call of ours can be under way (backend.h: cut_off), so that what we
 * know is what the store knew, but for calls whose answers were lost; and when the copy contains the last
 * event delivered. Whatever happened in the store all the same shows on the return: there the versions decide
 * (restore_room.lua).
 *
 * When may players be matched here? When the lease has surely run out, for till then another instance could
 * be taking them from the store's queue. */
#include "gateway/adopt.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/list.h"
#include "common/log.h"
#include "common/map.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/attach.h"
#include "gateway/copy.h"
#include "gateway/island.h"
#include "gateway/lease.h"
#include "gateway/room.h"
#include "gateway/rounds.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "matchmaking/events.h"
#include "proto/messages.h"

enum { AWAY_MS = 500 /* a line that is made again at once is no reason to leave */ };

static bool wanted(const struct node *n)
{
    return n->backend->durable && n->settings->degraded_local;
}

/* ---- copies ---- */

static void drop_copy(struct room *r)
{
    copy_free(r->copy);
    r->copy = NULL;
}

static struct copy *fresh_copy(const struct room *r, int64_t seq)
{
    struct str players[ROOM_SEATS_MAX];
    for (size_t i = 0; i < r->place_count; i++)
        players[i] = str_of(r->places[i].player_id);
    return copy_fresh(players, r->place_count, seq);
}

void adopt_event(struct node *n, struct room *r, const struct room_event *e)
{
    if (r->copy && !copy_apply(r->copy, e))
        drop_copy(r);
    if (!r->copy && wanted(n) && e->seq == 2 && str_eq(e->event, STR(PUSH_GAME_START)) && !room_has_remote(r))
        r->copy = fresh_copy(r, e->seq);
}

struct copying {
    struct node *node;
    char room_id[ID_SIZE];
};

static void on_copied(void *arg, int err, const struct reply *reply)
{
    struct copying *c = arg;
    struct room *r = rooms_find(c->node->rooms, str_of(c->room_id));
    if (r && !r->copy && realm_said(realm_outcome(err, reply), "OK")) {
        r->copy = copy_read(reply);
        if (r->copy && reply_str(reply, 6).n)
            copy_limit_turn(r->copy, r->copy->version, clock_mono_ms() + (uint64_t)reply_int(reply, 6));
        if (r->copy && r->copy->seq < r->at.seq) /* cannot follow any more: with the next comparison */
            drop_copy(r);
    }
    mem_free(c);
}

static bool behind(const struct room *r)
{
    return r->copy && (r->copy->seq < r->at.seq || r->copy->epoch != r->at.epoch);
}

void adopt_look(struct node *n, struct room *r)
{
    if (!wanted(n) || r->realm != &n->realm)
        return;
    bool remote = room_has_remote(r);
    if (remote || behind(r))
        drop_copy(r);
    if (!remote && !r->copy && r->status == ROOM_ACTIVE) {
        struct copying *c = mem_alloc(sizeof *c);
        c->node = n;
        memcpy(c->room_id, r->room_id, sizeof c->room_id);
        transfer_copy_room(r->realm, str_of(r->room_id), on_copied, c);
    }
}

void adopt_doubt(struct node *n, struct room *r)
{
    if (r->realm == &n->realm && r->copy && r->copy->unsure)
        drop_copy(r);
}

/* ---- rooms ---- */

static bool settled(const struct node *n, const struct session *s)
{
    return s->conn && s->realm == &n->realm && s->fence && !s->attaching && !s->joining && !s->catching_up;
}

static bool may_go_on(const struct node *n, const struct room *r)
{
    const struct copy *c = r->copy;
    if (!c || c->seq != r->at.seq || c->epoch != r->at.epoch || r->status != ROOM_ACTIVE || r->held_count ||
        r->filling)
        return false;
    for (size_t i = 0; i < c->seat_count; i++) {
        const struct session *s = sessions_find(n->sessions, str_of(c->seats[i].player_id));
        if (!s || s->room != r || !settled(n, s))
            return false;
    }
    return c->seat_count >= 2;
}

static void move_in(const struct island *i, struct session *s)
{
    s->fleet_fence = s->fence;
    s->realm = &i->realm;
    s->doubt = s->differed = false;
}

static void take_seats(struct node *n, const struct room *r)
{
    const struct copy *c = r->copy;
    for (size_t i = 0; i < c->seat_count; i++) {
        const struct copy_seat *seat = &c->seats[i];
        struct session *s = sessions_find(n->sessions, str_of(seat->player_id));
        CHECK(s); /* may_go_on found all of them */
        transfer_adopt_seat(&n->island->realm, str_of(r->room_id),
                            &(struct transfer_seat){.player_id = str_of(s->player_id),
                                                    .socket_id = str_of(s->socket_id),
                                                    .session_id = str_of(s->session_id),
                                                    .token_hash = str_of(s->token_hash),
                                                    .ticket_id = str_of(s->ticket_id),
                                                    .fence = s->fence,
                                                    .level = r->level,
                                                    .state = str_of(seat->state),
                                                    .state_version = seat->version,
                                                    .result = str_of(seat->result),
                                                    .answered = session_done_up_to(
                                                        s, (struct history_position){c->epoch, c->seq})},
                            NULL, NULL);
        move_in(n->island, s);
    }
}

static void take_room(void *arg, struct room *r)
{
    struct node *n = arg;
    if (r->realm != &n->realm || !may_go_on(n, r))
        return;
    struct copy *c = r->copy;
    take_seats(n, r);
    struct buf state = {0};
    copy_state(c, &state);
    struct str players[ROOM_SEATS_MAX];
    for (size_t i = 0; i < c->seat_count; i++)
        players[i] = str_of(c->seats[i].player_id);
    transfer_adopt_room(&n->island->realm,
                        &(struct transfer_room){.room_id = str_of(r->room_id),
                                                .seq = c->seq,
                                                .epoch = c->epoch,
                                                .version = c->version,
                                                .turn = c->turn,
                                                .level = r->level,
                                                .game_data = str_of(c->game_data),
                                                .turn_left_ms = copy_turn_left_ms(c, clock_mono_ms()),
                                                .player_ids = players,
                                                .player_count = c->seat_count},
                        NULL, NULL);
    struct island_room *room = island_add(n->island, str_of(r->room_id),
                                          &(struct transfer_base){.seq = c->seq, .states = buf_str(&state)});
    for (size_t i = 0; i < c->seat_count; i++)
        island_add_session(room, c->seats[i].player_id, sessions_find(n->sessions, players[i])->session_id);
    buf_close(&state);
    r->realm = &n->island->realm;
    metrics_add_for(METRIC_ISLAND_ROOMS_TOTAL, "adopted", 1);
    log_info("island.room_adopted", KV("room", r->room_id), KV_INT("seq", r->at.seq),
             KV_INT("epoch", r->at.epoch));
}

/* ---- players without a room ---- */

static bool goes_in(void *arg, struct session *s)
{
    bool roomless = s->state == SESSION_IDLE || s->state == SESSION_QUEUED;
    return roomless && settled(arg, s);
}

/* In the order in which they began to wait. Their attaching hands in the tickets again. */
static void take_players(struct node *n)
{
    size_t count;
    struct session **list = sessions_by_arrival(n->sessions, goes_in, n, &count);
    for (size_t i = 0; i < count; i++) {
        move_in(n->island, list[i]);
        attach_again(n, list[i]);
    }
    if (count)
        log_info("island.players_adopted", KV_INT("players", count));
    mem_free(list);
}

static void open_island(struct node *n)
{
    n->island->open = n->island->opened = true;
    lease_hold(n->lease); /* homecoming.c lets go of it */
    log_warn("island.open", KV("reason", "the store is away and this instance's lease has run out"),
             KV("next", "whoever is connected here is matched here"));
}

/* Is the store away, and for longer than a moment? */
static bool away(struct node *n)
{
    struct island *i = n->island;
    uint64_t now = clock_mono_ms();
    if (n->backend->ops->up(n->backend)) {
        i->away_since_ms = 0;
        return false;
    }
    if (!i->away_since_ms)
        i->away_since_ms = now;
    if (!n->backend->ops->cut_off(n->backend))
        return false;
    i->cut_off_at_ms = now;
    return now - i->away_since_ms >= AWAY_MS;
}

/* A room on its way home stands still. */
static bool stands_still(void *arg, struct str room_id)
{
    const struct island_room *room = island_find(arg, room_id);
    return room && room->journey;
}

static void begin(struct node *n)
{
    struct island *i = n->island;
    island_begin(i);
    if (!i->rounds)
        i->rounds = mem_alloc(sizeof *i->rounds);
    *i->rounds = (struct rounds){.node = n, .realm = &i->realm, .skips = stands_still, .arg = i};
    log_warn("island.began", KV("reason", n->backend->ops->reason(n->backend)),
             KV("next", "rooms whose players are all here go on; no matches until the lease has run out"));
}

static void stay_here(void *arg, struct session *s)
{
    struct node *n = arg;
    n->on_settled(n, s);
}

/* It was being left, and the store is away again. */
static void turn_back(struct node *n)
{
    log_warn("island.turned_back", KV("reason", n->backend->ops->reason(n->backend)),
             KV_INT("rooms", map_count(n->island->rooms)), KV("next", "what is still here goes on here"));
    n->island->leaving = false;
    sessions_each(n->sessions, stay_here, n);
}

void adopt_tick(struct node *n)
{
    struct island *i = n->island;
    if (!wanted(n) || !lease_ready(n->lease))
        return;
    if (away(n) && !n->drain) {
        if (!island_is(i))
            begin(n);
        if (i->leaving)
            turn_back(n);
        rooms_each(n->rooms, take_room, n);
        if (lease_surely_over(n->lease)) {
            if (!i->open)
                open_island(n);
            take_players(n);
        }
    }
    if (!island_is(i))
        return;
    if (i->leaving) /* nobody is matched here any more */
        i->rounds->expiry_at_ms = 0;
    rounds_timers(i->rounds);
    uint64_t now = clock_mono_ms();
    if (!i->leaving && now - i->queues_at_ms >= (uint64_t)n->settings->sweep_ms) {
        i->queues_at_ms = now;
        rounds_queues(i->rounds);
    }
}
