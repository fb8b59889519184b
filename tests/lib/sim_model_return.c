/* How a room that came home is written, in the model of the store. */
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_model_home.h"

static int64_t number(struct str text, int64_t otherwise)
{
    int64_t value;
    return str_to_int(text, &value) ? value : otherwise;
}

static struct str head(const struct home *h, size_t at)
{
    return reply_str(reply_at(h->away->said, 1), at);
}

/* A result that was reported here has no event: who reports elsewhere is heard, and a room in which nothing
 * else happened keeps it. */
static void write_report(struct home *h, struct model_seat *to, const struct model_seat *old)
{
    struct model_player *p = to->player;
    if (!old || !old->reported)
        return;
    bool voted = sim_model_elsewhere(h, p);
    if (voted || (h->silent && !to->reported)) {
        to->reported = true;
        memcpy(to->report, old->report, sizeof to->report);
    } else if (!to->reported) {
        h->late.votes[h->late.vote_count++] = p;
    }
}

static struct model_player *write_player(struct home *h, struct model_room *r, const struct model_seat *s)
{
    struct sim_model *m = h->m;
    struct model_player *p = sim_model_player_of(m, str_of(s->player->id));
    if (p->state == ABSENT)
        p->fence = ++m->fence;
    if (p->state == ABSENT || (!s->socket[0] && strcmp(p->instance, sim_model_origin(m)) == 0))
        p->socket[0] = p->instance[0] = '\0';
    p->state = SEATED;
    p->room = r;
    p->lost = false;
    p->level = h->image->level;
    p->joined_ms = s->player->joined_ms;
    memcpy(p->ticket, s->player->ticket, sizeof p->ticket);
    if (h->image->active)
        map_put(m->over_tickets, str_of(p->ticket), m);
    return p;
}

static void write_seats(struct home *h, struct model_room *r)
{
    struct sim_model *m = h->m;
    struct model_seat *before = r->seats;
    size_t count = r->seat_count;
    struct model_seat *seats = mem_alloc((size_t)sim_model_rules(m)->seats * sizeof *seats);
    for (size_t i = 0; i < h->image->seat_count; i++) {
        const struct model_seat *s = &h->image->seats[i];
        struct model_seat *to = &seats[i], *old = NULL;
        struct model_player *p = sim_model_player_of(m, str_of(s->player->id));
        for (size_t k = 0; h->old && k < count; k++)
            old = before[k].player == p ? &before[k] : old;
        (void)write_player(h, r, s);
        *to = *s;
        to->player = p;
        to->fence = p->fence;
        memcpy(to->socket, p->socket, sizeof to->socket);
        memcpy(to->instance, p->instance, sizeof to->instance);
        int64_t grace =
            number(reply_str(reply_at(h->away->said, 2), 11 * i + 9), sim_model_rules(m)->grace_ms);
        to->grace_due_ms = to->socket[0] ? 0 : sim_model_fleet_ms(m) + grace;
        write_report(h, to, old);
    }
    r->seats = seats;
    r->seat_count = h->image->seat_count;
    for (size_t k = 0; h->old && k < count; k++) { /* left the room while it was away */
        struct model_player *p = before[k].player;
        if (!sim_model_seat(r, p) && p->state == SEATED && p->room == r)
            sim_model_idle(p);
    }
    mem_free(before);
}

static void drop_event(struct home *h, const struct model_room *r, size_t at)
{
    struct room_event e;
    const char *why;
    (void)events_parse(str_of(r->events[at]), &e, &why);
    if (map_find(h->m->heard, e.text) && !sim_model_of_presence(&e))
        SIM_MODEL_FAIL(h->m, "somebody heard what gives way to a room that came home: %s", r->events[at]);
    map_put(h->m->lost, e.text, h->m);
    map_put(h->m->lost_names, str_of(sim_model_name(r, e.epoch, e.seq)), h->m);
    if (str_eq(e.event, STR("gameMessage")))
        sim_model_unsaid(h->m, e.text);
}

/* It came home before, and the answer was lost: what it said until then is the same. */
static bool same_event(const struct model_room *a, const struct model_room *b, size_t at)
{
    return at < a->count && at < b->count && a->events[at] && b->events[at] &&
           strcmp(a->events[at], b->events[at]) == 0;
}

