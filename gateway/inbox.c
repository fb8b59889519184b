/* Carries room events to the local members, in order.
 *
 * One event, one path: a script's reply on the instance that called it, and the PUBLISH on all others, both
 * end in accept(): the next number is delivered, lower ones are dropped, higher ones are held while the log
 * is read. The reply of the request that caused an event waits (room_wait) until the event has been delivered
 * here, so that a client never sees number n+1 before n. What a delivered event means for the local view
 * stands in deliver.c.
 *
 * What can fail: the log no longer reaches back (members get a roomSnapshot and the count of lost gaps
 * grows), the store came back with older data (it wins: members get a roomSnapshot and older numbers again),
 * or the store is away (the gap stays until the link is back: clockwork fills all rooms then). */
#include "gateway/inbox.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/tell.h"
#include "gateway/closing.h"
#include "gateway/copy.h"
#include "gateway/deliver.h"
#include "gateway/fleet.h"
#include "gateway/island.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "matchmaking/events.h"
#include "matchmaking/room_state.h"
#include "proto/messages.h"

/* One look into a room's log; finds its room again by id, for the room may be gone by then. */
struct fill {
    struct node *node;
    struct history_position have; /* the last event delivered when it was asked for */
    int64_t ahead;                /* the highest number held back then */
    bool older; /* the store does not have these: it came back with older data, or somebody forged one */
    void (*done)(void *arg, bool answered); /* or NULL */
    void *arg;
    char room_id[ID_SIZE];
};

static void fill_end(struct fill *f, bool good)
{
    struct room *r = rooms_find(f->node->rooms, str_of(f->room_id));
    if (r) {
        r->filling = false;
        if (r->fill_again) {
            inbox_fill(f->node, r);
        } else if (good && r->astray_epoch) {
            r->astray_epoch = 0;
            closing_waiters(r, false);
        }
        if (!list_empty(&r->held))
            room_gap(r);
    }
    if (f->done)
        f->done(f->arg, good);
    mem_free(f);
}

/* What is held belongs to an epoch that is over; who has seen more of it than the store still has (he was
 * ahead of the room here) attaches again and is told. */
static void leave_epoch(struct room *r, const struct room_event *e)
{
    room_drop_held(r, INT64_MAX);
    LIST_EACH(it, &r->members)
    {
        struct session *s = OWNER(it, struct session, in_room);
        if (s->seen.seq >= e->seq && s->seen.epoch != e->epoch)
            s->catching_up = s->doubt = true;
    }
}

static void advance(struct room *r, const struct room_event *e)
{
    int64_t former = r->at.epoch;
    if (e->epoch != former)
        leave_epoch(r, e);
    r->at = (struct history_position){e->epoch, e->seq};
    if (e->epoch != former)
        closing_lost(r, former);
}

/* Delivers `e` and all held events that follow it. The room may be gone afterwards. */
static void deliver_run(struct node *n, struct room *r, const struct room_event *e)
{
    char room_id[ID_SIZE];
    memcpy(room_id, r->room_id, sizeof room_id);
    uint64_t removed = rooms_removed(n->rooms);
    advance(r, e);
    deliver_event(n, r, e);
    for (;;) {
        if (rooms_removed(n->rooms) != removed)
            r = rooms_find(n->rooms, str_of(room_id));
        if (!r)
            return;
        closing_waiters(r, false);
        struct room_held *h = room_next_held(r);
        if (!h)
            return;
        struct room_event held;
        const char *why;
        struct str text = {h->text, h->bytes};
        CHECK(events_split(text, &held) || events_parse(text, &held, &why)); /* one of them took it before */
        advance(r, &held);
        deliver_event(n, r, &held);
        mem_free(h);
    }
}

