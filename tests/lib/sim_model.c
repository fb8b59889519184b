/* The life of the model, its copies, and who follows which answer. */
#include "tests/lib/sim_model_parts.h"

#include "common/mem.h"
#include "tests/lib/fleet_text.h"

/* ---- life ---- */

static void make_maps(struct sim_model *m)
{
    m->players = map_new();
    m->rooms = map_new();
    m->instances = map_new();
    m->sockets = map_new();
    m->over_tickets = map_new();
    m->heard = map_new();
    m->said = map_new();
}

struct sim_model *sim_model_new(struct sim *s)
{
    struct sim_model *m = mem_alloc(sizeof *m);
    m->sim = s;
    m->lost = map_new();
    m->lost_names = map_new();
    make_maps(m);
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

static void free_maps(struct sim_model *m)
{
    map_each(m->rooms, free_room, NULL);
    map_each(m->players, free_value, NULL);
    map_each(m->instances, free_value, NULL);
    map_each(m->sockets, free_value, NULL);
    map_free(m->rooms);
    map_free(m->players);
    map_free(m->instances);
    map_free(m->sockets);
    map_free(m->over_tickets);
    map_free(m->heard);
    map_free(m->said);
    for (int level = 0; level <= LEVELS_MAX; level++)
        mem_free(m->queues[level].list);
}

void sim_model_free(struct sim_model *m)
{
    if (!m)
        return;
    free_maps(m);
    map_free(m->lost);
    map_free(m->lost_names);
    mem_free(m->told);
    mem_free(m);
}

/* ---- loss ---- */

struct loss {
    struct sim_model *model;
    struct map *kept; /* rooms; NULL: none */
};

static void lose_room(void *arg, struct str key, void *value)
{
    struct loss *loss = arg;
    struct sim_model *m = loss->model;
    const struct model_room *r = value, *kept = loss->kept ? map_find(loss->kept, key) : NULL;
    for (size_t i = kept ? kept->count : 0; i < r->count; i++) {
        struct room_event e;
        const char *why;
        if (!r->events[i])
            continue;
        (void)events_parse(str_of(r->events[i]), &e, &why);
        map_put(m->lost, str_of(r->events[i]), m);
        map_put(m->lost_names, str_of(sim_model_name(r, e.epoch, e.seq)), m);
    }
}

void sim_model_lose(struct sim_model *m)
{
    map_each(m->rooms, lose_room, &(struct loss){m, NULL});
    free_maps(m);
    make_maps(m);
    memset(m->queues, 0, sizeof m->queues);
    m->fence = m->shift_ms = m->stopped_ms = m->server = m->run = m->came_with = 0;
    m->shift_kept = false;
    m->live_rooms = 0;
}

static void copy_player(void *arg, struct str key, void *value)
{
    struct sim_model *to = arg;
    struct model_player *p = mem_alloc(sizeof *p);
    *p = *(const struct model_player *)value;
    map_put(to->players, key, p);
}

static void copy_room(void *arg, struct str key, void *value)
{
    struct sim_model *to = arg;
    const struct model_room *from = value;
    struct model_room *r = mem_alloc(sizeof *r);
    *r = *from;
    r->cap = r->count;
    r->events = mem_alloc(r->count * sizeof *r->events);
    for (size_t i = 0; i < r->count; i++)
        r->events[i] = from->events[i] ? mem_copy(from->events[i], strlen(from->events[i])) : NULL;
    r->seats = mem_alloc((size_t)sim_model_rules(to)->seats * sizeof *r->seats);
    for (size_t i = 0; i < r->seat_count; i++) {
        r->seats[i] = from->seats[i];
        struct model_player *p = r->seats[i].player =
            sim_model_player_of(to, str_of(from->seats[i].player->id));
        if (p->room == from)
            p->room = r;
    }
    map_put(to->rooms, key, r);
}

static void copy_instance(void *arg, struct str key, void *value)
{
    struct sim_model *to = arg;
    *sim_model_instance(to, key) = *(const struct model_instance *)value;
}

static void copy_socket(void *arg, struct str key, void *value)
{
    struct sim_model *to = arg;
    const struct model_socket *from = value;
    struct model_socket *s = mem_alloc(sizeof *s);
    s->instance = sim_model_instance(to, str_of(from->instance->id));
    s->player = sim_model_player_of(to, str_of(from->player->id));
    map_put(to->sockets, key, s);
}

static void copy_ticket(void *arg, struct str key, void *value)
{
    map_put(((struct sim_model *)arg)->over_tickets, key, value);
}

static void copy_said(void *arg, struct str key, void *value)
{
    map_put(((struct sim_model *)arg)->said, key, value);
}

static void copy_heard(void *arg, struct str key, void *value)
{
    map_put(((struct sim_model *)arg)->heard, key, value);
}

struct sim_model *sim_model_copy(const struct sim_model *m)
{
    struct sim_model *to = sim_model_new(m->sim);
    map_each(m->players, copy_player, to);
    map_each(m->rooms, copy_room, to);
    map_each(m->instances, copy_instance, to);
    map_each(m->sockets, copy_socket, to);
    map_each(m->over_tickets, copy_ticket, to);
    map_each(m->said, copy_said, to);
    map_each(m->heard, copy_heard, to);
    for (int level = 0; level <= LEVELS_MAX; level++) {
        const struct model_queue *from = &m->queues[level];
        struct model_queue *q = &to->queues[level];
        q->list = mem_alloc(from->count * sizeof *q->list);
        q->count = q->cap = from->count;
        for (size_t i = 0; i < q->count; i++)
            q->list[i] = sim_model_player_of(to, str_of(from->list[i]->id));
    }
    to->fence = m->fence;
    to->server = m->server;
    to->run = m->run;
    to->came_with = m->came_with;
    to->shift_ms = m->shift_ms;
    to->shift_kept = m->shift_kept;
    to->stopped_ms = m->stopped_ms;
    to->live_rooms = m->live_rooms;
    return to;
}

void sim_model_restore(struct sim_model *m, struct sim_model *copy)
{
    map_each(m->rooms, lose_room, &(struct loss){m, copy->rooms});
    free_maps(m);
    m->players = copy->players;
    m->rooms = copy->rooms;
    m->instances = copy->instances;
    m->sockets = copy->sockets;
    m->over_tickets = copy->over_tickets;
    m->heard = copy->heard;
    m->said = copy->said;
    memcpy(m->queues, copy->queues, sizeof m->queues);
    m->fence = copy->fence;
    m->server = copy->server;
    m->run = copy->run;
    m->came_with = copy->came_with;
    m->shift_ms = copy->shift_ms;
    m->shift_kept = copy->shift_kept;
    m->stopped_ms = copy->stopped_ms;
    m->live_rooms = copy->live_rooms;
    map_free(copy->lost);
    map_free(copy->lost_names);
    mem_free(copy);
}

/* ---- finding and comparing ---- */

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

struct model_instance *sim_model_instance(struct sim_model *m, struct str id)
{
    struct model_instance *i = map_find(m->instances, id);
    if (i)
        return i;
    i = mem_alloc(sizeof *i);
    (void)str_copy(i->id, sizeof i->id, id);
    map_put(m->instances, id, i);
    return i;
}

bool sim_model_lives(struct sim_model *m, struct str instance_id)
{
    const struct model_instance *i = map_find(m->instances, instance_id);
    return i && i->listed && i->lease_end_ms > sim_model_now_ms(m);
}

const char *sim_model_origin(const struct sim_model *m)
{
    return m->call->gateway->realm.instance_id;
}

static const char *state_name(const struct model_player *p)
{
    static const char *const names[] = {"free", "free", "waiting", "away", "seated"};
    return names[p->state];
}

void sim_model_expect(struct sim_model *m, bool good, const struct model_player *p, const char *answer)
{
    if (!good)
        SIM_MODEL_FAIL(m,
                       "%s answers %s, but player %s is %s%s (fence %lld, socket %s at %s, ticket %s, level "
                       "%lld, room %s)",
                       sim_call_name(m->call->kind), answer, p->id, state_name(p),
                       p->state == ABSENT ? ", without a record" : "", (long long)p->fence, p->socket,
                       p->instance, p->ticket, (long long)p->level, p->room ? p->room->id : "-");
}

void sim_model_same(struct sim_model *m, int64_t got, int64_t expected, const char *what)
{
    if (got != expected)
        SIM_MODEL_FAIL(m, "%s: %s is %lld and should be %lld", sim_call_name(m->call->kind), what,
                       (long long)got, (long long)expected);
}

void sim_model_same_text(struct sim_model *m, struct str got, const char *expected, const char *what)
{
    if (!str_eq(got, str_of(expected)))
        SIM_MODEL_FAIL(m, "%s: %s is\n  %.*s\nand should be\n  %s", sim_call_name(m->call->kind), what,
                       (int)got.n, got.p, expected);
}

/* ---- what a script did ---- */

static void follow(struct sim_model *m, struct model_player *p, struct str word, const struct reply *reply)
{
    switch (m->call->kind) {
    case SIM_ATTACH:
    case SIM_DETACH:
    case SIM_RESEAT:
        sim_model_player_ran(m, p, word, reply);
        break;
    case SIM_JOIN:
    case SIM_LEAVE_QUEUE:
    case SIM_MATCH:
    case SIM_EXPIRE:
        sim_model_queue_ran(m, p, word, reply);
        break;
    case SIM_DUE:
    case SIM_FIRE:
        sim_model_timer_ran(m, word, reply);
        break;
    case SIM_LOG:
        sim_model_log(m, reply);
        break;
    case SIM_COPY:
        break;
    case SIM_RESTORE_SESSION:
        sim_model_restore_session(m, p);
        break;
    case SIM_RESTORE:
        sim_model_restored(m, word, reply);
        break;
    case SIM_BEAT:
    case SIM_RETIRE:
    case SIM_LEFTOVERS:
    case SIM_OWN:
    case SIM_WHERE:
        sim_model_fleet_ran(m, p, word, reply);
        break;
    default:
        sim_model_room_ran(m, p, word, reply);
    }
}

void sim_model_ran(struct sim_model *m, const struct sim_call *c, const struct reply *reply)
{
    struct model_player *p = sim_model_player_of(m, str_of(c->player));
    m->call = c;
    m->due_count = 0;
    m->touched = NULL;
    const char *expected = sim_model_word(m, c, p);
    struct str word = reply_str(reply, 0);
    if (expected && !str_eq(word, str_of(expected)))
        sim_model_expect(m, false, p, fleet_text("%.*s in place of %s", (int)word.n, word.p, expected));
    follow(m, p, word, reply);
    sim_model_told_all(m);
    if (m->touched && !m->touched->ended)
        sim_model_cast(m->touched);
}

/* ---- questions ---- */

void sim_model_delivered(struct sim_model *m, const struct room_event *e)
{
    const struct model_room *r = sim_model_room_of(m, e->room_id);
    bool written =
        r && e->seq >= 1 && e->seq <= (int64_t)r->count && str_eq(e->text, str_of(r->events[e->seq - 1]));
    if (!m->realm && m->sim->islands)
        map_put(m->heard, e->text, m);
    if (!written && !map_find(m->lost, e->text))
        SIM_MODEL_FAIL(m, "a gateway delivers what was never written: %.*s", (int)e->text.n, e->text.p);
}

struct history_position sim_model_at(struct sim_model *m, const char *room_id)
{
    const struct model_room *r = sim_model_room_of(m, str_of(room_id));
    return r ? (struct history_position){r->epoch, (int64_t)r->count} : (struct history_position){0, -1};
}

uint64_t sim_model_chain(uint64_t before, struct str text) /* FNV-1a */
{
    for (size_t i = 0; i < text.n; i++)
        before = (before ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return before ^ text.n;
}

uint64_t sim_model_told(struct sim_model *m, const char *room_id, int64_t from)
{
    const struct model_room *r = sim_model_room_of(m, str_of(room_id));
    uint64_t hash = 0;
    for (size_t i = (size_t)from; r && i < r->count; i++)
        hash = r->events[i] ? sim_model_chain(hash, str_of(r->events[i])) : hash;
    return hash;
}

bool sim_model_came_home(struct sim_model *m, struct str room_id)
{
    const struct model_room *r = sim_model_room_of(m, room_id);
    return r && r->image[0];
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
    map_free(m->lost);
    map_free(m->heard);
    m->lost = map_new();
    m->heard = map_new();
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
