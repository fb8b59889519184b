/* Follows every script with a model of its own and compares.
 *
 * Players: free -> waiting (join) -> seated (matchFound) -> free; matchCancelled leads back to waiting or
 * free. Rooms: all their events, numbered without a gap. A ticket that was in a started room never appears in
 * another match, except for a ghost: a connection whose client went elsewhere long ago, thawed with its
 * instance, which hands its ticket in again. */
#include "tests/lib/sim_model.h"

#include "common/json.h"
#include "common/map.h"
#include "common/mem.h"
#include "tests/lib/sim_gateway.h"

enum { SEATS_MAX = 64 };

struct model_player {
    char id[ID_SIZE], ticket[ID_SIZE];
    enum { FREE, WAITING, SEATED } state;
    int64_t level, version;
    bool ghost;
    struct model_room *room; /* SEATED */
};

struct model_room {
    char id[ID_SIZE];
    bool active, ending, ended;
    int64_t level, version;
    struct model_player *members[SEATS_MAX];
    size_t member_count;
    char **events; /* owned texts; number n is events[n - 1] */
    size_t count, cap;
};

struct sim_model {
    struct sim *sim;
    struct map *players, *rooms, *leases, *started_tickets;
    size_t matches, started, remote, live_rooms;
    const struct sim_call *call; /* the one that is looked at */
};

struct sim_model *sim_model_new(struct sim *s)
{
    struct sim_model *m = mem_alloc(sizeof *m);
    m->sim = s;
    m->players = map_new();
    m->rooms = map_new();
    m->leases = map_new();
    m->started_tickets = map_new();
    return m;
}

static void room_free(struct model_room *r)
{
    for (size_t i = 0; i < r->count; i++)
        mem_free(r->events[i]);
    mem_free(r->events);
    mem_free(r);
}

static void free_room(void *arg, struct str key, void *value)
{
    (void)arg;
    (void)key;
    room_free(value);
}

static void free_value(void *arg, struct str key, void *value)
{
    (void)arg;
    (void)key;
    mem_free(value);
}

void sim_model_free(struct sim_model *m)
{
    map_each(m->rooms, free_room, NULL);
    map_each(m->players, free_value, NULL);
    map_each(m->leases, free_value, NULL);
    map_free(m->rooms);
    map_free(m->players);
    map_free(m->leases);
    map_free(m->started_tickets);
    mem_free(m);
}

static struct model_player *player_of(struct sim_model *m, struct str id)
{
    struct model_player *p = map_find(m->players, id);
    if (p)
        return p;
    p = mem_alloc(sizeof *p);
    (void)str_copy(p->id, sizeof p->id, id);
    map_put(m->players, id, p);
    return p;
}

static struct model_room *room_of(struct sim_model *m, struct str id)
{
    return map_find(m->rooms, id);
}

static const char *state_name(const struct model_player *p)
{
    static const char *const names[] = {"free", "waiting", "seated"};
    return names[p->state];
}

#define FAIL(m, ...) sim_fail((m)->sim, __VA_ARGS__)

static void expect(struct sim_model *m, bool good, const struct model_player *p, const char *answer)
{
    if (!good)
        FAIL(m, "%s answers %s, but player %s is %s (ticket %s, level %lld, room %s)",
             sim_call_name(m->call->kind), answer, p->id, state_name(p), p->ticket, (long long)p->level,
             p->room ? p->room->id : "-");
}

/* ---- leases ---- */

static int64_t *lease_of(struct sim_model *m, struct str instance_id)
{
    int64_t *until = map_find(m->leases, instance_id);
    if (!until) {
        until = mem_alloc(sizeof *until);
        map_put(m->leases, instance_id, until);
    }
    return until;
}

static bool lives(struct sim_model *m, struct str instance_id)
{
    return *lease_of(m, instance_id) > sim_now_ms(m->sim);
}

/* ---- events ---- */

static void set_free(struct model_player *p)
{
    p->state = FREE;
    p->room = NULL;
}

