/* Deadlines in the model: which there are, when they are due, what must happen then. */
#include "tests/lib/sim_model_parts.h"

#include "tests/lib/fleet_text.h"

enum { DUE_PER_CALL = 20 };

static bool room_lives(const struct model_room *r)
{
    return r && !r->ended;
}

void sim_model_due(struct sim_model *m, struct str text, struct model_due *out)
{
    *out = (struct model_due){0};
    struct timer_entry *e = &out->entry;
    if (!timers_parse(text, e))
        SIM_MODEL_FAIL(m, "deadlines holds %.*s", (int)text.n, text.p);
    if (str_eq(e->kind, STR("queue"))) {
        struct model_player *p = out->player = sim_model_player_of(m, e->player_id);
        if (p->state == AWAY && p->fence == e->version)
            out->due_ms = &p->away_due_ms;
        return;
    }
    struct model_room *r = out->room = sim_model_room_of(m, e->room_id);
    if (!room_lives(r))
        return;
    int64_t *due = NULL;
    if (str_eq(e->kind, STR("grace"))) {
        out->seat = sim_model_seat(r, sim_model_player_of(m, e->player_id));
        if (out->seat && out->seat->fence == e->version)
            due = &out->seat->grace_due_ms;
    } else if (str_eq(e->kind, STR("turn"))) {
        due = e->version == r->version ? &r->turn_due_ms : NULL;
    } else if (e->version == 1) {
        due = str_eq(e->kind, STR("confirm")) ? &r->confirm_due_ms : &r->idle_due_ms;
    }
    out->due_ms = due && *due ? due : NULL;
}

/* ---- all of them ---- */

struct tally {
    struct sim_model *model;
    int64_t before_ms; /* those are due that are due by then */
    size_t all, due;
    char example[2 * ID_SIZE + 32]; /* one of the due */
};

static void count_due(struct tally *t, int64_t due_ms, const char *kind, const char *subject)
{
    if (due_ms == 0)
        return;
    t->all++;
    if (due_ms > t->before_ms)
        return;
    t->due++;
    (void)snprintf(t->example, sizeof t->example, "%s of %s", kind, subject);
}

static void count_room(void *arg, struct str key, void *value)
{
    struct tally *t = arg;
    const struct model_room *r = value;
    (void)key;
    if (r->ended)
        return;
    count_due(t, r->confirm_due_ms, "confirm", r->id);
    count_due(t, r->idle_due_ms, "idle", r->id);
    count_due(t, r->turn_due_ms, "turn", r->id);
    for (size_t i = 0; i < r->seat_count; i++)
        count_due(t, r->seats[i].grace_due_ms, "grace", r->seats[i].player->id);
}

static void count_player(void *arg, struct str key, void *value)
{
    const struct model_player *p = value;
    (void)key;
    if (p->state == AWAY)
        count_due(arg, p->away_due_ms, "queue", p->id);
}

static struct tally tally(struct sim_model *m, int64_t before_ms)
{
    struct tally t = {.model = m, .before_ms = before_ms};
    map_each(m->rooms, count_room, &t);
    map_each(m->players, count_player, &t);
    return t;
}

void sim_model_overdue(struct sim_model *m, int64_t by_ms)
{
    struct tally t = tally(m, sim_model_fleet_ms(m) - by_ms);
    if (t.due)
        SIM_MODEL_FAIL(m, "%zu deadlines are late, %s among them", t.due, t.example);
}

/* ---- the scripts ---- */

static void ran_due(struct sim_model *m, const struct reply *reply)
{
    struct tally t = tally(m, sim_model_fleet_ms(m));
    sim_model_same(m, (int64_t)reply->count, (int64_t)(t.due < DUE_PER_CALL ? t.due : DUE_PER_CALL),
                   fleet_text("number of due ones (%s among them)", t.due ? t.example : "none"));
    for (size_t i = 0; i < reply->count; i++) {
        struct model_due d;
        sim_model_due(m, reply_str(reply, i), &d);
        if (!d.due_ms || *d.due_ms > sim_model_fleet_ms(m))
            SIM_MODEL_FAIL(m, "%.*s is not due", (int)d.entry.text.n, d.entry.text.p);
    }
}

static void fired_in_room(struct sim_model *m, const struct model_due *d, const struct reply *events)
{
    struct model_room *r = d->room;
    struct str kind = d->entry.kind;
    int64_t idle_ms = sim_model_rules(m)->idle_ms;
    bool used = r->last_ms + idle_ms > sim_model_now_ms(m);
    if (str_eq(kind, STR("idle")) && used) { /* later, then */
        sim_model_same(m, (int64_t)events->count, 0, "number of events");
        r->idle_due_ms = sim_model_fleet_ms(m) + r->last_ms + idle_ms - sim_model_now_ms(m);
        return;
    }
    if (str_eq(kind, STR("turn")))
        sim_model_same(m, (int64_t)events->count, sim_model_due_events(m, r, 1), "number of events");
    sim_model_events(m, events);
    bool goes_on = str_eq(kind, STR("turn")) || str_eq(kind, STR("grace"));
    if (goes_on)
        sim_model_reports(m, r);
    else if (!r->ended)
        SIM_MODEL_FAIL(m, "room %s goes on after its %.*s deadline", r->id, (int)kind.n, kind.p);
}

static void ran_fire(struct sim_model *m, const struct reply *reply)
{
    struct model_due d;
    sim_model_due(m, str_of(m->call->text), &d);
    bool dissolves = str_eq(d.entry.kind, STR("confirm"));
    sim_model_same_text(m, reply_str(reply, 1), dissolves ? fleet_text("%lld", (long long)d.room->level) : "",
                        "level to match");
    if (d.room) {
        fired_in_room(m, &d, reply_at(reply, 2));
        return;
    }
    d.player->away_due_ms = 0; /* nobody came back */
    sim_model_idle(d.player);
}

void sim_model_timer_ran(struct sim_model *m, struct str word, const struct reply *reply)
{
    if (m->call->kind == SIM_DUE)
        ran_due(m, reply);
    else if (str_eq(word, STR("OK")))
        ran_fire(m, reply);
}

bool sim_model_nothing_waits(struct sim_model *m)
{
    return tally(m, 0).all == 0;
}

void sim_model_beat_shift(struct sim_model *m, int64_t moved_ms, bool nobody_lived)
{
    bool none = sim_model_nothing_waits(m);
    if (nobody_lived && (!none || m->shift_kept)) {
        m->shift_ms += moved_ms;
        m->shift_kept = true;
    } else if (!nobody_lived && none) {
        m->shift_ms = 0;
        m->shift_kept = false;
    }
}
