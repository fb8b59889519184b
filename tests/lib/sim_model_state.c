/* What is in a room in the model: confirmations, versions, states, reports of the result, its record, its
 * log.
 */
#include "tests/lib/sim_model_parts.h"

#include "common/buf.h"
#include "tests/lib/fleet_text.h"

enum { LOG_KEPT_MS = 15000 };

/* ---- versions ---- */

static void ran_set(struct sim_model *m, struct model_room *r, struct model_seat *seat,
                    const struct reply *reply)
{
    const struct sim_call *c = m->call;
    int64_t *version = c->game ? &r->version : &seat->version;
    const struct reply *events = reply_at(reply, 3);
    ++*version;
    sim_model_same(m, reply_int(reply, 1), *version, "version");
    sim_model_same(m, (int64_t)events->count, sim_model_due_events(m, r, 1), "number of events");
    sim_model_events(m, events);
    sim_model_same(m, reply_int(reply, 2), (int64_t)r->count, "seq");
    r->updated_ms = sim_model_now_ms(m);
    (void)str_copy(c->game ? r->data : seat->state, TEXT_MAX, str_of(c->text));
    struct room_event e;
    const char *why;
    (void)events_parse(reply_str(events, events->count - 1), &e, &why);
    if (c->game) { /* the turn was made in time */
        r->turn = c->number + 1;
        r->turn_due_ms = 0;
        sim_model_same_text(m, e.data,
                            fleet_text("{\"roomId\":\"%s\",\"playerId\":\"%s\",\"gameData\":%s,\"turn\":%lld,"
                                       "\"version\":%lld}",
                                       r->id, c->player, c->text, (long long)r->turn, (long long)*version),
                            "data");
    } else {
        sim_model_same_text(
            m, e.data,
            fleet_text("{\"roomId\":\"%s\",\"playerId\":\"%s\",\"state\":%s,\"version\":%lld}", r->id,
                       c->player, c->text, (long long)*version),
            "data");
    }
}

static void ran_deadline(struct sim_model *m, struct model_room *r, const struct reply *reply)
{
    const struct sim_call *c = m->call;
    sim_model_same(m, reply_int(reply, 1), sim_model_now_ms(m) + c->after_ms, "due time");
    sim_model_same(m, reply_int(reply, 2), r->version, "version");
    r->turn_due_ms = sim_model_fleet_ms(m) + c->after_ms;
}

static void stale(struct sim_model *m, struct model_room *r, const struct model_player *p,
                  const struct reply *reply)
{
    const struct sim_call *c = m->call;
    bool own = c->kind == SIM_SET && !c->game;
    sim_model_same(m, reply_int(reply, 1), own ? sim_model_seat(r, p)->version : r->version,
                   "current version");
}

/* ---- the result ---- */

void sim_model_reports(struct sim_model *m, struct model_room *r)
{
    bool all = true;
    for (size_t i = 0; i < r->seat_count; i++)
        all = all && r->seats[i].reported;
    if (!r->ended && (r->seat_count < 2 || all))
        SIM_MODEL_FAIL(m, "room %s goes on, but %s", r->id,
                       r->seat_count < 2 ? "who is left" : "all have reported the result");
}

static void ran_end(struct sim_model *m, struct model_room *r, struct model_seat *seat,
                    const struct reply *reply)
{
    (void)str_copy(seat->report, sizeof seat->report, str_of(m->call->text));
    seat->reported = true;
    sim_model_events(m, reply_at(reply, 2));
    sim_model_same_text(m, reply_str(reply, 1), r->ended ? "1" : "0", "whether it has ended");
    sim_model_reports(m, r);
}

/* ---- confirm, leave, read ---- */

static void ran_confirm(struct sim_model *m, struct model_room *r, struct model_seat *seat,
                        const struct reply *reply)
{
    bool all = true, waits = !r->active;
    seat->confirmed = seat->confirmed || waits;
    for (size_t i = 0; i < r->seat_count; i++)
        all = all && r->seats[i].confirmed;
    sim_model_same(m, (int64_t)reply_at(reply, 2)->count, sim_model_due_events(m, r, waits && all),
                   "number of events");
    sim_model_events(m, reply_at(reply, 2));
    sim_model_same_text(m, reply_str(reply, 1), r->active ? "active" : "waiting", "status");
    sim_model_same(m, reply_int(reply, 3), (int64_t)r->count, "seq");
}

static void ran_leave(struct sim_model *m, struct model_room *r, const struct reply *reply)
{
    const char *rematch = r->active ? "" : fleet_text("%lld", (long long)r->level);
    sim_model_events(m, reply_at(reply, 2));
    sim_model_same_text(m, reply_str(reply, 1), rematch, "level to match");
    sim_model_reports(m, r);
}