static void match_found(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    struct event_seat seat;
    struct str first = {0};
    bool remote = false;
    for (struct str place = e->place; events_next_seat(&place, &seat);) {
        struct model_player *p = player_of(m, seat.player_id);
        expect(m, p->state == WAITING, p, "a match with him");
        if (!lives(m, seat.instance_id))
            FAIL(m, "player %s is matched on instance %.*s, whose lease is over", p->id,
                 (int)seat.instance_id.n, seat.instance_id.p);
        if (!p->ghost && map_find(m->started_tickets, str_of(p->ticket)))
            FAIL(m, "player %s is matched a second time on ticket %s", p->id, p->ticket);
        if (r->member_count > 0 && p->level != r->level)
            FAIL(m, "player %s of level %lld is matched at level %lld", p->id, (long long)p->level,
                 (long long)r->level);
        r->level = p->level;
        remote = remote || (first.n && !str_eq(first, seat.instance_id));
        first = seat.instance_id;
        p->state = SEATED; /* a second seat of the same player would fail above */
        p->room = r;
        p->version = 0;
        r->members[r->member_count++] = p;
    }
    if ((int64_t)r->member_count != m->sim->o.seats)
        FAIL(m, "room %s has %zu seats", r->id, r->member_count);
    m->matches++;
    m->remote += remote;
    m->live_rooms++;
}

static void game_start(struct sim_model *m, struct model_room *r)
{
    if (r->active)
        FAIL(m, "room %s starts twice", r->id);
    r->active = true;
    m->started++;
    for (size_t i = 0; i < r->member_count; i++)
        map_put(m->started_tickets, str_of(r->members[i]->ticket), m);
}

static void ended(struct sim_model *m, struct model_room *r)
{
    r->ended = true;
    r->member_count = 0;
    m->live_rooms--;
}

static void match_cancelled(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    if (r->active)
        FAIL(m, "room %s has started and is cancelled", r->id);
    for (size_t i = 0; i < r->member_count; i++)
        set_free(r->members[i]);
    for (struct str rest = e->requeued; rest.n;) {
        struct model_player *p = player_of(m, str_cut(&rest, ' '));
        p->state = WAITING;
    }
    ended(m, r);
}

static size_t seat_of(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    struct json_object data;
    struct str id = {0};
    const char *why;
    if (!json_object_scan(e->data, &data, &why) || !json_as_plain(json_get(&data, "playerId", NULL), &id))
        FAIL(m, "%.*s has no playerId", (int)e->event.n, e->event.p);
    for (size_t i = 0; i < r->member_count; i++)
        if (str_eq(str_of(r->members[i]->id), id))
            return i;
    FAIL(m, "%.*s of room %s is about %.*s, who has no seat", (int)e->event.n, e->event.p, r->id, (int)id.n,
         id.p);
}

static void apply(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    bool start = str_eq(e->event, STR("matchFound"));
    if (start != (r->count == 0) || r->ended || (r->ending && !str_eq(e->event, STR("roomCleanup"))))
        FAIL(m, "room %s says %.*s after its end or before its beginning", r->id, (int)e->event.n,
             e->event.p);
    if (start) {
        match_found(m, r, e);
    } else if (str_eq(e->event, STR("gameStart"))) {
        game_start(m, r);
    } else if (str_eq(e->event, STR("matchCancelled"))) {
        match_cancelled(m, r, e);
    } else if (str_eq(e->event, STR("playerLeft"))) {
        size_t seat = seat_of(m, r, e);
        set_free(r->members[seat]);
        r->members[seat] = r->members[--r->member_count];
    } else if (str_eq(e->event, STR("gameEnd"))) {
        r->ending = true;
    } else if (str_eq(e->event, STR("roomCleanup"))) {
        for (size_t i = 0; i < r->member_count; i++)
            set_free(r->members[i]);
        ended(m, r);
    } else if (str_eq(e->event, STR("opponentDisconnected")) ||
               str_eq(e->event, STR("opponentReconnected"))) {
        (void)seat_of(m, r, e);
    } else if (!r->active) {
        FAIL(m, "room %s says %.*s before it has started", r->id, (int)e->event.n, e->event.p);
    }
}

static void keep(struct model_room *r, struct str text)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 8;
        r->events = mem_resize(r->events, r->cap * sizeof *r->events);
    }
    r->events[r->count++] = mem_copy(text.p, text.n);
}

static void on_event(struct sim_model *m, struct str text)
{
    struct room_event e;
    const char *why;
    if (!events_parse(text, &e, &why))
        FAIL(m, "an event cannot be read (%s): %.*s", why, (int)text.n, text.p);
    struct model_room *r = room_of(m, e.room_id);
    if (!r) {
        r = mem_alloc(sizeof *r);
        (void)str_copy(r->id, sizeof r->id, e.room_id);
        map_put(m->rooms, e.room_id, r);
    }
    if (e.seq != (int64_t)r->count + 1)
        FAIL(m, "room %s: event %lld follows event %zu", r->id, (long long)e.seq, r->count);
    if (e.timestamp_ms != sim_now_ms(m->sim) ||
        !str_eq(e.origin_instance_id, str_of(m->call->gateway->realm.instance_id)))
        FAIL(m, "an event of another time or origin: %.*s", (int)text.n, text.p);
    apply(m, r, &e);
    keep(r, text);
}

