/* Leaves the island, when the store is back.
 *
 * What gets no answer because the store is away again stays as it is, and is started anew when it is back;
 * everything here is idempotent. Tickets go home with the time for which they have waited, so that each gets
 * the place in the fleet's queue that it would have had. While it lasts nobody new is let in (island_receive)
 * and nobody is matched here, so that there is an end. */
#include "gateway/homecoming.h"

#include "common/err.h"
#include "common/log.h"
#include "common/map.h"
#include "common/mem.h"
#include "gateway/attach.h"
#include "gateway/departed.h"
#include "gateway/detach.h"
#include "gateway/island.h"
#include "gateway/journey.h"
#include "gateway/lease.h"
#include "gateway/passage.h"
#include "gateway/session.h"
#include "gateway/ticket.h"
#include "gateway/waiting.h"
#include "matchmaking/presence.h"
#include "matchmaking/queue.h"

enum { ROOMS_AT_ONCE = 64, PLAYERS_AT_ONCE = 128 };

struct errand { /* one call about a player */
    struct node *node;
    struct session *session; /* held */
};

static struct errand *errand_new(struct node *n, struct session *s)
{
    struct errand *e = mem_alloc(sizeof *e);
    *e = (struct errand){n, s};
    session_hold(s);
    return e;
}

static void errand_free(struct errand *e)
{
    session_release(e->session);
    mem_free(e);
}

/* The next ones may start; not with each that ends, for they are looked for among all. */
static void go_on(struct node *n)
{
    const struct island *i = n->island;
    if (i->travelling <= ROOMS_AT_ONCE / 2 && i->passengers <= PLAYERS_AT_ONCE / 2)
        homecoming_tick(n);
}

/* ---- tickets: who plays on the island, or left its queue, may still wait in the store; there nobody takes
 * him while the lease is over ---- */

static void withdrawn(struct node *n)
{
    struct island *i = n->island;
    if (--i->withdrawing > 0 || i->failed || detaches_of_island(n->detaches) > 0)
        return; /* all once more with the next tick, if need be */
    i->opened = false;
    lease_resume(n->lease);
}

static void on_withdrawn(void *arg, int err, const struct reply *reply)
{
    struct errand *e = arg;
    struct node *n = e->node;
    const struct session *s = e->session;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "AGAIN")) {
        queue_leave(&n->realm, str_of(s->player_id), s->fleet_fence, reply_int(reply, 1), on_withdrawn, e);
        return;
    }
    n->island->failed = n->island->failed || o.err;
    errand_free(e);
    withdrawn(n);
}

static void on_record(void *arg, int err, const struct reply *reply)
{
    struct errand *e = arg;
    if (!err)
        ticket_read_fleet(e->session, reply_str(reply, 0));
    errand_free(e);
}

/* Whoever waits still: since when, as the store has it; his ticket is handed in again with that time. */
static void ask_since(struct node *n, struct session *s)
{
    const struct presence_whose who = {str_of(s->player_id), str_of(s->session_id)};
    if (s->state == SESSION_QUEUED)
        presence_where(&n->realm, &who, 1, on_record, errand_new(n, s));
}

static void withdraw_one(void *arg, struct session *s)
{
    struct node *n = arg;
    if (s->realm == &n->realm || s->fleet_fence == 0)
        return;
    n->island->withdrawing++;
    ask_since(n, s); /* before, on the same line */
    queue_leave(&n->realm, str_of(s->player_id), s->fleet_fence, s->level, on_withdrawn, errand_new(n, s));
}

static void withdraw(struct node *n)
{
    struct island *i = n->island;
    if (i->withdrawing > 0)
        return;
    i->failed = false;
    i->withdrawing = 1; /* one more: not before all have been asked */
    detach_retry(n);    /* and those whose connections are gone */
    sessions_each(n->sessions, withdraw_one, n);
    withdrawn(n);
}

/* ---- rooms ---- */

struct ending { /* a room's end, on its way to the store */
    struct node *node;
    char room_id[ID_SIZE];
};

static void on_ended(void *arg, int err, const struct reply *reply)
{
    struct ending *e = arg;
    struct node *n = e->node;
    struct island_room *room = island_find(n->island, str_of(e->room_id));
    struct realm_outcome o = realm_outcome(err, reply);
    mem_free(e);
    CHECK(room);
    room->ending = false;
    n->island->travelling--;
    if (o.err && !transfer_hopeless(err, reply))
        return; /* told again when the store is back */
    journey_count(room->room_id,
                  realm_said(o, "ENDED")  ? "ended"
                  : realm_said(o, "GONE") ? "gone"
                                          : "changed",
                  o.err ? reply->str : reply_str(reply, 1));
    island_remove(n->island, room);
    go_on(n);
}

