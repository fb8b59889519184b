/* The life of rooms in the model: every event is numbered without a gap and fits what came before. */
#include "tests/lib/sim_model_room.h"

#include "common/json.h"
#include "common/mem.h"

void sim_model_room_free(struct model_room *r)
{
    for (size_t i = 0; i < r->count; i++)
        mem_free(r->events[i]);
    mem_free(r->events);
    mem_free(r);
}

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
        struct model_player *p = sim_model_player_of(m, seat.player_id);
        sim_model_expect(m, p->state == WAITING, p, "a match with him");
        if (!sim_model_lives(m, seat.instance_id))
            SIM_MODEL_FAIL(m, "player %s is matched on instance %.*s, whose lease is over", p->id,
                           (int)seat.instance_id.n, seat.instance_id.p);
        if (!p->handed_in_again && map_find(m->started_tickets, str_of(p->ticket)))
            SIM_MODEL_FAIL(m, "player %s is matched a second time on ticket %s", p->id, p->ticket);
        if (r->member_count > 0 && p->level != r->level)
            SIM_MODEL_FAIL(m, "player %s of level %lld is matched at level %lld", p->id, (long long)p->level,
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
        SIM_MODEL_FAIL(m, "room %s has %zu seats", r->id, r->member_count);
    m->matches++;
    m->remote += remote;
    m->live_rooms++;
}

static void game_start(struct sim_model *m, struct model_room *r)
{
    if (r->active)
        SIM_MODEL_FAIL(m, "room %s starts twice", r->id);
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
        SIM_MODEL_FAIL(m, "room %s has started and is cancelled", r->id);
    for (size_t i = 0; i < r->member_count; i++)
        set_free(r->members[i]);
    for (struct str rest = e->requeued; rest.n;) {
        struct model_player *p = sim_model_player_of(m, str_cut(&rest, ' '));
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
        SIM_MODEL_FAIL(m, "%.*s has no playerId", (int)e->event.n, e->event.p);
    for (size_t i = 0; i < r->member_count; i++)
        if (str_eq(str_of(r->members[i]->id), id))
            return i;
    SIM_MODEL_FAIL(m, "%.*s of room %s is about %.*s, who has no seat", (int)e->event.n, e->event.p, r->id,
                   (int)id.n, id.p);
}

static void apply(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    bool start = str_eq(e->event, STR("matchFound"));
    if (start != (r->count == 0) || r->ended || (r->ending && !str_eq(e->event, STR("roomCleanup"))))
        SIM_MODEL_FAIL(m, "room %s says %.*s after its end or before its beginning", r->id, (int)e->event.n,
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
        SIM_MODEL_FAIL(m, "room %s says %.*s before it has started", r->id, (int)e->event.n, e->event.p);
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

void sim_model_event(struct sim_model *m, struct str text)
{
    struct room_event e;
    const char *why;
    if (!events_parse(text, &e, &why))
        SIM_MODEL_FAIL(m, "an event cannot be read (%s): %.*s", why, (int)text.n, text.p);
    struct model_room *r = sim_model_room_of(m, e.room_id);
    if (!r) {
        r = mem_alloc(sizeof *r);
        (void)str_copy(r->id, sizeof r->id, e.room_id);
        map_put(m->rooms, e.room_id, r);
    }
    if (e.seq != (int64_t)r->count + 1)
        SIM_MODEL_FAIL(m, "room %s: event %lld follows event %zu", r->id, (long long)e.seq, r->count);
    if (e.timestamp_ms != sim_now_ms(m->sim) ||
        !str_eq(e.origin_instance_id, str_of(m->call->gateway->realm.instance_id)))
        SIM_MODEL_FAIL(m, "an event of another time or origin: %.*s", (int)text.n, text.p);
    apply(m, r, &e);
    keep(r, text);
}

void sim_model_events(struct sim_model *m, const struct reply *events)
{
    for (size_t i = 0; i < events->count; i++)
        sim_model_event(m, reply_str(events, i));
}