static void on_events(struct sim_model *m, const struct reply *events)
{
    for (size_t i = 0; i < events->count; i++)
        on_event(m, reply_str(events, i));
}

/* ---- answers ---- */

static void wait_with(struct sim_model *m, struct model_player *p)
{
    const struct sim_call *c = m->call;
    expect(m,
           p->state == FREE ||
               (p->state == WAITING && strcmp(p->ticket, c->ticket) == 0 && p->level == c->level),
           p, "that he waits");
    if (!lives(m, str_of(c->gateway->realm.instance_id)))
        FAIL(m, "player %s joins at %s, whose lease is over", p->id, c->gateway->realm.instance_id);
    if (p->state == FREE)
        p->ghost = c->ghost;
    p->state = WAITING;
    p->level = c->level;
    memcpy(p->ticket, c->ticket, sizeof p->ticket);
}

static void ran_join(struct sim_model *m, struct model_player *p, struct str word, const struct reply *reply)
{
    struct str second = reply_str(reply, 1);
    if (str_eq(word, STR("WAITING"))) {
        wait_with(m, p);
    } else if (str_eq(word, STR("MATCHED"))) {
        wait_with(m, p);
        on_events(m, reply_at(reply, 2));
        expect(m, p->state == SEATED, p, "MATCHED");
    } else if (str_eq(word, STR("ALREADY_QUEUED"))) {
        expect(m, p->state == WAITING && str_eq(second, str_of(p->ticket)), p, "ALREADY_QUEUED");
    } else if (str_eq(word, STR("ALREADY_IN_MATCH"))) {
        expect(m, p->state == SEATED && str_eq(second, str_of(p->room->id)), p, "ALREADY_IN_MATCH");
    } else if (str_eq(word, STR("LEASE"))) {
        if (lives(m, str_of(m->call->gateway->realm.instance_id)))
            FAIL(m, "a join is refused for a lease that is not over");
    }
}

static void ran_leave_queue(struct sim_model *m, struct model_player *p, struct str word)
{
    if (str_eq(word, STR("LEFT"))) {
        expect(m, p->state == WAITING, p, "LEFT");
        set_free(p);
    } else if (str_eq(word, STR("NOT_QUEUED"))) {
        expect(m, p->state == FREE, p, "NOT_QUEUED");
    } else if (str_eq(word, STR("MATCHED"))) {
        expect(m, p->state == SEATED, p, "MATCHED");
    } else if (str_eq(word, STR("AGAIN"))) {
        expect(m, p->state == WAITING && p->level != m->call->level, p, "AGAIN");
    }
}

static void ran_attach(struct sim_model *m, struct model_player *p, const struct reply *reply)
{
    struct presence_attached now;
    presence_attached(reply, &now);
    if (str_eq(now.state, STR("idle")))
        expect(m, p->state == FREE, p, "idle");
    else if (str_eq(now.state, STR("queued")))
        expect(m, p->state == WAITING && str_eq(now.ticket_id, str_of(p->ticket)), p, "queued");
    else
        expect(m, p->state == SEATED && str_eq(now.room_id, str_of(p->room->id)), p, "room");
}

static void ran_detach(struct sim_model *m, struct model_player *p, const struct reply *reply)
{
    struct str what = reply_str(reply, 3);
    if (str_eq(what, STR("queued"))) {
        expect(m, p->state == WAITING, p, "queued");
        set_free(p);
    } else if (str_eq(what, STR("idle"))) {
        expect(m, p->state == FREE, p, "idle");
    } else if (str_eq(what, STR("seat"))) {
        expect(m, p->state == SEATED, p, "seat");
    }
    on_events(m, reply_at(reply, 2));
}