static void accept_numbered(struct node *n, struct room *r, const struct room_event *e)
{
    if (e->epoch != r->at.epoch && !history_follows(r->at, e)) {
        r->astray_epoch = e->epoch; /* the log says what of ours still counts */
        inbox_fill(n, r);
        return;
    }
    switch (room_order(r, e->seq)) {
    case ROOM_DROP:
        return;
    case ROOM_DELIVER:
        deliver_run(n, r, e);
        return;
    case ROOM_HOLD:
        room_hold(r, e->seq, e->text);
        break;
    case ROOM_OVERFLOW: /* the log has them all: let it start over */
        room_drop_held(r, INT64_MAX);
        inbox_fill(n, r);
        return;
    }
    room_gap(r);
}

/* The record instead of the events that are gone: every local member gets it, and numbering goes on from
 * there. */
static void start_over(const struct fill *f, struct room *r, const struct reply *reply)
{
    struct history_position to = {reply_int(reply, 5), reply_int(reply, 2)};
    bool anew = f->older || to.epoch != r->at.epoch;
    log_warn(f->older ? "room.store_older" : "room.gap_lost", KV("room", r->room_id),
             KV_INT("from", r->at.seq), KV_INT("to", to.seq), KV_INT("from_epoch", r->at.epoch),
             KV_INT("to_epoch", to.epoch),
             KV("next", f->older ? "the store is right, members got a snapshot" : "members got a snapshot"));
    metrics_add(f->older ? METRIC_ROOM_STORE_OLDER : METRIC_ROOM_GAPS_LOST, 1);
    r->at = to;
    copy_free(r->copy); /* it was of what is no more, or has missed something */
    r->copy = NULL;
    room_drop_held(r, anew ? INT64_MAX : to.seq);
    deliver_renew(r, reply_str(reply, 3), reply_str(reply, 4));
    LIST_EACH(it, &r->members)
    {
        struct session *s = OWNER(it, struct session, in_room);
        if (anew && !s->catching_up)
            s->seen = (struct history_position){0};
        if (!s->catching_up) /* else catchup.c shows it */
            deliver_snapshot(s->conn, r, reply_str(reply, 1), to);
    }
    if (anew)
        closing_lost(r, f->have.epoch);
    closing_waiters(r, false);
    if (r->status == ROOM_WAITING) /* what was lost may be the confirmations */
        f->node->on_seated(f->node, r);
}

static void on_snapshot(void *arg, int err, const struct reply *reply)
{
    struct fill *f = arg;
    struct room *r = rooms_find(f->node->rooms, str_of(f->room_id));
    bool good = realm_said(realm_outcome(err, reply), "OK");
    if (r && good && (f->older || reply_int(reply, 2) > r->at.seq))
        start_over(f, r, reply);
    fill_end(f, good);
}

static void on_log(void *arg, int err, const struct reply *reply)
{
    struct fill *f = arg;
    struct node *n = f->node;
    struct room *r = rooms_find(n->rooms, str_of(f->room_id));
    bool answered = realm_said(realm_outcome(err, reply), "OK");
    if (!r || !answered) {
        fill_end(f, answered);
        return;
    }
    int64_t newest = reply_int(reply, 1), before = r->at.seq;
    f->older = history_after(f->have, reply) == HISTORY_OTHER || (newest >= 0 && f->ahead > newest);
    const struct reply *events = reply_at(reply, 2);
    for (size_t i = 0; i < events->count; i++) {
        r = rooms_find(n->rooms, str_of(f->room_id));
        struct room_event e;
        const char *why;
        if (r && events_parse(reply_str(events, i), &e, &why) && history_follows(r->at, &e))
            deliver_run(n, r, &e);
    }
    r = rooms_find(n->rooms, str_of(f->room_id));
    if (r && r->at.seq > before) {
        metrics_add(METRIC_ROOM_GAPS, 1);
        log_info("room.gap_filled", KV("room", r->room_id), KV_INT("from", before), KV_INT("to", r->at.seq));
    }
    if (r && newest < 0) { /* ended, and its log is gone too */
        deliver_push_room(r, PUSH_ROOM_CLEANUP, "{\"roomId\":\"%s\",\"reason\":\"gone\"}");
        closing_room(n, r, (struct str){0}, "gone");
    } else if (r && (r->at.seq < newest || f->older) && !list_empty(&r->members)) {
        room_state_read(r->realm, &(struct room_seat){.room_id = str_of(r->room_id)}, on_snapshot, f);
        return;
    }
    fill_end(f, true);
}

