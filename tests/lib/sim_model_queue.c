/* The waiting lists in the model, entry by entry, as scripts/lib/match.lua keeps them. */
#include "tests/lib/sim_model_parts.h"

#include <stdlib.h>

#include "common/json.h"
#include "common/mem.h"

enum { DEAD_MAX = 64, EXPIRED_PER_CALL = 64 };

static struct model_queue *queue_of(struct sim_model *m, int64_t level)
{
    if (level < 0 || level > LEVELS_MAX)
        SIM_MODEL_FAIL(m, "there is no level %lld", (long long)level);
    return &m->queues[level];
}

static void insert(struct model_queue *q, size_t at, struct model_player *p)
{
    if (q->count == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 8;
        q->list = mem_resize(q->list, q->cap * sizeof *q->list);
    }
    memmove(q->list + at + 1, q->list + at, (q->count - at) * sizeof *q->list);
    q->list[at] = p;
    q->count++;
}

static void drop(struct model_queue *q, size_t count)
{
    if (count == 0)
        return;
    memmove(q->list, q->list + count, (q->count - count) * sizeof *q->list);
    q->count -= count;
}

void sim_model_queue_remove(struct sim_model *m, struct model_player *p)
{
    struct model_queue *q = queue_of(m, p->level);
    for (size_t i = 0; i < q->count; i++) {
        if (q->list[i] != p)
            continue;
        q->count--;
        memmove(q->list + i, q->list + i + 1, (q->count - i) * sizeof *q->list);
        return;
    }
}

void sim_model_queue_head(struct sim_model *m, struct model_player *p)
{
    insert(queue_of(m, p->level), 0, p);
}

static bool stands_before(const struct model_queue *q, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (q->list[i] == q->list[at])
            return true;
    return false;
}

bool sim_model_queue_take(struct sim_model *m, int64_t level, size_t want, const struct model_player *except)
{
    struct model_queue *q = queue_of(m, level);
    size_t at = 0, dead = 0;
    m->due_count = 0;
    for (; at < q->count && m->due_count < want && dead < DEAD_MAX; at++) {
        struct model_player *p = q->list[at];
        if (p != except && !stands_before(q, at) && p->state == WAITING && p->level == level &&
            sim_model_lives(m, str_of(p->instance)))
            m->due[m->due_count++] = p;
        else
            dead++;
    }
    drop(q, at);
    for (size_t i = m->due_count; m->due_count < want && i > 0; i--)
        insert(q, 0, m->due[i - 1]);
    return dead == DEAD_MAX && m->due_count < want;
}

/* ---- join ---- */

/* A ticket that was in a started room, was given up or has expired is over: it never waits again, and is in
 * no other match. */
static void enter(struct sim_model *m, struct model_player *p)
{
    const struct sim_call *c = m->call;
    if (p->state == FREE) { /* else it is only the same question again */
        if (map_find(m->over_tickets, str_of(c->ticket)))
            SIM_MODEL_FAIL(m, "player %s joins with ticket %s, which is over", p->id, c->ticket);
        m->sim->count.entered_again += c->how == QUEUE_ENTER;
        p->joined_ms = sim_model_now_ms(m) + c->since_ms;
        memcpy(p->session_ticket, c->ticket, sizeof p->session_ticket);
    }
    p->state = WAITING;
    p->lost = false;
    p->level = c->level;
    memcpy(p->ticket, c->ticket, sizeof p->ticket);
}

/* So many of those who are due came before him. */
static size_t came_before(const struct sim_model *m, const struct model_player *p)
{
    size_t before = m->due_count;
    while (before > 0 && m->due[before - 1]->joined_ms > p->joined_ms)
        before--;
    return before;
}

static void make_due(struct sim_model *m, struct model_player *p)
{
    size_t at = came_before(m, p);
    memmove(m->due + at + 1, m->due + at, (m->due_count - at) * sizeof *m->due);
    m->due[at] = p;
    m->due_count++;
}

/* In front of all who came later. Returns the place, from 1. */
static int64_t stand(struct sim_model *m, struct model_player *p)
{
    struct model_queue *q = queue_of(m, p->level);
    size_t before = came_before(m, p);
    if (before == m->due_count)
        before = q->count;
    insert(q, before, p);
    return (int64_t)before + 1;
}

static void joined(struct sim_model *m, struct model_player *p, struct str word, const struct reply *reply)
{
    size_t partners = (size_t)sim_model_rules(m)->seats - 1;
    bool again = p->state == WAITING, more = false;
    /* A list too short for a match is not read: its dead entries stay, and count as places. */
    bool read = queue_of(m, m->call->level)->count >= partners || again || m->call->since_ms != 0;
    if (again)
        sim_model_queue_remove(m, p);
    m->due_count = 0;
    if (read)
        more = sim_model_queue_take(m, m->call->level, partners, p);
    bool full = m->due_count == partners;
    sim_model_same_text(m, word, full ? "MATCHED" : "WAITING", "the answer");
    enter(m, p);
    if (full) {
        make_due(m, p);
        sim_model_same(m, (int64_t)reply_at(reply, 2)->count, 1, "number of events");
        sim_model_events(m, reply_at(reply, 2));
        sim_model_same_text(m, reply_str(reply, 1), p->room->id, "room");
    } else {
        sim_model_same(m, reply_int(reply, 1), stand(m, p), "place");
        sim_model_same(m, reply_int(reply, 2), more, "more");
    }
}

