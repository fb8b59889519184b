/* Brings rooms and players home from the island, when the store is back.
 *
 *   a room:    release_room (island) -> its members -> restore_room (store)
 *   a member:  attach (store) -> release_session (island) -> restore_session (store)
 *   a player without a room: the same as a member, then his ticket or seat is looked for
 *
 * Every answer finds its room again by id and its session by holding it, for both may have ended meanwhile.
 * What gets no answer because the store is away again stays as it is, and is started anew when it is back;
 * restoring is idempotent. */
#include "gateway/homecoming.h"

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
#include "gateway/session.h"
#include "gateway/tell.h"
#include "gateway/waiting.h"
#include "matchmaking/presence.h"
#include "matchmaking/queue.h"

enum { ROOMS_AT_ONCE = 64, PLAYERS_AT_ONCE = 128 };

struct voyage { /* one call about a room */
    struct node *node;
    char room_id[ID_SIZE];
};

static struct voyage *voyage_new(struct node *n, const char *room_id)
{
    struct voyage *v = mem_alloc(sizeof *v);
    v->node = n;
    CHECK(str_copy(v->room_id, sizeof v->room_id, str_of(room_id)));
    return v;
}

/* Both freed; the room, if it is still on the island's list. */
static struct island_room *land(struct voyage *v, struct node **n)
{
    *n = v->node;
    struct island_room *room = island_find((*n)->island, str_of(v->room_id));
    mem_free(v);
    return room;
}

/* Its turn is over, for now or for good. */
static void pause_room(struct node *n, struct island_room *room)
{
    room->travelling = false;
    n->island->travelling--;
}

/* ---- a player ---- */

struct mover {
    struct node *node;
    struct session *session; /* held */
    char room_id[ID_SIZE];   /* the room it moves with, or empty */
    char state[8];           /* what the store says he is */
    int64_t level;           /* and where he waits */
    bool same_ticket;
};

static void restore_when_all_are_there(struct node *n, struct island_room *room);

static void mover_end(struct mover *m, bool failed)
{
    struct node *n = m->node;
    struct island_room *room = *m->room_id ? island_find(n->island, str_of(m->room_id)) : NULL;
    if (*m->room_id == 0) {
        m->session->moving = false;
        n->island->movers--;
    }
    session_release(m->session);
    mem_free(m);
    if (!room)
        return;
    room->failed = room->failed || failed;
    room->movers--;
    restore_when_all_are_there(n, room);
}

static void on_rejoined(void *arg, int err, const struct reply *reply)
{
    struct mover *m = arg;
    struct session *s = m->session;
    struct realm_outcome o = realm_outcome(err, reply);
    s->joining = false;
    if (o.err)
        s->doubt = true;
    else if (s->state != SESSION_CLOSED)
        waiting_read_join(m->node, s, o, reply, 0);
    mover_end(m, false);
}

/* He has been attached to the store; what he is, the island knew better, unless the store has him in a room.
 */
static void settle(struct mover *m)
{
    struct session *s = m->session;
    const struct realm *store = &m->node->realm;
    bool waits = s->state == SESSION_QUEUED;
    s->realm = store;
    if (strcmp(m->state, "room") == 0) {
        s->moving = false;
        attach_again(m->node, s);
    } else if (strcmp(m->state, "queued") == 0 && !(waits && m->same_ticket)) {
        queue_leave(store, str_of(s->player_id), s->fence, m->level, NULL, NULL);
    }
    if (waits && strcmp(m->state, "room") != 0) {
        s->joining = true;
        queue_join(store, str_of(s->player_id), s->fence, s->level, str_of(s->ticket_id), on_rejoined, m);
        return;
    }
    mover_end(m, false);
}

static void on_answered(void *arg, int err, const struct reply *reply)
{
    struct mover *m = arg;
    struct session *s = m->session;
    if (!err && reply->count)
        transfer_restore_session(&m->node->realm, str_of(s->session_id), reply, NULL, NULL);
    if (s->state == SESSION_CLOSED || *m->room_id)
        mover_end(m, false);
    else
        settle(m);
}

static void on_attached(void *arg, int err, const struct reply *reply)
{
    struct mover *m = arg;
    struct session *s = m->session;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "REPLACED"))
        tell_goodbye(s->conn, CLOSE_REPLACED, 0);
    if (!realm_said(o, "OK")) {
        mover_end(m, o.err != 0);
        return;
    }
    struct presence_attached now;
    presence_attached(reply, &now);
    s->fleet_fence = s->fence = now.fence;
    (void)str_copy(m->state, sizeof m->state, now.state);
    m->level = now.level;
    m->same_ticket = now.level == s->level && str_eq(now.ticket_id, str_of(s->ticket_id));
    if (*m->room_id && str_eq(now.state, STR("queued"))) /* he was matched on the island */
        queue_leave(&m->node->realm, str_of(s->player_id), s->fence, now.level, NULL, NULL);
    transfer_release_session(&m->node->island->realm, str_of(s->session_id), str_of(s->player_id),
                             str_of(s->socket_id), s->level, on_answered, m);
}