void sim_model_record(struct sim_model *m, const struct model_room *r, struct str record)
{
    struct buf b = {0};
    buf_add_fmt(&b, "{\"roomId\":\"%s\",\"players\":[", r->id);
    for (size_t i = 0; i < r->seat_count; i++) {
        const struct model_seat *s = &r->seats[i];
        buf_add_fmt(&b, "%s{\"id\":\"%s\",", i ? "," : "", s->player->id);
        if (s->socket[0])
            buf_add_fmt(&b, "\"instanceId\":\"%s\",\"socketId\":\"%s\"", s->instance, s->socket);
        else
            buf_add_text(&b, "\"instanceId\":null,\"socketId\":null");
        buf_add_fmt(&b, ",\"state\":%s}", s->state);
    }
    buf_add_fmt(&b,
                "],\"gameData\":%s,\"turn\":%lld,\"status\":\"%s\",\"createdAt\":%lld,\"updatedAt\":%lld,"
                "\"version\":%lld,\"seq\":%zu,\"epoch\":%lld}",
                r->data, (long long)r->turn, r->active ? "active" : "waiting", (long long)r->created_ms,
                (long long)r->updated_ms, (long long)r->version, r->count, (long long)r->epoch);
    sim_model_same_text(m, record, b.data, "the record");
    buf_close(&b);
}

static void ran_read(struct sim_model *m, struct model_room *r, const struct reply *reply)
{
    sim_model_record(m, r, reply_str(reply, 1));
    sim_model_same(m, reply_int(reply, 2), (int64_t)r->count, "seq");
    sim_model_same_text(m, reply_str(reply, 3), r->active ? "active" : "waiting", "status");
    sim_model_same(m, reply_int(reply, 5), r->epoch, "epoch");
}

static void carry_out(struct sim_model *m, struct model_room *r, struct model_player *p,
                      const struct reply *reply)
{
    struct model_seat *seat = sim_model_seat(r, p);
    switch (m->call->kind) {
    case SIM_CONFIRM:
        ran_confirm(m, r, seat, reply);
        break;
    case SIM_MESSAGE:
        if (reply_str(reply, 3).n)
            sim_model_event(m, reply_str(reply, 3)); /* roomEpoch, before it */
        sim_model_event(m, reply_str(reply, 2));
        sim_model_same(m, reply_int(reply, 1), (int64_t)r->count, "seq");
        break;
    case SIM_SET:
        ran_set(m, r, seat, reply);
        break;
    case SIM_DEADLINE:
        ran_deadline(m, r, reply);
        break;
    case SIM_END:
        ran_end(m, r, seat, reply);
        break;
    case SIM_LEAVE_ROOM:
        ran_leave(m, r, reply);
        break;
    default:
        ran_read(m, r, reply);
    }
}

void sim_model_room_ran(struct sim_model *m, struct model_player *p, struct str word,
                        const struct reply *reply)
{
    const struct sim_call *c = m->call;
    struct model_room *r = sim_model_room_of(m, str_of(c->room));
    if (str_eq(word, STR("DONE"))) {
        sim_model_same_text(m,
                            str_of(fleet_text("%.*s|%.*s", (int)reply_str(reply, 1).n, reply_str(reply, 1).p,
                                              (int)reply_str(reply, 2).n, reply_str(reply, 2).p)),
                            sim_model_done_text(sim_model_done(p, c->request)), "the answer the first time");
    } else if (str_eq(word, STR("STALE_VERSION"))) {
        stale(m, r, p, reply);
    } else if (str_eq(word, STR("AGAIN"))) {
        sim_model_same(m, reply_int(reply, 1), r->level, "level");
    } else if (str_eq(word, STR("OK"))) {
        carry_out(m, r, p, reply);
        if (c->request)
            sim_model_remember(p, sim_model_answered(c, reply));
    }
}

/* ---- the log ---- */

void sim_model_log(struct sim_model *m, const struct reply *reply)
{
    const struct sim_call *c = m->call;
    const struct model_room *r = sim_model_room_of(m, str_of(c->room));
    const struct reply *events = reply_at(reply, 2);
    bool lives = r && !r->ended;
    bool kept = lives || (r && sim_model_now_ms(m) < r->ended_ms + LOG_KEPT_MS);
    int64_t last = kept ? (int64_t)r->count : 0;
    int64_t most = kept ? r->log_count : 0;
    int64_t count = last > c->number ? last - c->number : 0;
    count = count < most ? count : most;
    sim_model_same(m, reply_int(reply, 1), lives ? last : -1, "seq");
    sim_model_same(m, reply_int(reply, 3), last, "last number");
    sim_model_same(m, reply_int(reply, 4), kept ? r->epoch : 1, "epoch");
    sim_model_same(m, (int64_t)events->count, count, "number of events");
    for (int64_t i = 0; r && i < count; i++)
        sim_model_same_text(m, reply_str(events, (size_t)i), r->events[last - count + i],
                            "an event of the log");
}
