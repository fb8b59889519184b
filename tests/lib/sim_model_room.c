/* The life of rooms in the model: every event is numbered without a gap, fits what came before, and comes
 * from a script that may say it. */
#include "tests/lib/sim_model_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"

void sim_model_room_free(struct model_room *r)
{
    for (size_t i = 0; i < r->count; i++)
        mem_free(r->events[i]);
    mem_free(r->events);
    mem_free(r->seats);
    mem_free(r);
}

struct model_seat *sim_model_seat(struct model_room *r, const struct model_player *p)
{
    for (size_t i = 0; i < r->seat_count; i++)
        if (r->seats[i].player == p)
            return &r->seats[i];
    return NULL;
}

/* ---- beginning ---- */

static void add_seat(struct sim_model *m, struct model_room *r, const struct event_seat *place)
{
    struct model_player *p = sim_model_player_of(m, place->player_id);
    bool expected = r->seat_count < m->due_count && m->due[r->seat_count] == p;
    sim_model_expect(m, expected && p->state == WAITING, p, "a match with him");
    if (!sim_model_lives(m, place->instance_id))
        SIM_MODEL_FAIL(m, "player %s is matched on instance %.*s, whose lease is over", p->id,
                       (int)place->instance_id.n, place->instance_id.p);
    if (map_find(m->over_tickets, str_of(p->ticket)))
        SIM_MODEL_FAIL(m, "player %s is matched a second time on ticket %s", p->id, p->ticket);
    sim_model_same_text(m, place->socket_id, p->socket, "socket");
    sim_model_same_text(m, place->instance_id, p->instance, "instance");
    struct model_seat *seat = &r->seats[r->seat_count++];
    *seat = (struct model_seat){.player = p, .fence = p->fence, .state = "{}"};
    seat->confirmed =
        sim_model_rules(m)->confirm_auto && m->call->kind == SIM_JOIN && strcmp(p->id, m->call->player) == 0;
    seat->unheard = seat->confirmed && m->call->lost;
    memcpy(seat->socket, p->socket, sizeof seat->socket);
    memcpy(seat->instance, p->instance, sizeof seat->instance);
    p->state = SEATED;
    p->room = r;
}

void sim_model_listed(struct sim_model *m, const struct model_room *r, struct str told)
{
    struct buf *text = &m->sim->text;
    buf_clear(text);
    for (size_t i = 0; i < r->seat_count; i++) {
        const struct model_player *p = r->seats[i].player;
        const char *setup = sim_setup(p->ticket);
        buf_add_fmt(text, "%s{\"id\":\"%s\"%s%s}", i ? "," : "[", p->id, *setup ? ",\"setup\":" : "", setup);
    }
    buf_add_text(text, "]");
    sim_model_same_text(m, told, text->data, "the players and what they say");
}

static void match_found(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    const struct realm_rules *rules = sim_model_rules(m);
    struct event_seat place;
    struct json_object data;
    const char *why;
    bool remote = false;
    r->seats = mem_alloc((size_t)rules->seats * sizeof *r->seats);
    for (struct str rest = e->place; events_next_seat(&rest, &place);)
        add_seat(m, r, &place);
    sim_model_same(m, (int64_t)r->seat_count, rules->seats, "number of seats");
    if (!json_object_scan(e->data, &data, &why))
        SIM_MODEL_FAIL(m, "matchFound holds %.*s", (int)e->data.n, e->data.p);
    sim_model_listed(m, r, json_get(&data, "players", NULL).raw);
    for (size_t i = 1; i < r->seat_count; i++)
        remote = remote || strcmp(r->seats[i].instance, r->seats[0].instance) != 0;
    r->level = m->call->level;
    r->epoch = 1;
    r->run = m->run;
    (void)str_copy(r->data, sizeof r->data, STR("{}"));
    r->created_ms = r->updated_ms = sim_model_now_ms(m);
    r->confirm_by_ms = r->created_ms + rules->confirm_ms;
    r->confirm_due_ms = sim_model_fleet_ms(m) + rules->confirm_ms;
    r->idle_due_ms = sim_model_fleet_ms(m) + rules->idle_ms;
    m->matches++;
    m->remote += remote;
    m->live_rooms++;
}