void inbox_fill(struct node *n, struct room *r)
{
    if (r->realm != &n->realm) /* on the island only our own replies make events: there are no gaps */
        return;
    r->fill_again = r->filling; /* what is under way may have been asked too early */
    if (!r->filling)
        inbox_fill_then(n, r, NULL, NULL);
}

void inbox_fill_then(struct node *n, struct room *r, void (*done)(void *arg, bool answered), void *arg)
{
    r->filling = true;
    struct fill *f = mem_alloc(sizeof *f);
    f->node = n;
    f->have = r->at;
    f->ahead = room_held_last(r);
    f->done = done;
    f->arg = arg;
    memcpy(f->room_id, r->room_id, sizeof f->room_id);
    room_state_log(r->realm, str_of(r->room_id), (struct str){0}, r->at.seq, on_log, f);
}

void inbox_on_gap(void *arg, struct room *r)
{
    if (!list_empty(&r->held)) /* else the missing ones came meanwhile */
        inbox_fill(arg, r);
}

/* From outside the fleet: relayed as it is, without a number; it changes nothing and cannot pose as one of
 * our own events. */
static void relay_foreign(struct node *n, struct room_event *e)
{
    metrics_add(METRIC_ROOM_EVENTS_FOREIGN, 1);
    struct room *r = rooms_find(n->rooms, e->room_id);
    if (!r)
        return;
    if (deliver_reserved(e->event)) {
        log_limited(LOG_WARN, "event.forged", KV("room", r->room_id), KV_STR("event", e->event),
                    KV("next", "not relayed: only the gateway itself says this"));
        return;
    }
    e->seq = 0;
    e->skip_player_id = (struct str){0};
    deliver_push(r, e);
}

/* A message of an instance that the last heartbeat did not list: it may be new. It waits for the next list,
 * in order. */
struct stranger {
    struct list link;
    unsigned lists; /* renewed since it came: the first one may have been asked for before the instance was
                       there */
    size_t bytes;
    char text[];
};
enum { STRANGERS_MAX = 1024, STRANGER_LISTS = 2 };

static void keep_stranger(struct node *n, const struct room_event *e)
{
    struct stranger *s = mem_alloc(sizeof *s + e->text.n);
    s->bytes = e->text.n;
    memcpy(s->text, e->text.p, e->text.n);
    list_push(&n->strangers, &s->link);
    n->stranger_count++;
    n->on_stranger(n);
}

/* Still unknown: the log is asked instead, which nobody forges from outside. */
static void distrust(struct node *n, const struct room_event *e)
{
    struct room *r = rooms_find(n->rooms, e->room_id);
    if (r)
        inbox_fill(n, r);
    else if (str_eq(e->event, STR(PUSH_MATCH_FOUND)))
        deliver_doubts(n, e);
}

static void route_known(struct node *n, const struct realm *realm, const struct room_event *e)
{
    if (realm != &n->realm)
        island_note(n->island, e);
    if (e->seq == 1 && str_eq(e->event, STR(PUSH_MATCH_FOUND))) {
        deliver_match_found(n, realm, e);
        return;
    }
    struct room *r = rooms_find(n->rooms, e->room_id);
    if (!r || r->realm != realm) /* what the store said of a room that has gone on without it */
        return;
    if (e->seq == 0)
        deliver_push(r, e); /* volatile */
    else
        accept_numbered(n, r, e);
}

static void route(struct node *n, const struct realm *realm, struct room_event *e)
{
    if (e->room_id.n == 0)
        deliver_control(n, e);
    else if (fleet_knows(n->fleet, e->origin_instance_id))
        route_known(n, realm, e);
    else if (e->seq == 0 || !id_valid(e->origin_instance_id))
        relay_foreign(n, e);
    else if (n->stranger_count < STRANGERS_MAX)
        keep_stranger(n, e);
    else
        distrust(n, e);
}

