/* The local view of a room: members, places, and the buffer that keeps its events in order. No I/O here. */
#include "gateway/room.h"

#include "common/err.h"
#include "common/map.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/copy.h"
#include "gateway/session.h"

struct rooms {
    struct map *by_id;
    struct loop *loop;
    rooms_gap_cb on_gap;
    void *arg;
    uint64_t removed;
    char own_instance_id[ID_SIZE];
};

struct rooms *rooms_new(struct loop *l, const char *own_instance_id, rooms_gap_cb on_gap, void *arg)
{
    struct rooms *all = mem_alloc(sizeof *all);
    CHECK(str_copy(all->own_instance_id, sizeof all->own_instance_id, str_of(own_instance_id)));
    all->loop = l;
    all->on_gap = on_gap;
    all->arg = arg;
    all->by_id = map_new();
    return all;
}

static void free_room(void *arg, struct str key, void *value)
{
    (void)arg;
    (void)key;
    rooms_remove(((struct room *)value)->all, value);
}

void rooms_free(struct rooms *all)
{
    if (!all)
        return;
    map_each(all->by_id, free_room, NULL);
    map_free(all->by_id);
    mem_free(all);
}

size_t rooms_count(const struct rooms *all)
{
    return map_count(all->by_id);
}

uint64_t rooms_removed(const struct rooms *all)
{
    return all->removed;
}

struct room *rooms_find(const struct rooms *all, struct str room_id)
{
    return map_find(all->by_id, room_id);
}

struct room *rooms_get(struct rooms *all, struct str room_id)
{
    struct room *r = map_find(all->by_id, room_id);
    if (r)
        return r;
    r = mem_alloc(sizeof *r);
    r->all = all;
    CHECK(str_copy(r->room_id, sizeof r->room_id, room_id));
    r->at.epoch = 1;
    list_init(&r->members);
    list_init(&r->held);
    list_init(&r->waiters);
    map_put(all->by_id, room_id, r);
    metrics_set(METRIC_ROOMS, (int64_t)map_count(all->by_id));
    return r;
}

struct each {
    void (*fn)(void *arg, struct room *r);
    void *arg;
};

static void each_room(void *arg, struct str key, void *value)
{
    (void)key;
    const struct each *e = arg;
    e->fn(e->arg, value);
}

void rooms_each(struct rooms *all, void (*fn)(void *arg, struct room *r), void *arg)
{
    map_each(all->by_id, each_room, &(struct each){fn, arg});
}

void rooms_remove(struct rooms *all, struct room *r)
{
    CHECK(list_empty(&r->members) && list_empty(&r->waiters));
    all->removed++;
    (void)map_remove(all->by_id, str_of(r->room_id));
    metrics_set(METRIC_ROOMS, (int64_t)map_count(all->by_id));
    room_drop_held(r, INT64_MAX);
    loop_timer_free(r->gap_timer);
    copy_free(r->copy);
    mem_free(r->places);
    mem_free(r);
}

void room_enter(struct room *r, struct session *s)
{
    CHECK(s->room == NULL);
    s->room = r;
    list_push(&r->members, &s->in_room);
}

void room_leave(struct session *s)
{
    s->ticket_over = s->ticket_over || s->room->status == ROOM_ACTIVE; /* its game had started */
    s->room = NULL;
    s->seen = (struct history_position){0};
    s->catching_up = false; /* the next room's events are not to wait for this one's */
    list_remove(&s->in_room);
}

static struct room_place *place_find(const struct room *r, struct str player_id)
{
    for (size_t i = 0; i < r->place_count; i++)
        if (str_eq(str_of(r->places[i].player_id), player_id))
            return &r->places[i];
    return NULL;
}

static bool is_remote(const struct room *r, const struct room_place *p)
{
    return p->instance_id[0] && strcmp(p->instance_id, r->all->own_instance_id) != 0;
}

void room_place_set(struct room *r, struct str player_id, struct str instance_id)
{
    struct room_place *p = place_find(r, player_id);
    if (!p) {
        if (r->place_count == ROOM_SEATS_MAX)
            return; /* nobody has more seats: not written by us */
        r->places = mem_resize(r->places, (r->place_count + 1) * sizeof *r->places);
        p = &r->places[r->place_count++];
        *p = (struct room_place){0};
        (void)str_copy(p->player_id, sizeof p->player_id, player_id);
    }
    r->remote_count -= is_remote(r, p);
    (void)str_copy(p->instance_id, sizeof p->instance_id, instance_id);
    r->remote_count += is_remote(r, p);
}