static void move(struct node *n, struct session *s, const char *room_id)
{
    struct mover *m = mem_alloc(sizeof *m);
    m->node = n;
    m->session = s;
    session_hold(s);
    (void)str_copy(m->room_id, sizeof m->room_id, str_of(room_id));
    s->moving = true;
    presence_attach(&n->realm,
                    &(struct presence_hello){.player_id = str_of(s->player_id),
                                             .socket_id = str_of(s->socket_id),
                                             .held_fence = s->fleet_fence,
                                             .session_id = str_of(s->session_id),
                                             .token_hash = str_of(s->token_hash)},
                    on_attached, m);
}

/* ---- a room ---- */

/* The local view is the store's again. */
static void members_home(struct node *n, struct room *r)
{
    r->realm = &n->realm;
    LIST_EACH(it, &r->members)
    {
        struct session *s = OWNER(it, struct session, in_room);
        s->realm = &n->realm;
        s->moving = false;
    }
}

/* The store knows better: members are shown what it has, or learn that the room is gone. */
static void give_up(struct node *n, const char *room_id)
{
    struct room *r = rooms_find(n->rooms, str_of(room_id));
    if (!r)
        return;
    members_home(n, r);
    copy_free(r->copy);
    r->copy = NULL;
    LIST_EACH_SAFE(it, next, &r->members)
    attach_again(n, OWNER(it, struct session, in_room));
}

static void count_outcome(const char *room_id, const char *how, struct str why)
{
    bool good = strcmp(how, "restored") == 0 || strcmp(how, "ended") == 0;
    metrics_add_for(METRIC_ISLAND_ROOMS_TOTAL, how, 1);
    if (good)
        log_info("island.room_home", KV("room", room_id), KV("outcome", how));
    else
        log_warn("island.room_given_up", KV("room", room_id), KV("outcome", how), KV_STR("reason", why),
                 KV("next", "the store is right; members get its snapshot, or hear that the room is gone"));
}

static void on_restored(void *arg, int err, const struct reply *reply)
{
    struct node *n;
    struct island_room *room = land(arg, &n);
    struct realm_outcome o = realm_outcome(err, reply);
    pause_room(n, room);
    if (o.err)
        return; /* asked again when the store is back */
    struct room *r = rooms_find(n->rooms, str_of(room->room_id));
    bool good = realm_said(o, "OK");
    count_outcome(room->room_id,
                  good                    ? "restored"
                  : realm_said(o, "GONE") ? "gone"
                                          : "changed",
                  reply_str(reply, 1));
    if (!good)
        give_up(n, room->room_id);
    else if (r)
        members_home(n, r);
    island_remove(n->island, room);
    homecoming_tick(n);
}

static void restore_when_all_are_there(struct node *n, struct island_room *room)
{
    if (room->movers > 0)
        return;
    if (room->failed) {
        pause_room(n, room);
        return;
    }
    bool lost = lease_data_lost_at_ms(n->lease) >= n->island->since_ms;
    transfer_restore_room(&n->realm, str_of(room->room_id), &room->base, lost, room->image, on_restored,
                          voyage_new(n, room->room_id));
}

static void move_members(struct node *n, struct island_room *room)
{
    struct room *r = rooms_find(n->rooms, str_of(room->room_id));
    room->failed = false;
    room->movers = 1; /* one more: not before all have been asked */
    if (r) {
        LIST_EACH(it, &r->members)
        {
            room->movers++;
            move(n, OWNER(it, struct session, in_room), room->room_id);
        }
    }
    room->movers--;
    restore_when_all_are_there(n, room);
}

static void set_moving(struct node *n, const char *room_id, bool moving)
{
    struct room *r = rooms_find(n->rooms, str_of(room_id));
    if (!r)
        return;
    LIST_EACH(it, &r->members)
    OWNER(it, struct session, in_room)->moving = moving;
}

static void on_released(void *arg, int err, const struct reply *reply)
{
    struct node *n;
    struct voyage *v = arg;
    set_moving(v->node, v->room_id, false);
    struct island_room *room = land(v, &n);
    if (!room) { /* it ended just before, and the store never knew it */
        n->island->travelling--;
        return;
    }
    if (!realm_said(realm_outcome(err, reply), "OK")) {
        pause_room(n, room); /* it ended just before: that is told with the next tick */
        return;
    }
    room->image = transfer_image_new(reply);
    move_members(n, room);
}

static void on_ended(void *arg, int err, const struct reply *reply)
{
    struct node *n;
    struct island_room *room = land(arg, &n);
    struct realm_outcome o = realm_outcome(err, reply);
    pause_room(n, room);
    if (o.err)
        return;
    bool good = realm_said(o, "ENDED");
    count_outcome(room->room_id,
                  good                    ? "ended"
                  : realm_said(o, "GONE") ? "gone"
                                          : "changed",
                  reply_str(reply, 1));
    island_remove(n->island, room);
    homecoming_tick(n);
}