void inbox_strangers(struct node *n)
{
    bool ask = false;
    LIST_EACH_SAFE(it, next, &n->strangers)
    {
        struct stranger *s = OWNER(it, struct stranger, link);
        struct room_event e;
        const char *why;
        CHECK(events_parse((struct str){s->text, s->bytes}, &e, &why));
        bool known = fleet_knows(n->fleet, e.origin_instance_id);
        if (!known && ++s->lists < STRANGER_LISTS) {
            ask = true;
            continue;
        }
        list_remove(it);
        n->stranger_count--;
        if (known)
            route_known(n, &n->realm, &e);
        else
            distrust(n, &e);
        mem_free(s);
    }
    if (ask)
        n->on_stranger(n);
}

void inbox_close(struct node *n)
{
    LIST_EACH_SAFE(it, next, &n->strangers)
    mem_free(OWNER(it, struct stranger, link));
    list_init(&n->strangers);
}

/* Payloads of our own fleet were checked where they came in, and so may stay unread here. */
static bool read_event(const struct node *n, struct str message, struct room_event *out, const char **why)
{
    return (events_split(message, out) && fleet_knows(n->fleet, out->origin_instance_id)) ||
           events_parse(message, out, why);
}

void inbox_message(struct node *n, struct str channel, struct str message)
{
    metrics_add(METRIC_ROOM_EVENTS_IN, 1);
    if (events_from(message, n->realm.instance_id))
        return;
    struct room_event e;
    const char *why = NULL;
    if (!read_event(n, message, &e, &why)) {
        metrics_add(METRIC_ROOM_EVENTS_BAD, 1);
        log_limited(LOG_WARN, "event.bad", KV_STR("channel", channel), KV("reason", why),
                    KV_INT("bytes", message.n), KV("next", "ignored"));
        return;
    }
    if (e.timestamp_ms > 0) {
        double lag = ((double)clock_wall_ms() - (double)e.timestamp_ms) / 1000.0;
        metrics_observe(METRIC_ROOM_EVENT_LAG, lag > 0 ? lag : 0);
    }
    route(n, &n->realm, &e);
}

/* An event that one of our own scripts made. */
static bool read_own(const struct node *n, struct str event_json, struct room_event *e)
{
    const char *why;
    bool good = read_event(n, event_json, e, &why);
    if (!good)
        log_error("event.unreadable", KV("reason", why),
                  KV("next", "the event is lost here: a bug in a script"));
    return good;
}

void inbox_event(struct node *n, const struct realm *realm, struct str event_json)
{
    struct room_event e;
    if (read_own(n, event_json, &e))
        route(n, realm, &e);
}

void inbox_event_answer(struct node *n, const struct realm *realm, struct str event_json, struct session *s,
                        int64_t request_id, struct str data)
{
    struct room_event e;
    if (!read_own(n, event_json, &e)) {
        tell_ok(s->conn, request_id, data);
        return;
    }
    struct room *r = rooms_find(n->rooms, e.room_id);
    if (!r || (r->at.epoch == e.epoch && r->at.seq >= e.seq && !r->astray_epoch))
        closing_reply(r, s, request_id, e.seq, data);
    else
        room_wait(r, (struct history_position){e.epoch, e.seq}, s, request_id, data);
    route(n, realm, &e);
}

void inbox_events(struct node *n, const struct realm *realm, const struct reply *events)
{
    for (size_t i = 0; i < events->count; i++)
        inbox_event(n, realm, reply_str(events, i));
}

void inbox_reply_at(struct node *n, struct str room_id, int64_t seq, struct session *s, int64_t request_id,
                    struct str data)
{
    struct room *r = rooms_find(n->rooms, room_id);
    if (r && (r->at.seq < seq || r->astray_epoch) && request_id != 0)
        room_wait(r, (struct history_position){r->astray_epoch ? r->astray_epoch : r->at.epoch, seq}, s,
                  request_id, data);
    else
        closing_reply(r, s, request_id, seq, data);
}