static void game_start(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    (void)e;
    for (size_t i = 0; i < r->seat_count; i++) {
        sim_model_expect(m, r->seats[i].confirmed, r->seats[i].player, "that all have confirmed");
        if (!r->seats[i].unheard)
            map_put(m->over_tickets, str_of(r->seats[i].player->ticket), m);
    }
    r->active = true;
    r->confirm_due_ms = 0;
    r->updated_ms = sim_model_now_ms(m);
    m->started++;
}

/* ---- end ---- */

void sim_model_cast(struct model_room *r)
{
    size_t used = 0;
    for (size_t i = 0; i < r->seat_count; i++)
        used += (size_t)snprintf(r->cast + used, sizeof r->cast - used, "%s%s", i ? " " : "",
                                 r->seats[i].player->id);
}

static void ended(struct sim_model *m, struct model_room *r)
{
    r->ended = true;
    r->ended_ms = sim_model_now_ms(m);
    r->seat_count = 0;
    m->live_rooms--;
}

/* Who was there when the last script came stands at the end of a room's last event: read_log.lua looks for
 * it. */
static void ends_with_cast(struct sim_model *m, const struct model_room *r, const struct room_event *e)
{
    struct str end = str_of(fleet_text(",\"members\":\"%s\"}", r->cast));
    if (e->text.n < end.n || memcmp(e->text.p + e->text.n - end.n, end.p, end.n) != 0)
        SIM_MODEL_FAIL(m, "the last event does not end with %s: %.*s", end.p, (int)e->text.n, e->text.p);
}

static int by_joined(const void *a, const void *b)
{
    const struct model_player *p = *(struct model_player *const *)a, *q = *(struct model_player *const *)b;
    if (p->joined_ms != q->joined_ms)
        return p->joined_ms < q->joined_ms ? -1 : 1;
    return strcmp(p->id, q->id);
}

/* The ready return to the head of the list, longest waiting first; the others are free. */
static void match_cancelled(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    bool timeout = m->call->kind == SIM_FIRE;
    struct model_player *gone = timeout ? NULL : sim_model_player_of(m, str_of(m->call->player));
    struct model_player *back[SEATS_MAX];
    size_t count = 0;
    char names[sizeof r->cast] = "";
    if (gone && !sim_model_seat(r, gone))
        SIM_MODEL_FAIL(m, "room %s dissolves because %s is gone, who was not there", r->id, gone->id);
    for (size_t i = 0; i < r->seat_count; i++) {
        struct model_player *p = r->seats[i].player;
        if (p != gone && p->socket[0] && (r->seats[i].confirmed || gone))
            back[count++] = p;
        else
            sim_model_idle(p);
    }
    qsort(back, count, sizeof *back, by_joined);
    for (size_t i = count; i > 0; i--) {
        struct model_player *p = back[i - 1];
        p->state = WAITING;
        p->room = NULL;
        sim_model_queue_head(m, p);
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? " " : "",
                       p->id);
    }
    sim_model_same_text(m, e->requeued, names, "who waits again");
    ends_with_cast(m, r, e);
    ended(m, r);
}

static struct model_seat *subject(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    struct json_object data;
    struct str id = {0};
    const char *why;
    if (!json_object_scan(e->data, &data, &why) || !json_as_plain(json_get(&data, "playerId", NULL), &id))
        SIM_MODEL_FAIL(m, "%.*s has no playerId", (int)e->event.n, e->event.p);
    struct model_seat *seat = sim_model_seat(r, sim_model_player_of(m, id));
    if (!seat)
        SIM_MODEL_FAIL(m, "%.*s of room %s is about %.*s, who has no seat", (int)e->event.n, e->event.p,
                       r->id, (int)id.n, id.p);
    return seat;
}

