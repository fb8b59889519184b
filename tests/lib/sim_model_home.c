/* Rooms that come home, in the model of the store: restore_session.lua and restore_room.lua once more.
 *
 * Beside what the scripts must answer: nothing that another instance has shown to its players may give way,
 * and no request may have been done twice (sim_model_said). */
#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_model_home.h"

enum { LOG_KEPT_MS = 15000 };

/* ---- sessions ---- */

void sim_model_restore_session(const struct sim_model *m, struct model_player *p)
{
    const struct sim_call *c = m->call;
    p->later_count = 0;
    for (size_t i = 0; i + 1 < c->carried->count; i += 2) {
        struct str answer = reply_str(c->carried, i + 1), a = str_cut(&answer, '|');
        struct model_done one = {.a = -1, .b = -1};
        (void)str_to_int(reply_str(c->carried, i), &one.request);
        (void)str_to_int(a, &one.a);
        (void)str_to_int(answer, &one.b);
        if (!c->with_room)
            sim_model_restore_done(p, &one);
        else if (p->session)
            p->later[p->later_count++] = one;
    }
}

static bool answered_there(const struct model_player *p, int64_t request)
{
    for (size_t i = 0; i < p->later_count; i++)
        if (p->later[i].request == request)
            return true;
    return false;
}

static void give_way(const struct home *h, struct model_player *p, bool ended)
{
    for (size_t i = 0; i < REQUESTS_KEPT; i++) {
        struct model_done *d = &p->done[i];
        bool does = false;
        for (size_t k = 0; k < h->late.said_count; k++)
            does = does || (h->late.said[k].player == p && sim_model_did(d, h->late.said[k].number));
        for (size_t k = 0; k < h->late.vote_count; k++)
            does = does || (h->late.votes[k] == p && sim_model_voted_in_vain(d));
        if (does && (ended || !answered_there(p, d->request)))
            *d = (struct model_done){0};
    }
}

void sim_model_settle_sessions(const struct home *h, bool is_here)
{
    for (size_t i = 0; i < h->away->session_count; i++) {
        struct model_player *p = sim_model_player_of(h->m, str_of(h->away->players[i]));
        if (is_here && !h->silent)
            give_way(h, p, false);
        for (size_t k = 0; is_here && k < p->later_count; k++)
            sim_model_restore_done(p, &p->later[k]);
        p->later_count = 0;
    }
}

void sim_model_give_way_ended(const struct home *h)
{
    const struct island_room *book = &h->away->book;
    for (size_t i = 0; i < book->session_count; i++)
        give_way(h, sim_model_player_of(h->m, str_of(book->sessions[i].player_id)), true);
}

/* ---- is the store right? ---- */

bool sim_model_elsewhere(const struct home *h, const struct model_player *p)
{
    return p->state != ABSENT && p->socket[0] && strcmp(p->instance, sim_model_origin(h->m)) != 0;
}

static void event_of(const struct model_room *r, size_t at, struct room_event *e)
{
    const char *why;
    CHECK(r->events[at] && events_parse(str_of(r->events[at]), e, &why));
}

static bool leads_on(const struct model_room *old, int64_t seq, struct str epoch)
{
    struct room_event e;
    int64_t number;
    bool is_number = str_to_int(epoch, &number);
    if ((int64_t)old->count <= seq)
        return is_number && old->epoch == number;
    if ((int64_t)old->count - seq > old->log_count)
        return false;
    event_of(old, (size_t)seq, &e);
    return is_number && (e.epoch == number || e.from_epoch == number);
}

bool sim_model_of_presence(const struct room_event *e)
{
    return str_eq(e->event, STR("opponentDisconnected")) || str_eq(e->event, STR("opponentReconnected")) ||
           str_eq(e->event, STR("roomEpoch")) || str_eq(e->event, STR("turnTimeout"));
}

static void note_late(struct home *h, struct late *l, const struct room_event *e)
{
    struct json_object data;
    struct str id = {0};
    const char *why;
    if (sim_model_of_presence(e))
        return;
    l->heard = l->heard || h->elsewhere || !str_eq(e->origin_instance_id, str_of(sim_model_origin(h->m)));
    if (!json_object_scan(e->data, &data, &why) || !json_as_plain(json_get(&data, "playerId", NULL), &id))
        return;
    const struct model_player *p = sim_model_player_of(h->m, id);
    CHECK(l->said_count < LATE_MAX);
    l->said[l->said_count].player = p;
    l->said[l->said_count++].number = e->seq;
    l->updates += str_eq(e->event, STR("gameDataUpdated"));
    bool state = str_eq(e->event, STR("playerStateUpdated"));
    l->stated = l->stated || state;
    for (size_t i = 0; i < h->old->seat_count && state; i++)
        l->states[i] += h->old->seats[i].player == p;
}