static void ran_set(struct sim_model *m, struct model_player *p, struct str word, const struct reply *reply)
{
    struct model_room *r = room_of(m, str_of(m->call->room));
    int64_t *version = m->call->game && r ? &r->version : &p->version;
    if (str_eq(word, STR("STALE_VERSION")) &&
        (*version == m->call->number || reply_int(reply, 1) != *version))
        FAIL(m, "version %lld is called stale, the truth is %lld", (long long)m->call->number,
             (long long)*version);
    if (!str_eq(word, STR("OK")))
        return;
    if (reply_int(reply, 1) != *version + 1 || (m->call->number >= 0 && m->call->number != *version))
        FAIL(m, "version %lld becomes %lld (expected %lld)", (long long)*version,
             (long long)reply_int(reply, 1), (long long)m->call->number);
    ++*version;
    on_events(m, reply_at(reply, 3));
}

static void ran_in_room(struct sim_model *m, struct model_player *p, struct str word,
                        const struct reply *reply)
{
    const struct sim_call *c = m->call;
    if (!str_eq(word, STR("OK")))
        return;
    expect(m, p->state == SEATED && strcmp(p->room->id, c->room) == 0, p, "OK");
    if (c->kind == SIM_SET)
        ran_set(m, p, word, reply);
    else if (c->kind == SIM_MESSAGE)
        on_event(m, reply_str(reply, 2));
    else
        on_events(m, reply_at(reply, c->kind == SIM_RESEAT ? 7 : 2));
    if (c->kind == SIM_LEAVE_ROOM)
        expect(m, p->state == FREE, p, "that he has left");
}

void sim_model_ran(struct sim_model *m, const struct sim_call *c, const struct reply *reply)
{
    struct model_player *p = player_of(m, str_of(c->player));
    struct str word = reply_str(reply, 0);
    m->call = c;
    switch (c->kind) {
    case SIM_JOIN:
        ran_join(m, p, word, reply);
        break;
    case SIM_LEAVE_QUEUE:
        ran_leave_queue(m, p, word);
        break;
    case SIM_ATTACH:
        if (str_eq(word, STR("OK")))
            ran_attach(m, p, reply);
        break;
    case SIM_DETACH:
        if (str_eq(word, STR("OK")))
            ran_detach(m, p, reply);
        break;
    case SIM_SET:
        if (str_eq(word, STR("STALE_VERSION")))
            ran_set(m, p, word, reply);
        /* fall through */
    case SIM_RESEAT:
    case SIM_CONFIRM:
    case SIM_MESSAGE:
    case SIM_LEAVE_ROOM:
    case SIM_END:
        ran_in_room(m, p, word, reply);
        break;
    case SIM_MATCH:
    case SIM_FIRE:
        on_events(m, reply_at(reply, 2));
        break;
    case SIM_BEAT:
        *lease_of(m, str_of(c->gateway->realm.instance_id)) =
            sim_now_ms(m->sim) + c->gateway->realm.rules.lease_ms;
        break;
    case SIM_RETIRE:
        if (str_eq(word, STR("OK")))
            *lease_of(m, str_of(c->owner)) = 0;
        break;
    default:
        break;
    }
}

/* ---- questions ---- */

void sim_model_delivered(struct sim_model *m, const struct room_event *e)
{
    struct model_room *r = room_of(m, e->room_id);
    if (!r || e->seq < 1 || e->seq > (int64_t)r->count || !str_eq(e->text, str_of(r->events[e->seq - 1])))
        FAIL(m, "a gateway delivers what was never written: %.*s", (int)e->text.n, e->text.p);
}

int64_t sim_model_seq(struct sim_model *m, const char *room_id)
{
    const struct model_room *r = room_of(m, str_of(room_id));
    return r ? (int64_t)r->count : -1;
}

bool sim_model_ended(struct sim_model *m, const char *room_id)
{
    const struct model_room *r = room_of(m, str_of(room_id));
    return !r || r->ended;
}

static void forget_ended(void *arg, struct str key, void *value)
{
    struct sim_model *m = arg;
    struct model_room *r = value;
    if (!r->ended)
        return;
    (void)map_remove(m->rooms, key);
    room_free(r);
}

void sim_model_forget_ended(struct sim_model *m)
{
    map_each(m->rooms, forget_ended, m);
}

const char *sim_model_player(struct sim_model *m, const char *player_id, const char **room_id)
{
    struct model_player *p = player_of(m, str_of(player_id));
    if (room_id)
        *room_id = p->room ? p->room->id : "";
    return state_name(p);
}

size_t sim_model_matches(const struct sim_model *m)
{
    return m->matches;
}
size_t sim_model_started(const struct sim_model *m)
{
    return m->started;
}
size_t sim_model_remote_matches(const struct sim_model *m)
{
    return m->remote;
}
size_t sim_model_live_rooms(const struct sim_model *m)
{
    return m->live_rooms;
}
