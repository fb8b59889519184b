/* Follows every script with a model of its own and compares.
 *
 * Players: free -> waiting (join) -> seated (matchFound) -> free; matchCancelled leads back to waiting or
 * free. Rooms: all their events, numbered without a gap. A ticket that was in a started room never appears in
 * another match, unless its instance has handed it in again: after a thaw or a long silence it may believe
 * that the store has lost it. The rules cannot know better; such cases are counted. */
#include "tests/lib/sim_model_room.h"

#include "common/json.h"
#include "common/mem.h"

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

static void free_room(void *arg, struct str key, void *value)
{
    (void)arg;
    (void)key;
    sim_model_room_free(value);
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

struct model_player *sim_model_player_of(struct sim_model *m, struct str id)
{
    struct model_player *p = map_find(m->players, id);
    if (p)
        return p;
    p = mem_alloc(sizeof *p);
    (void)str_copy(p->id, sizeof p->id, id);
    map_put(m->players, id, p);
    return p;
}

struct model_room *sim_model_room_of(struct sim_model *m, struct str id)
{
    return map_find(m->rooms, id);
}

static const char *state_name(const struct model_player *p)
{
    static const char *const names[] = {"free", "waiting", "away", "seated"};
    return names[p->state];
}

void sim_model_expect(struct sim_model *m, bool good, const struct model_player *p, const char *answer)
{
    if (!good)
        SIM_MODEL_FAIL(m, "%s answers %s, but player %s is %s (ticket %s, level %lld, room %s)",
                       sim_call_name(m->call->kind), answer, p->id, state_name(p), p->ticket,
                       (long long)p->level, p->room ? p->room->id : "-");
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

bool sim_model_lives(struct sim_model *m, struct str instance_id)
{
    return *lease_of(m, instance_id) > sim_now_ms(m->sim);
}

/* ---- answers ---- */

static void wait_with(struct sim_model *m, struct model_player *p)
{
    const struct sim_call *c = m->call;
    sim_model_expect(m,
                     p->state == FREE ||
                         (p->state == WAITING && strcmp(p->ticket, c->ticket) == 0 && p->level == c->level),
                     p, "that he waits");
    if (!sim_model_lives(m, str_of(c->gateway->realm.instance_id)))
        SIM_MODEL_FAIL(m, "player %s joins at %s, whose lease is over", p->id, c->gateway->realm.instance_id);
    if (p->state == FREE) { /* else it is only the same question again */
        bool used = map_find(m->started_tickets, str_of(c->ticket)) != NULL;
        if (used && !c->again)
            SIM_MODEL_FAIL(m, "player %s joins with ticket %s, which is used", p->id, c->ticket);
        m->sim->count.used_again += used;
        p->joined_ms = sim_now_ms(m->sim);
        p->handed_in_again = used;
    }
    p->state = WAITING;
    p->level = c->level;
    memcpy(p->ticket, c->ticket, sizeof p->ticket);
}

static void ran_join(struct sim_model *m, struct model_player *p, struct str word, const struct reply *reply)
{
    struct str second = reply_str(reply, 1);
    if (str_eq(word, STR("WAITING"))) {
        wait_with(m, p);
    } else if (str_eq(word, STR("MATCHED")) && p->state == SEATED) { /* an answer that was lost */
        sim_model_expect(m,
                         strcmp(p->ticket, m->call->ticket) == 0 && str_eq(second, str_of(p->room->id)) &&
                             reply_at(reply, 2)->count == 0,
                         p, "MATCHED");
    } else if (str_eq(word, STR("MATCHED"))) {
        wait_with(m, p);
        sim_model_events(m, reply_at(reply, 2));
        sim_model_expect(m, p->state == SEATED, p, "MATCHED");
    } else if (str_eq(word, STR("ALREADY_QUEUED"))) {
        sim_model_expect(m, p->state == WAITING && str_eq(second, str_of(p->ticket)), p, "ALREADY_QUEUED");
    } else if (str_eq(word, STR("ALREADY_IN_MATCH"))) {
        sim_model_expect(m, p->state == SEATED && str_eq(second, str_of(p->room->id)), p, "ALREADY_IN_MATCH");
    } else if (str_eq(word, STR("LEASE"))) {
        if (sim_model_lives(m, str_of(m->call->gateway->realm.instance_id)))
            SIM_MODEL_FAIL(m, "a join is refused for a lease that is not over");
    }
}

static void set_free(struct model_player *p)
{
    p->state = FREE;
    p->room = NULL;
}

static void ran_leave_queue(struct sim_model *m, struct model_player *p, struct str word)
{
    if (str_eq(word, STR("LEFT"))) {
        sim_model_expect(m, p->state == WAITING, p, "LEFT");
        set_free(p);
    } else if (str_eq(word, STR("NOT_QUEUED"))) {
        sim_model_expect(m, p->state == FREE, p, "NOT_QUEUED");
    } else if (str_eq(word, STR("MATCHED"))) {
        sim_model_expect(m, p->state == SEATED, p, "MATCHED");
    } else if (str_eq(word, STR("AGAIN"))) {
        sim_model_expect(m, p->state == WAITING && p->level != m->call->level, p, "AGAIN");
    }
}

static void ran_attach(struct sim_model *m, struct model_player *p, const struct reply *reply)
{
    struct presence_attached now;
    presence_attached(reply, &now);
    if (str_eq(now.state, STR("idle")))
        sim_model_expect(m, p->state == FREE, p, "idle");
    else if (str_eq(now.state, STR("queued"))) {
        sim_model_expect(
            m, (p->state == WAITING || p->state == AWAY) && str_eq(now.ticket_id, str_of(p->ticket)), p,
            "queued");
        p->state = WAITING;
    } else
        sim_model_expect(m, p->state == SEATED && str_eq(now.room_id, str_of(p->room->id)), p, "room");
}

static void ran_detach(struct sim_model *m, struct model_player *p, const struct reply *reply)
{
    struct str what = reply_str(reply, 3);
    if (str_eq(what, STR("queued"))) {
        sim_model_expect(m, p->state == WAITING, p, "queued");
        p->state = AWAY;
    } else if (str_eq(what, STR("idle"))) {
        sim_model_expect(m, p->state == FREE, p, "idle");
    } else if (str_eq(what, STR("seat"))) {
        sim_model_expect(m, p->state == SEATED, p, "seat");
    }
    sim_model_events(m, reply_at(reply, 2));
}

static void ran_set(struct sim_model *m, struct model_player *p, struct str word, const struct reply *reply)
{
    struct model_room *r = sim_model_room_of(m, str_of(m->call->room));
    int64_t *version = m->call->game && r ? &r->version : &p->version;
    if (str_eq(word, STR("STALE_VERSION")) &&
        (*version == m->call->number || reply_int(reply, 1) != *version))
        SIM_MODEL_FAIL(m, "version %lld is called stale, the truth is %lld", (long long)m->call->number,
                       (long long)*version);
    if (!str_eq(word, STR("OK")))
        return;
    if (reply_int(reply, 1) != *version + 1 || (m->call->number >= 0 && m->call->number != *version))
        SIM_MODEL_FAIL(m, "version %lld becomes %lld (expected %lld)", (long long)*version,
                       (long long)reply_int(reply, 1), (long long)m->call->number);
    ++*version;
    sim_model_events(m, reply_at(reply, 3));
}

/* What was said when this request of p was done; NULL: it was not done, or is too old. */
static const int64_t *answer_of(const struct model_player *p, int64_t request)
{
    for (size_t i = 0; i < REQUESTS_KEPT && i < p->done_count; i++)
        if (p->done[i].request == request)
            return &p->done[i].answer;
    return NULL;
}

static int64_t oldest_done(const struct model_player *p)
{
    return p->done_count < REQUESTS_KEPT ? 0 : p->done[p->done_count % REQUESTS_KEPT].request;
}

/* A request may come again, by another way, long after it was done; a new one is always the newest. */
static void ran_request(struct sim_model *m, struct model_player *p, struct str word,
                        const struct reply *reply)
{
    const struct sim_call *c = m->call;
    const int64_t *before = answer_of(p, c->request);
    bool done = str_eq(word, STR("DONE")), unknown = str_eq(word, STR("OUTCOME_UNKNOWN"));
    if (done != (before != NULL) || (done && *before != reply_int(reply, 1)) ||
        (unknown && c->request >= oldest_done(p)))
        SIM_MODEL_FAIL(m, "request %lld of %s answers %.*s %lld; it was %s (%lld)", (long long)c->request,
                       p->id, (int)word.n, word.p, (long long)reply_int(reply, 1),
                       before ? "done" : "not done", before ? (long long)*before : 0);
    if (!str_eq(word, STR("OK")))
        return;
    size_t last = (p->done_count + REQUESTS_KEPT - 1) % REQUESTS_KEPT;
    if (p->done_count && p->done[last].request >= c->request)
        SIM_MODEL_FAIL(m, "request %lld of %s is done after number %lld", (long long)c->request, p->id,
                       (long long)p->done[last].request);
    p->done[p->done_count % REQUESTS_KEPT].request = c->request;
    p->done[p->done_count++ % REQUESTS_KEPT].answer = c->kind == SIM_LEAVE_ROOM ? 0 : reply_int(reply, 1);
}

static void refused_in_room(struct sim_model *m, struct model_player *p, struct str word)
{
    const struct sim_call *c = m->call;
    const struct model_room *r = sim_model_room_of(m, str_of(c->room));
    bool lives = r && !r->ended;
    bool his = p->state == SEATED && p->room == r;
    if ((str_eq(word, STR("ROOM_NOT_FOUND")) && (c->kind == SIM_RESEAT ? his : lives)) ||
        (str_eq(word, STR("NOT_IN_ROOM")) && !lives) ||
        (str_eq(word, STR("NOT_STARTED")) && !(his && !r->active)))
        SIM_MODEL_FAIL(m, "%s of %s answers %.*s; the room %s, %s, he is %s", sim_call_name(c->kind), p->id,
                       (int)word.n, word.p, lives ? "lives" : "has ended",
                       r && r->active ? "active" : "not started", state_name(p));
}

static void ran_in_room(struct sim_model *m, struct model_player *p, struct str word,
                        const struct reply *reply)
{
    const struct sim_call *c = m->call;
    if (c->request)
        ran_request(m, p, word, reply);
    if (!str_eq(word, STR("OK"))) {
        refused_in_room(m, p, word);
        return;
    }
    sim_model_expect(m, p->state == SEATED && strcmp(p->room->id, c->room) == 0, p, "OK");
    if (c->kind == SIM_SET)
        ran_set(m, p, word, reply);
    else if (c->kind == SIM_MESSAGE)
        sim_model_event(m, reply_str(reply, 2));
    else
        sim_model_events(m, reply_at(reply, c->kind == SIM_RESEAT ? 7 : 2));
    if (c->kind == SIM_LEAVE_ROOM)
        sim_model_expect(m, p->state == FREE, p, "that he has left");
}

static void ran_timer(struct sim_model *m)
{
    struct timer_entry entry;
    if (!timers_parse(str_of(m->call->text), &entry) || !str_eq(entry.kind, STR("queue")))
        return;
    struct model_player *p = sim_model_player_of(m, entry.player_id);
    sim_model_expect(m, p->state == AWAY, p, "that nobody came back");
    set_free(p);
}

/* The only one to tell of an expired ticket is this event. */
static void ticket_expired(struct sim_model *m, const struct room_event *e)
{
    struct json_object data;
    struct str player, ticket;
    const char *why;
    if (!json_object_scan(e->data, &data, &why) ||
        !json_as_plain(json_get(&data, "playerId", NULL), &player) ||
        !json_as_plain(json_get(&data, "ticketId", NULL), &ticket))
        SIM_MODEL_FAIL(m, "ticketExpired without player and ticket");
    struct model_player *p = sim_model_player_of(m, player);
    int64_t ttl_ms = m->sim->gateways[0]->realm.rules.ticket_ttl_ms;
    if (p->state != WAITING || !str_eq(ticket, str_of(p->ticket)) ||
        p->joined_ms + ttl_ms > sim_now_ms(m->sim))
        SIM_MODEL_FAIL(m, "ticket %s of %s expires; he is %s since %lld ms", p->ticket, p->id, state_name(p),
                       (long long)(sim_now_ms(m->sim) - p->joined_ms));
    m->sim->count.expired++;
    set_free(p);
}

void sim_model_published(struct sim_model *m, struct str message)
{
    struct room_event e;
    const char *why;
    if (!events_parse(message, &e, &why))
        SIM_MODEL_FAIL(m, "a message cannot be read (%s): %.*s", why, (int)message.n, message.p);
    if (str_eq(e.event, STR("ticketExpired")))
        ticket_expired(m, &e);
}

void sim_model_ran(struct sim_model *m, const struct sim_call *c, const struct reply *reply)
{
    struct model_player *p = sim_model_player_of(m, str_of(c->player));
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
    case SIM_EXPIRE:
        for (size_t i = 0; i < reply_at(reply, 1)->count; i++)
            sim_model_published(m, reply_str(reply_at(reply, 1), i));
        break;
    case SIM_FIRE:
        if (str_eq(word, STR("OK")))
            ran_timer(m);
        /* fall through */
    case SIM_MATCH:
        sim_model_events(m, reply_at(reply, 2));
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
    struct model_room *r = sim_model_room_of(m, e->room_id);
    if (!r || e->seq < 1 || e->seq > (int64_t)r->count || !str_eq(e->text, str_of(r->events[e->seq - 1])))
        SIM_MODEL_FAIL(m, "a gateway delivers what was never written: %.*s", (int)e->text.n, e->text.p);
}

int64_t sim_model_seq(struct sim_model *m, const char *room_id)
{
    const struct model_room *r = sim_model_room_of(m, str_of(room_id));
    return r ? (int64_t)r->count : -1;
}

bool sim_model_ended(struct sim_model *m, const char *room_id)
{
    const struct model_room *r = sim_model_room_of(m, str_of(room_id));
    return !r || r->ended;
}

static void forget_ended(void *arg, struct str key, void *value)
{
    struct sim_model *m = arg;
    struct model_room *r = value;
    if (!r->ended)
        return;
    (void)map_remove(m->rooms, key);
    sim_model_room_free(r);
}

void sim_model_forget_ended(struct sim_model *m)
{
    map_each(m->rooms, forget_ended, m);
}

const char *sim_model_player(struct sim_model *m, const char *player_id, const char **room_id)
{
    struct model_player *p = sim_model_player_of(m, str_of(player_id));
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