static struct model_seat *own_seat(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    struct model_seat *seat = subject(m, r, e);
    sim_model_expect(m, strcmp(seat->player->id, m->call->player) == 0, seat->player,
                     "an event of another's");
    return seat;
}

static void player_left(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    bool grace = m->call->kind == SIM_FIRE;
    struct model_seat *seat = grace ? subject(m, r, e) : own_seat(m, r, e);
    struct model_player *p = seat->player;
    if (grace)
        sim_model_expect(m, seat->grace_due_ms && seat->grace_due_ms <= sim_model_fleet_ms(m), p,
                         "that his grace is over");
    sim_model_idle(p);
    size_t at = (size_t)(seat - r->seats);
    memmove(seat, seat + 1, (r->seat_count - at - 1) * sizeof *seat);
    r->seat_count--;
    r->updated_ms = sim_model_now_ms(m);
}

static struct str member_of(const struct room_event *e, const char *name)
{
    struct json_object data;
    const char *why;
    return json_object_scan(e->data, &data, &why) ? json_get(&data, name, NULL).raw : (struct str){0};
}

static bool agreed(const struct model_room *r, struct str result)
{
    for (size_t i = 0; i < r->seat_count; i++)
        if (!r->seats[i].reported || !str_eq(str_of(r->seats[i].report), result))
            return false;
    return r->seat_count >= 2;
}

static void game_end(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    struct str reason = member_of(e, "reason"), result = member_of(e, "result");
    bool good = m->call->kind == SIM_RESTORE && sim_model_ended_there(m, reason, result);
    if (str_eq(reason, STR("\"agreed\"")))
        good = good || (r->active && agreed(r, result));
    else if (str_eq(reason, STR("\"players_left\"")))
        good = good || (r->seat_count < 2 && str_eq(result, STR("null")));
    else if (!good && str_eq(reason, STR("\"idle\"")) && ++m->sim->count.idle_ends)
        good = m->call->kind == SIM_FIRE && strncmp(m->call->text, "idle:", 5) == 0; /* and it was due */
    if (!good)
        SIM_MODEL_FAIL(m, "room %s ends for no reason: %.*s", r->id, (int)e->text.n, e->text.p);
    r->ending = true;
}

static void room_cleanup(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    if (!r->ending)
        SIM_MODEL_FAIL(m, "room %s is cleaned up before its end", r->id);
    ends_with_cast(m, r, e);
    for (size_t i = 0; i < r->seat_count; i++)
        sim_model_idle(r->seats[i].player);
    ended(m, r);
}

/* ---- between ---- */

int64_t sim_model_due_events(const struct sim_model *m, const struct model_room *r, int64_t n)
{
    return n + (n > 0 && m->run != 0 && r->run != m->run);
}

/* Another process serves the store than the one that wrote the room's last event. */
static void room_epoch(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    /* It comes home; and nothing was said before, or its numbers may have named other events. */
    bool afresh = m->call->kind == SIM_RESTORE && (r->log_count == 0 || r->run == 0);
    if (!afresh && (m->run == 0 || r->run == m->run))
        SIM_MODEL_FAIL(m, "room %s has no reason for a new epoch", r->id);
    sim_model_same(m, e->from_epoch, r->epoch, "the epoch before");
    int64_t now_ms = sim_model_now_ms(m);
    if (afresh)
        r->epoch = now_ms > r->epoch ? now_ms : r->epoch + 1;
    else
        r->epoch = m->run;
    r->run = m->run;
}

/* A room that comes home says it of all its members. */
static struct model_seat *of_call(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    return m->call->kind == SIM_RESTORE ? subject(m, r, e) : own_seat(m, r, e);
}

static void disconnected(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    struct model_seat *seat = of_call(m, r, e);
    seat->socket[0] = seat->instance[0] = '\0';
    seat->fence = seat->player->fence;
    seat->grace_due_ms = sim_model_fleet_ms(m) + sim_model_rules(m)->grace_ms;
}