/* Is somebody in the middle of something? Then later. */
static bool busy(const struct room *r)
{
    LIST_EACH(it, &r->members)
    {
        const struct session *s = OWNER(it, struct session, in_room);
        if (s->attaching || s->joining || s->catching_up)
            return true;
    }
    return r->filling;
}

struct start {
    struct node *node;
    size_t ended; /* rooms whose end the store does not know yet: their players are not free there */
};

static void start_ended(void *arg, struct str key, void *value)
{
    struct start *start = arg;
    struct node *n = start->node;
    struct island_room *room = value;
    if (!room->ended)
        return;
    start->ended++;
    if (room->travelling || n->island->travelling >= ROOMS_AT_ONCE)
        return;
    room->travelling = true;
    n->island->travelling++;
    transfer_end_room(&n->realm, key, &room->base, str_of(room->reason), str_of(room->result), on_ended,
                      voyage_new(n, room->room_id));
}

static void start_room(void *arg, struct str key, void *value)
{
    struct node *n = ((struct start *)arg)->node;
    struct island_room *room = value;
    struct room *r = rooms_find(n->rooms, key);
    if (room->travelling || n->island->travelling >= ROOMS_AT_ONCE || (r && !room->image && busy(r)))
        return;
    room->travelling = true;
    n->island->travelling++;
    if (room->image) {
        move_members(n, room);
    } else {
        set_moving(n, room->room_id, true);
        transfer_release_room(&n->island->realm, key, on_released, voyage_new(n, room->room_id));
    }
}

/* ---- tickets ---- */

/* Who plays on the island may still wait in the store. While the lease is over nobody takes him from there;
 * so he is taken out before it is renewed. */
struct withdrawal {
    struct node *node;
    struct session *session; /* held */
};

static void on_withdrawn(void *arg, int err, const struct reply *reply)
{
    struct withdrawal *w = arg;
    struct node *n = w->node;
    struct session *s = w->session;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "AGAIN")) {
        queue_leave(&n->realm, str_of(s->player_id), s->fleet_fence, reply_int(reply, 1), on_withdrawn, w);
        return;
    }
    n->island->failed = n->island->failed || o.err;
    session_release(s);
    mem_free(w);
    if (--n->island->withdrawing > 0)
        return;
    if (!n->island->failed) {
        n->island->opened = false;
        lease_resume(n->lease);
    }
    homecoming_tick(n);
}

static void withdraw_one(void *arg, struct session *s)
{
    struct node *n = arg;
    if (s->realm == &n->realm || s->fleet_fence == 0)
        return;
    struct withdrawal *w = mem_alloc(sizeof *w);
    w->node = n;
    w->session = s;
    session_hold(s);
    n->island->withdrawing++;
    queue_leave(&n->realm, str_of(s->player_id), s->fleet_fence, s->level, on_withdrawn, w);
}

static void withdraw(struct node *n)
{
    struct island *i = n->island;
    if (i->withdrawing > 0)
        return;
    i->failed = false;
    sessions_each(n->sessions, withdraw_one, n);
    if (i->withdrawing > 0)
        return;
    i->opened = false;
    lease_resume(n->lease);
}

struct leftover {
    struct node *node;
    size_t here; /* sessions that live on the island */
};

static void start_player(void *arg, struct session *s)
{
    struct leftover *left = arg;
    struct node *n = left->node;
    if (s->realm == &n->realm)
        return;
    left->here++;
    bool roomless = s->state == SESSION_IDLE || s->state == SESSION_QUEUED;
    if (!roomless || s->moving || s->attaching || s->joining || n->island->movers >= PLAYERS_AT_ONCE)
        return;
    n->island->movers++;
    move(n, s, "");
}

void homecoming_tick(struct node *n)
{
    struct island *i = n->island;
    if (!island_is(i) || !n->backend->ops->up(n->backend))
        return;
    if (!i->leaving)
        log_info("island.leaving", KV_INT("rooms", map_count(i->rooms)),
                 KV("next", "rooms are written back, players attached to the store again"));
    i->leaving = true;
    i->open = false;
    if (i->opened)
        withdraw(n);
    if (i->opened)
        return;
    struct start start = {.node = n};
    map_each(i->rooms, start_ended, &start);
    if (start.ended > 0)
        return; /* the last one's answer comes back here */
    map_each(i->rooms, start_room, &start);
    struct leftover left = {.node = n};
    sessions_each(n->sessions, start_player, &left);
    if (map_count(i->rooms) == 0 && left.here == 0 && i->movers == 0 && n->attaching == 0) {
        island_end(i);
        log_info("island.ended", KV("next", "the store has everything again"));
    }
}