static void ran_join(struct sim_model *m, struct model_player *p, struct str word, const struct reply *reply)
{
    bool matched = str_eq(word, STR("MATCHED"));
    if (str_eq(word, STR("ALREADY_QUEUED"))) {
        sim_model_same_text(m, reply_str(reply, 1), p->ticket, "ticket");
    } else if (p->state == SEATED && (matched || str_eq(word, STR("ALREADY_IN_MATCH")))) {
        sim_model_same_text(m, reply_str(reply, 1), p->room->id, "room");
        sim_model_same(m, (int64_t)reply_at(reply, 2)->count, 0, "number of events");
    } else if (matched || str_eq(word, STR("WAITING"))) {
        joined(m, p, word, reply);
    }
}

/* ---- the others ---- */

static void ran_leave_queue(struct sim_model *m, struct model_player *p, struct str word,
                            const struct reply *reply)
{
    if (str_eq(word, STR("MATCHED")))
        sim_model_same_text(m, reply_str(reply, 1), p->room->id, "room");
    else if (str_eq(word, STR("AGAIN")))
        sim_model_same(m, reply_int(reply, 1), p->level, "level");
    if (!str_eq(word, STR("LEFT")))
        return;
    sim_model_queue_remove(m, p);
    if (!m->call->home) /* else it went on elsewhere */
        map_put(m->over_tickets, str_of(p->ticket), m);
    sim_model_idle(p);
}

static void ran_match(struct sim_model *m, struct str word, const struct reply *reply)
{
    size_t seats = (size_t)sim_model_rules(m)->seats;
    bool more = sim_model_queue_take(m, m->call->level, seats, NULL);
    bool full = m->due_count == seats;
    sim_model_same_text(m, word, full ? "MATCHED" : "NONE", "the answer");
    if (full)
        sim_model_events(m, reply_at(reply, 2));
    else
        sim_model_same(m, reply_int(reply, 1), more, "more");
}

/* The message that tells of it: in the answer if he is the caller's own, else published to his instance. */
static bool told_expired(struct sim_model *m, const struct model_player *p, const struct reply *events)
{
    struct str text = {0};
    bool mine = strcmp(p->instance, sim_model_origin(m)) == 0;
    for (size_t i = 0; i < (mine ? events->count : m->told_count); i++) {
        struct room_event e;
        struct json_object data;
        struct str player, ticket, socket;
        const char *why;
        text = mine ? reply_str(events, i) : str_of(m->told[i].text);
        if ((mine || strcmp(m->told[i].to, p->instance) == 0) && events_parse(text, &e, &why) &&
            str_eq(e.event, STR("ticketExpired")) && json_object_scan(e.data, &data, &why) &&
            json_as_plain(json_get(&data, "playerId", NULL), &player) && str_eq(player, str_of(p->id)) &&
            json_as_plain(json_get(&data, "ticketId", NULL), &ticket) && str_eq(ticket, str_of(p->ticket)) &&
            json_as_plain(json_get(&data, "socketId", NULL), &socket) && str_eq(socket, str_of(p->socket)))
            return true;
    }
    return false;
}

static void ran_expire(struct sim_model *m, const struct reply *reply)
{
    struct model_queue *q = queue_of(m, m->call->level);
    int64_t ttl = sim_model_rules(m)->ticket_ttl_ms;
    size_t expired = 0, elsewhere = 0;
    for (int i = 0; i < EXPIRED_PER_CALL && q->count > 0; i++) {
        struct model_player *p = q->list[0];
        bool waits = p->state == WAITING && p->level == m->call->level;
        if (waits && p->joined_ms + ttl > sim_model_now_ms(m))
            break;
        drop(q, 1);
        if (!waits)
            continue;
        sim_model_expect(m, told_expired(m, p, reply_at(reply, 1)), p, "nothing of his ticket's end");
        expired++;
        elsewhere += strcmp(p->instance, sim_model_origin(m)) != 0;
        map_put(m->over_tickets, str_of(p->ticket), m);
        sim_model_idle(p);
    }
    sim_model_same(m, (int64_t)(reply_at(reply, 1)->count + m->told_count), (int64_t)expired,
                   "number of expired tickets");
    sim_model_same(m, (int64_t)m->told_count, (int64_t)elsewhere, "number of them elsewhere");
    m->sim->count.expired += (int64_t)expired;
}

void sim_model_queue_ran(struct sim_model *m, struct model_player *p, struct str word,
                         const struct reply *reply)
{
    if (m->call->kind == SIM_JOIN)
        ran_join(m, p, word, reply);
    else if (m->call->kind == SIM_LEAVE_QUEUE)
        ran_leave_queue(m, p, word, reply);
    else if (m->call->kind == SIM_MATCH)
        ran_match(m, word, reply);
    else
        ran_expire(m, reply);
}