static void reconnected(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    struct model_seat *seat = of_call(m, r, e);
    const struct model_player *p = seat->player;
    memcpy(seat->socket, p->socket, sizeof seat->socket);
    memcpy(seat->instance, p->instance, sizeof seat->instance);
    seat->fence = p->fence;
    seat->grace_due_ms = 0;
    sim_model_same_text(m, e->place, fleet_text("%s|%s|%s", p->id, p->instance, p->socket), "place");
}

static void turn_timeout(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    const char *data = fleet_text("{\"roomId\":\"%s\",\"turn\":%lld,\"version\":%lld}", r->id,
                                  (long long)r->turn, (long long)r->version);
    if (!r->turn_due_ms || r->turn_due_ms > sim_model_fleet_ms(m))
        SIM_MODEL_FAIL(m, "room %s has no turn whose time is over", r->id);
    sim_model_same_text(m, e->data, data, "data");
    r->turn_due_ms = 0;
}

static void disputed(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    (void)e;
    bool all = true, same = true;
    for (size_t i = 0; i < r->seat_count; i++) {
        all = all && r->seats[i].reported;
        same = same && strcmp(r->seats[i].report, r->seats[0].report) == 0;
    }
    if (!all || same)
        SIM_MODEL_FAIL(m, "room %s: there is no dispute", r->id);
    for (size_t i = 0; i < r->seat_count; i++)
        r->seats[i].reported = false;
}

static void said(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    (void)r;
    sim_model_same_text(m, e->data, sim_call_message(m->call), "message");
    sim_model_said(m, e->text);
}

static void changed(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    (void)own_seat(m, r, e); /* sim_model_state.c does the rest */
}

/* Which scripts may say what, when, and what it does. */
#define BY(kind) (1u << (kind))
static const struct happening {
    const char *event;
    unsigned by;
    enum { AT_FIRST, BEFORE_START, AFTER_START, EITHER, AT_LAST } when;
    void (*apply)(struct sim_model *m, struct model_room *r, const struct room_event *e);
} happenings[] = {
    {"matchFound", BY(SIM_JOIN) | BY(SIM_MATCH), AT_FIRST, match_found},
    {"gameStart", BY(SIM_CONFIRM), BEFORE_START, game_start},
    {"gameMessage", BY(SIM_MESSAGE), AFTER_START, said},
    {"playerStateUpdated", BY(SIM_SET), AFTER_START, changed},
    {"gameDataUpdated", BY(SIM_SET), AFTER_START, changed},
    {"opponentDisconnected", BY(SIM_DETACH) | BY(SIM_RESTORE), AFTER_START, disconnected},
    {"turnTimeout", BY(SIM_FIRE), AFTER_START, turn_timeout},
    {"error", BY(SIM_END) | BY(SIM_LEAVE_ROOM) | BY(SIM_FIRE) | BY(SIM_RESTORE), AFTER_START, disputed},
    {"roomEpoch", ~0u, EITHER, room_epoch},
    {"playerLeft", BY(SIM_LEAVE_ROOM) | BY(SIM_FIRE), AFTER_START, player_left},
    {"matchCancelled", BY(SIM_DETACH) | BY(SIM_LEAVE_ROOM) | BY(SIM_FIRE), BEFORE_START, match_cancelled},
    {"opponentReconnected", BY(SIM_RESEAT) | BY(SIM_RESTORE), EITHER, reconnected},
    {"gameEnd", BY(SIM_END) | BY(SIM_LEAVE_ROOM) | BY(SIM_FIRE) | BY(SIM_RESTORE), EITHER, game_end},
    {"roomCleanup", BY(SIM_END) | BY(SIM_LEAVE_ROOM) | BY(SIM_FIRE) | BY(SIM_RESTORE), AT_LAST, room_cleanup},
};