void room_place_drop(struct room *r, struct str player_id)
{
    struct room_place *p = place_find(r, player_id);
    if (!p)
        return;
    r->remote_count -= is_remote(r, p);
    *p = r->places[--r->place_count];
}

const char *room_opponent(const struct room *r, const char *player_id)
{
    for (size_t i = 0; i < r->place_count; i++)
        if (strcmp(r->places[i].player_id, player_id) != 0)
            return r->places[i].player_id;
    return NULL;
}

void room_places_clear(struct room *r)
{
    r->place_count = 0;
    r->remote_count = 0;
}

enum room_order room_order(const struct room *r, int64_t seq)
{
    if (seq == r->at.seq + 1)
        return ROOM_DELIVER;
    if (seq <= r->at.seq)
        return ROOM_DROP;
    return r->held_count < ROOM_HELD_MAX ? ROOM_HOLD : ROOM_OVERFLOW;
}

void room_hold(struct room *r, int64_t seq, struct str text)
{
    struct list *before = &r->held; /* insert behind the last one with a lower number */
    LIST_EACH(it, &r->held)
    {
        int64_t other = OWNER(it, struct room_held, link)->seq;
        if (other == seq)
            return;
        if (other > seq) {
            before = it;
            break;
        }
    }
    struct room_held *h = mem_alloc(sizeof *h + text.n);
    h->seq = seq;
    h->bytes = text.n;
    memcpy(h->text, text.p, text.n);
    list_push(before, &h->link);
    r->held_count++;
}

struct room_held *room_next_held(struct room *r)
{
    room_drop_held(r, r->at.seq);
    if (list_empty(&r->held))
        return NULL;
    struct room_held *h = OWNER(r->held.next, struct room_held, link);
    if (h->seq != r->at.seq + 1)
        return NULL;
    list_remove(&h->link);
    r->held_count--;
    return h;
}

int64_t room_held_last(const struct room *r)
{
    return list_empty(&r->held) ? 0 : OWNER(r->held.prev, struct room_held, link)->seq;
}

static void gap_stood(void *arg)
{
    struct room *r = arg;
    loop_timer_free(r->gap_timer);
    r->gap_timer = NULL;
    r->all->on_gap(r->all->arg, r);
}

void room_gap(struct room *r)
{
    if (r->gap_timer)
        return;
    r->gap_timer = loop_timer_new(r->all->loop, gap_stood, r);
    loop_timer_start(r->gap_timer, ROOM_GAP_MS, 0);
}

void room_drop_held(struct room *r, int64_t up_to_seq)
{
    while (!list_empty(&r->held)) {
        struct room_held *h = OWNER(r->held.next, struct room_held, link);
        if (h->seq > up_to_seq)
            return;
        list_remove(&h->link);
        r->held_count--;
        mem_free(h);
    }
}

void room_wait(struct room *r, struct history_position at, struct session *s, int64_t request_id,
               struct str data)
{
    struct room_waiter *w = mem_alloc(sizeof *w + data.n);
    w->at = at;
    w->request_id = request_id;
    w->session = s;
    session_hold(s);
    w->bytes = data.n;
    memcpy(w->data, data.p, data.n);
    list_push(&r->waiters, &w->link);
}

bool room_waits(const struct room *r, const struct session *s, struct history_position at)
{
    LIST_EACH(it, &r->waiters)
    {
        const struct room_waiter *w = OWNER(it, struct room_waiter, link);
        if (w->session == s && w->at.seq == at.seq && w->at.epoch == at.epoch)
            return true;
    }
    return false;
}

struct room_waiter *room_next_waiter(struct room *r, bool all)
{
    LIST_EACH(it, &r->waiters)
    {
        struct room_waiter *w = OWNER(it, struct room_waiter, link);
        if (all || (w->at.epoch == r->at.epoch && w->at.seq <= r->at.seq)) {
            list_remove(&w->link);
            return w;
        }
    }
    return NULL;
}