/* What was written here since gives way to what was said there. */
static void write_events(struct home *h, struct model_room *r)
{
    const struct model_room *from = h->image;
    size_t base = (size_t)h->base;
    char **events = mem_alloc((from->count ? from->count : 1) * sizeof *events);
    for (size_t i = base; i < r->count; i++)
        if (r->events[i] && !same_event(r, from, i))
            drop_event(h, r, i);
    for (size_t i = base; i < from->count; i++) {
        events[i] = mem_copy(from->events[i], strlen(from->events[i]));
        if (!same_event(r, from, i) && strstr(events[i], "\"event\":\"gameMessage\""))
            sim_model_said_there(h->m, str_of(events[i]));
    }
    for (size_t i = 0; i < r->count; i++) {
        if (i < base && i < from->count)
            events[i] = r->events[i];
        else
            mem_free(r->events[i]);
    }
    mem_free(r->events);
    r->events = events;
    r->count = r->cap = from->count;
    int64_t most = sim_model_rules(h->m)->log_max, kept = (h->keep > 0 ? h->keep : 0) + from->log_count;
    r->log_count = kept < most ? kept : most;
    r->epoch = from->epoch;
}

static struct model_room *room_for(struct home *h)
{
    struct model_room *r = sim_model_room_of(h->m, str_of(h->away->book.room_id));
    if (!r) {
        r = mem_alloc(sizeof *r);
        (void)str_copy(r->id, sizeof r->id, str_of(h->away->book.room_id));
        map_put(h->m->rooms, str_of(r->id), r);
    }
    if (!h->old) {
        r->ended = r->ending = false;
        r->created_ms = h->image->created_ms;
        r->log_count = 0;
        h->m->live_rooms++;
    }
    return r;
}

static void write_deadlines(struct home *h, struct model_room *r)
{
    int64_t now = sim_model_fleet_ms(h->m), confirm = number(head(h, 9), 0), turn = number(head(h, 11), -1);
    r->confirm_by_ms = sim_model_now_ms(h->m) + confirm;
    r->confirm_due_ms = h->image->active ? 0 : now + confirm;
    r->idle_due_ms = now + number(head(h, 10), 0);
    r->turn_due_ms = turn < 0 ? 0 : now + turn;
}

/* The numbers behind it may name other events: those that give way, or those of a store that has lost its
 * data and the image that was sent there before. */
static bool begins_afresh(const struct home *h, const struct model_room *r)
{
    const struct buf *states = &h->away->book.states;
    struct str rest = buf_str(states), last = {0};
    if (h->old && r->epoch == h->image->epoch)
        return true;
    while (rest.n) {
        struct str one = str_cut(&rest, ';');
        (void)str_cut(&one, ' ');
        struct str at = str_cut(&one, ' ');
        last = at.n && at.p[0] == '=' ? (struct str){at.p + 1, at.n - 1} : last;
    }
    return last.n && !(h->old && str_eq(last, str_of(r->image)));
}

static void come_home(struct home *h, const struct reply *events)
{
    struct sim_model *m = h->m;
    struct model_room *r = room_for(h);
    const struct model_room *from = h->image;
    h->silent = h->old && (int64_t)from->count == h->late.since && (int64_t)r->count >= h->late.since &&
                h->late.updates == 0 && !h->late.stated;
    h->keep = h->old && (int64_t)r->count >= h->base ? r->log_count - ((int64_t)r->count - h->base) : 0;
    if (!h->silent) /* 0: till it begins an epoch, which it does at once */
        r->run = begins_afresh(h, r) ? 0 : m->run;
    if (!h->silent)
        write_events(h, r);
    write_seats(h, r);
    r->active = from->active;
    r->level = from->level;
    r->version = from->version;
    r->turn = from->turn;
    r->updated_ms = from->updated_ms;
    r->last_ms = sim_model_now_ms(m);
    memcpy(r->data, from->data, sizeof r->data);
    (void)str_copy(r->image, sizeof r->image, str_of(h->away->image_id));
    write_deadlines(h, r);
    sim_model_cast(r);
    m->touched = r;
    sim_model_events(m, events);
    sim_model_settle_sessions(h, true);
    if (!r->ended)
        sim_model_reports(m, r);
}

void sim_model_restored(struct sim_model *m, struct str word, const struct reply *reply)
{
    struct home h;
    sim_model_open_home(&h, m);
    struct model_room *r = h.old;
    bool before = r && h.image && strcmp(r->image, h.away->image_id) == 0;
    if (r && !before && (str_eq(word, STR("OK")) || str_eq(word, STR("ENDED"))))
        h.late = sim_model_late(&h);
    if (str_eq(word, STR("OK")) && before) { /* the answer was lost */
        h.silent = true;
        sim_model_settle_sessions(&h, true);
    } else if (str_eq(word, STR("OK"))) {
        come_home(&h, reply_at(reply, 1));
    } else if (str_eq(word, STR("ENDED"))) {
        sim_model_events(m, reply_at(reply, 1));
        sim_model_give_way_ended(&h);
    } else if (!h.away->book.ended) {
        sim_model_settle_sessions(&h, false);
    }
}