enum { KINDS = sizeof happenings / sizeof *happenings };
_Static_assert((int)KINDS <= (int)HAPPENINGS_MAX, "room for the counts");

const char *sim_model_print(const struct sim_model *m)
{
    const char *missing = NULL;
    printf("sim:");
    for (size_t i = 0; i < KINDS; i++) {
        printf(" %s %lld%s", happenings[i].event, (long long)m->happened[i], i + 1 < KINDS ? "," : "\n");
        if (m->happened[i] == 0 && happenings[i].apply != room_epoch)
            missing = happenings[i].event;
    }
    return missing;
}

static bool fits(const struct sim_model *m, const struct model_room *r, const struct happening *h)
{
    if (!(h->by & BY(m->call->kind)) || r->ended || (h->when == AT_FIRST) != (r->count == 0))
        return false;
    if (r->ending || h->when == AT_LAST)
        return r->ending && h->when == AT_LAST;
    return h->when == AFTER_START ? r->active : h->when == BEFORE_START ? !r->active : true;
}

static void apply(struct sim_model *m, struct model_room *r, const struct room_event *e)
{
    for (size_t i = 0; i < sizeof happenings / sizeof *happenings; i++) {
        const struct happening *h = &happenings[i];
        if (!str_eq(e->event, str_of(h->event)))
            continue;
        if (!fits(m, r, h))
            SIM_MODEL_FAIL(m, "room %s, which %s, hears %s from %s", r->id,
                           r->ended    ? "has ended"
                           : r->active ? "plays"
                                       : "has not started",
                           h->event, sim_call_name(m->call->kind));
        h->apply(m, r, e);
        m->happened[i]++;
        return;
    }
    SIM_MODEL_FAIL(m, "there is no such event: %.*s", (int)e->text.n, e->text.p);
}

const char *sim_model_name(const struct model_room *r, int64_t epoch, int64_t seq)
{
    return fleet_text("%s/%lld/%lld", r->id, (long long)epoch, (long long)seq);
}

static void keep(struct model_room *r, struct str text, int64_t log_max)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 8;
        r->events = mem_resize(r->events, r->cap * sizeof *r->events);
    }
    r->events[r->count++] = mem_copy(text.p, text.n);
    r->log_count++;
    /* It is cut to log_max at numbers an eighth of it apart, and grows in between. */
    if ((int64_t)r->count > log_max && (int64_t)r->count * 8 % log_max < 8 && r->log_count > log_max)
        r->log_count = log_max;
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
    sim_model_same(m, e.seq, (int64_t)r->count + 1, "number of an event");
    sim_model_same(m, e.timestamp_ms, sim_model_now_ms(m), "time of an event");
    sim_model_same_text(m, e.origin_instance_id, sim_model_origin(m), "origin of an event");
    /* Who has a seat is told; of somebody who moves, the others. */
    struct model_audience audience = {0};
    bool moves = m->call->kind == SIM_RESEAT || (m->call->kind == SIM_DETACH && r->active);
    sim_model_audience(&audience, r, moves ? m->call->player : NULL);
    apply(m, r, &e);
    if (e.seq == 1)
        sim_model_audience(&audience, r, NULL);
    sim_model_same(m, e.epoch, r->epoch, "epoch of an event");
    sim_model_same(m, r->run, m->run ? m->run : r->run, "run of a room that has just spoken");
    if (map_find(m->lost_names, str_of(sim_model_name(r, e.epoch, e.seq))))
        SIM_MODEL_FAIL(m, "there was another event %lld of epoch %lld in room %s, which the store has lost",
                       (long long)e.seq, (long long)e.epoch, r->id);
    sim_model_told_event(m, text, &audience);
    r->last_ms = e.timestamp_ms;
    keep(r, text, sim_model_rules(m)->log_max);
    m->touched = r;
}

void sim_model_events(struct sim_model *m, const struct reply *events)
{
    for (size_t i = 0; i < events->count; i++)
        sim_model_event(m, reply_str(events, i));
}