static void end_one(void *arg, struct str key, void *value)
{
    struct node *n = arg;
    struct island_room *room = value;
    if (!room->ended || room->ending || n->island->travelling >= ROOMS_AT_ONCE)
        return;
    struct ending *e = mem_alloc(sizeof *e);
    e->node = n;
    memcpy(e->room_id, room->room_id, sizeof e->room_id);
    room->ending = true;
    n->island->travelling++;
    const struct transfer_base base = island_base(room);
    struct transfer_session sessions[TRANSFER_SESSIONS_MAX];
    for (size_t i = 0; i < room->session_count; i++)
        sessions[i] = (struct transfer_session){str_of(room->sessions[i].player_id),
                                                str_of(room->sessions[i].session_id)};
    transfer_end_room(&n->realm, key, &base, str_of(room->reason), str_of(room->result), sessions,
                      room->session_count, on_ended, e);
}

static void count_ended(void *arg, struct str key, void *value)
{
    (void)key;
    *(size_t *)arg += ((struct island_room *)value)->ended;
}

static void start_one(void *arg, struct str key, void *value)
{
    (void)key;
    struct node *n = arg;
    struct island_room *room = value;
    if (!room->journey && !room->ended && n->island->travelling < ROOMS_AT_ONCE && journey_ready(n, room))
        journey_start(n, room, go_on);
}

/* ---- players without a room ---- */

static void on_rejoined(void *arg, int err, const struct reply *reply)
{
    struct errand *e = arg;
    struct session *s = e->session;
    struct realm_outcome o = realm_outcome(err, reply);
    s->joining = false;
    if (o.err)
        s->doubt = true;
    else if (s->state != SESSION_CLOSED)
        waiting_read_join(e->node, s, o, reply, 0);
    errand_free(e);
}

/* What he is, the island knew better, unless the store has him in a room. */
static void settle(struct node *n, struct session *s, const struct passage *p)
{
    bool waits = s->state == SESSION_QUEUED;
    if (p->in_room) {
        attach_again(n, s);
        return;
    }
    if (p->queued && !(waits && p->same_ticket))
        queue_leave(s->realm, str_of(s->player_id), s->fence, p->level, NULL, NULL);
    if (!waits)
        return;
    s->joining = true;
    ticket_hand_in(s, s->ticket_id, s->level, QUEUE_ENTER, on_rejoined, errand_new(n, s));
}

static void on_passed(void *arg, const struct passage *p)
{
    struct node *n = arg;
    struct session *s = p->session;
    n->island->passengers--;
    if (p->end != PASSAGE_THERE || s->room) { /* matched here just before: he goes with his room */
        passage_stay(n, s);
        n->on_settled(n, s);
        return;
    }
    passage_arrive(n, s);
    if (s->state != SESSION_CLOSED)
        settle(n, s, p);
    n->on_settled(n, s);
    go_on(n);
}

struct islanders {
    struct node *node;
    size_t here; /* all who live on the island */
};

static bool goes_home(void *arg, struct session *s)
{
    struct islanders *all = arg;
    if (s->realm == &all->node->realm)
        return false;
    all->here++;
    bool roomless = s->state == SESSION_IDLE || s->state == SESSION_QUEUED;
    return roomless && !s->moving && !s->attaching && !s->joining;
}

/* Those who wait in the order in which they came. The number of those who live on the island. */
static size_t start_players(struct node *n)
{
    struct islanders all = {.node = n};
    size_t count;
    struct session **list = sessions_by_arrival(n->sessions, goes_home, &all, &count);
    for (size_t i = 0; i < count && n->island->passengers < PLAYERS_AT_ONCE; i++) {
        n->island->passengers++;
        passage_start(n, list[i], false, on_passed, n);
    }
    mem_free(list);
    return all.here;
}

static void begin(struct node *n)
{
    struct island *i = n->island;
    if (!i->leaving)
        log_info("island.leaving", KV_INT("rooms", map_count(i->rooms)),
                 KV("next", "rooms are written back, players attached to the store again"));
    i->leaving = true;
    i->open = false;
}

void homecoming_tick(struct node *n)
{
    struct island *i = n->island;
    if (!island_is(i) || !n->backend->ops->up(n->backend))
        return;
    begin(n);
    if (i->opened)
        withdraw(n);
    /* The renewal also tells whether the store has lost data; and a connection attached before it could be
     * swept by others. A detach there may be about to find out that its player has just been matched, and to
     * cancel that: rooms on their way stand still. */
    if (i->opened || lease_renewed_at_ms(n->lease) < i->cut_off_at_ms || i->attaching > 0 ||
        detaches_there(n->detaches) > 0)
        return;
    size_t ended = 0;
    map_each(i->rooms, end_one, n);
    map_each(i->rooms, count_ended, &ended);
    if (ended > 0)
        return;
    map_each(i->rooms, start_one, n);
    if (map_count(i->rooms) > 0)
        return;
    size_t here = start_players(n) + departed_go_home(n);
    if (here + i->travelling + i->passengers + i->attaching > 0)
        return;
    departed_clear(n->departed);
    island_end(i);
    log_info("island.ended", KV("next", "the store has everything again"));
}