static struct late late_after(struct home *h, int64_t seq)
{
    struct late l = {.known = true};
    int64_t n = (int64_t)h->old->count - seq, kept = h->old->log_count;
    l.heard = n > kept;
    for (int64_t i = n < kept ? n : kept; i > 0; i--) {
        struct room_event e;
        event_of(h->old, h->old->count - (size_t)i, &e);
        note_late(h, &l, &e);
    }
    return l;
}

static struct late late_in(struct home *h, int64_t seq, struct str state)
{
    struct buf want = {0};
    struct late l = late_after(h, seq);
    buf_add_fmt(&want, "%lld", (long long)(h->old->version - l.updates));
    for (size_t i = 0; i < h->old->seat_count; i++)
        buf_add_fmt(&want, " %s:%lld", h->old->seats[i].player->id,
                    (long long)(h->old->seats[i].version - l.states[i]));
    l.since = seq;
    l.known = str_eq(state, buf_str(&want));
    buf_close(&want);
    return l;
}

/* An image that has arrived is what the room was last. */
struct late sim_model_late(struct home *h)
{
    bool arrived = false;
    struct late l = {0};
    for (int look_for_image = 1; look_for_image >= 0 && !arrived && !l.known; look_for_image--) {
        for (struct str states = buf_str(&h->away->book.states); states.n && !arrived && !l.known;) {
            struct str one = str_cut(&states, ';'), number = str_cut(&one, ' '), at = str_cut(&one, ' ');
            int64_t seq = 0;
            (void)str_to_int(number, &seq);
            arrived = look_for_image && at.n && at.p[0] == '=' && h->old->image[0] &&
                      str_eq((struct str){at.p + 1, at.n - 1}, str_of(h->old->image));
            if (arrived || (!look_for_image && leads_on(h->old, seq, at)))
                l = late_in(h, seq, one);
        }
    }
    return l;
}

static bool other_business(const struct home *h, const struct model_seat *s)
{
    const struct model_player *p = s->player; /* in the island's model */
    const struct model_player *here = sim_model_player_of(h->m, str_of(p->id));
    if (here->state == WAITING ||
        (here->state == SEATED && strcmp(here->room->id, h->away->book.room_id) != 0))
        return true;
    if (h->old && (here->state == ABSENT || here->room != h->old))
        return true;
    return !h->image->active && (here->state == ABSENT || !here->socket[0]);
}

static bool log_is_there(const struct sim_model *m, const struct model_room *r)
{
    return r && (!r->ended || sim_model_now_ms(m) < r->ended_ms + LOG_KEPT_MS);
}

void sim_model_open_home(struct home *h, struct sim_model *m)
{
    struct sim_gateway *g = m->call->gateway;
    struct model_room *r = sim_model_room_of(m, str_of(m->call->room));
    *h = (struct home){.m = m, .away = sim_island_find(g, str_of(m->call->room))};
    h->base = h->away->book.seq;
    h->old = r && !r->ended ? r : NULL;
    h->image = h->away->book.ended ? NULL : sim_model_room_of(g->island->model, str_of(m->call->room));
    for (size_t i = 0; h->old && i < h->old->seat_count; i++)
        h->elsewhere = h->elsewhere || sim_model_elsewhere(h, h->old->seats[i].player);
    for (size_t i = 0; h->image && i < h->image->seat_count; i++)
        h->elsewhere = h->elsewhere ||
                       sim_model_elsewhere(h, sim_model_player_of(m, str_of(h->image->seats[i].player->id)));
}

const char *sim_model_word_of_restore(struct sim_model *m)
{
    struct home h;
    sim_model_open_home(&h, m);
    const struct sim_island *i = m->call->gateway->island;
    bool lost = m->call->gateway->data_lost_us >= i->since_us && !h.away->book.ended,
         born = h.away->book.born;
    if (h.old && h.image && strcmp(h.old->image, h.away->image_id) == 0)
        return "OK";
    if (!h.old && (h.away->book.ended || (!born && !lost) ||
                   log_is_there(m, sim_model_room_of(m, str_of(m->call->room)))))
        return "GONE";
    if (h.old) {
        h.late = sim_model_late(&h);
        if (!h.late.known || h.late.heard)
            return "CHANGED";
    }
    if (h.away->book.ended)
        return "ENDED";
    for (size_t k = 0; k < h.image->seat_count; k++)
        if (other_business(&h, &h.image->seats[k]))
            return "CHANGED";
    return "OK";
}

bool sim_model_ended_there(struct sim_model *m, struct str reason, struct str result)
{
    const struct sim_away *away = sim_island_find(m->call->gateway, str_of(m->call->room));
    return away->book.ended && str_eq(reason, str_of(fleet_text("\"%s\"", away->book.reason))) &&
           str_eq(result, str_of(away->book.result));
}
