/* Delivers room events to the local members and keeps the local view in step with them. */
#include "gateway/deliver.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/cast.h"
#include "gateway/tell.h"
#include "gateway/closing.h"
#include "gateway/estimate.h"
#include "gateway/fleet.h"
#include "gateway/found.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/ticket.h"
#include "proto/messages.h"

/* A push of our own about a room, without number. */
static struct cast cast_plain(const char *event, const char *room_id, const struct buf *data,
                              struct str *text)
{
    *text = buf_str(data);
    return (struct cast){
        .push = {.event = str_of(event), .room = str_of(room_id)}, .parts = text, .count = 1};
}

static void cast_once(struct cast *x, struct conn *c, enum conn_send_mode mode)
{
    cast_send(x, c, mode);
    cast_close(x);
}

/* Is the event kept from this player because catchup.c shows it, or has shown it? */
static bool caught_up_with(const struct session *s, const struct room_event *e)
{
    return s->catching_up || (e->seq && e->seq <= s->seen.seq);
}

/* A native client asks again for a reply that it never got; that of Socket.IO does not, so only one that goes
 * out with this number counts. */
bool deliver_answered(const struct room *r, const struct session *s, const struct room_event *e)
{
    if (e->skip_player_id.n == 0 || !str_eq(e->skip_player_id, str_of(s->player_id)))
        return false;
    return !s->conn || conn_dialect(s->conn) == DIALECT_NATIVE ||
           (r && room_waits(r, s, (struct history_position){e->epoch, e->seq}));
}

void deliver_push(struct room *r, const struct room_event *e)
{
    struct cast x = cast_event(e, &e->data);
    LIST_EACH(it, &r->members)
    {
        struct session *s = OWNER(it, struct session, in_room);
        if (!s->conn || caught_up_with(s, e) || deliver_answered(r, s, e))
            continue;
        cast_send(&x, s->conn, e->seq ? CONN_RELIABLE : CONN_VOLATILE);
    }
    cast_close(&x);
}

void deliver_volatile(struct room *r, struct cast *x, const struct session *except)
{
    LIST_EACH(it, &r->members)
    {
        struct session *s = OWNER(it, struct session, in_room);
        if (s != except && s->conn && !s->catching_up)
            cast_send(x, s->conn, CONN_VOLATILE);
    }
}

void deliver_push_room(struct room *r, const char *event, const char *data_format)
{
    struct buf data = {0};
    const char *hole = strstr(data_format, "%s");
    buf_add(&data, data_format, hole ? (size_t)(hole - data_format) : strlen(data_format));
    if (hole) {
        buf_add_text(&data, r->room_id);
        buf_add_text(&data, hole + 2);
    }
    struct str text;
    struct cast x = cast_plain(event, r->room_id, &data, &text);
    LIST_EACH(it, &r->members)
    {
        struct session *s = OWNER(it, struct session, in_room);
        if (s->conn && !s->catching_up)
            cast_send(&x, s->conn, CONN_RELIABLE);
    }
    cast_close(&x);
    buf_close(&data);
}

void deliver_snapshot(struct conn *c, const struct room *r, struct str record, struct history_position at)
{
    if (!c)
        return;
    struct buf data = {0};
    buf_add_fmt(&data, "{\"roomId\":\"%s\",\"level\":%lld,\"seq\":%lld,\"state\":", r->room_id,
                (long long)r->level, (long long)at.seq);
    buf_add_str(&data, record);
    buf_add_text(&data, "}");
    struct str text;
    struct cast x = cast_plain(PUSH_ROOM_SNAPSHOT, r->room_id, &data, &text);
    x.push.at_epoch = at.epoch;
    x.push.at_seq = at.seq;
    cast_once(&x, c, CONN_RELIABLE);
    buf_close(&data);
}

bool deliver_reserved(struct str event)
{
    static const char *const names[] = {
        PUSH_TURN_TIMEOUT,
        PUSH_ROOM_EPOCH,
        PUSH_TICKET_EXPIRED,
        PUSH_WELCOME,
        PUSH_WAITING,
        PUSH_QUEUE_UPDATE,
        PUSH_MATCH_FOUND,
        PUSH_MATCH_CANCELLED,
        PUSH_GAME_START,
        PUSH_PLAYER_STATE_UPDATED,
        PUSH_GAME_DATA_UPDATED,
        PUSH_ROOM_SNAPSHOT,
        PUSH_OPPONENT_DISCONNECTED,
        PUSH_OPPONENT_RECONNECTED,
        PUSH_PLAYER_LEFT,
        PUSH_GAME_END,
        PUSH_ROOM_CLEANUP,
        PUSH_GOODBYE,
        PUSH_PONG,
        PUSH_GAME_STATE,
        PUSH_ERROR,
        SOCKETIO_SEEN,
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(event, str_of(names[i])))
            return true;
    return false;
}

static void places_from(struct room *r, struct str place)
{
    struct event_seat seat;
    while (events_next_seat(&place, &seat))
        room_place_set(r, seat.player_id, seat.instance_id);
}

void deliver_renew(struct room *r, struct str status, struct str place)
{
    r->status = str_eq(status, STR("active")) ? ROOM_ACTIVE : ROOM_WAITING;
    room_places_clear(r);
    places_from(r, place);
}

/* The event's data with one more member; data is an object (matchmaking/events.c saw to it). */
static void add_member(struct buf *out, struct str data, const char *name, const char *value_json)
{
    buf_add(out, data.p, data.n - 1); /* without the closing brace */
    buf_add_fmt(out, "%s\"%s\":%s}", data.n > 2 ? "," : "", name, value_json);
}

static void seat_player(struct node *n, struct room *r, struct session *s, const struct room_event *e)
{
    room_enter(r, s);
    s->level = r->level;
    session_move(s, SESSION_IN_ROOM, "matched");
    uint64_t waited_ms = clock_mono_ms() - s->joined_at_ms;
    metrics_observe(METRIC_MATCH_SECONDS, (double)waited_ms / 1000.0);
    estimate_add(n->estimate, s->level, waited_ms);
    conn_ping_every(s->conn, (uint64_t)n->settings->ping_ms);
    found_push(s, e, room_opponent(r, s->player_id));
}

static int64_t level_of(const struct room_event *e)
{
    struct json_object data;
    const char *why;
    int64_t level = 0;
    if (json_object_scan(e->data, &data, &why))
        (void)json_as_int(json_get(&data, "level", NULL), 0, INT32_MAX, &level);
    return level;
}

void deliver_doubts(struct node *n, const struct room_event *e)
{
    struct event_seat seat;
    for (struct str place = e->place; events_next_seat(&place, &seat);) {
        struct session *s = sessions_find(n->sessions, seat.player_id);
        if (s && s->conn && str_eq(seat.socket_id, str_of(s->socket_id)))
            n->on_doubt(n, s);
    }
}

void deliver_match_found(struct node *n, const struct realm *realm, const struct room_event *e)
{
    struct room *known = rooms_find(n->rooms, e->room_id), *r = NULL;
    struct event_seat seat;
    for (struct str place = e->place; events_next_seat(&place, &seat);) {
        if (!str_eq(seat.instance_id, str_of(n->realm.instance_id)))
            continue;
        struct session *s = sessions_find(n->sessions, seat.player_id);
        /* A player whose connection has just changed is found by its own attach; one that is gone, by its
         * detach. */
        if (!s || !s->conn || s->realm != realm || !str_eq(seat.socket_id, str_of(s->socket_id)))
            continue;
        if (known || s->room || (s->state != SESSION_QUEUED && s->state != SESSION_IDLE)) {
            if (s->room == NULL || s->room != known)
                n->on_doubt(n, s);
            continue;
        }
        if (!r) {
            r = rooms_get(n->rooms, e->room_id);
            r->at = (struct history_position){e->epoch, e->seq};
            r->realm = realm;
            r->level = level_of(e);
            places_from(r, e->place);
        }
        seat_player(n, r, s, e);
        log_info("match.found", KV("room", r->room_id), KV("player", s->player_id),
                 KV_INT("level", s->level));
    }
    if (r)
        n->on_seated(n, r);
}

static void started(struct room *r)
{
    r->status = ROOM_ACTIVE;
    LIST_EACH(it, &r->members)
    ticket_setup(OWNER(it, struct session, in_room), (struct str){0}); /* it has been told */
}

static bool is_requeued(const struct room_event *e, const struct session *s)
{
    for (struct str rest = e->requeued; rest.n;)
        if (str_eq(str_cut(&rest, ' '), str_of(s->player_id)))
            return true;
    return false;
}

static void push_cancelled(struct session *s, const struct room_event *e)
{
    struct buf data = {0};
    add_member(&data, e->data, "requeued", is_requeued(e, s) ? "true" : "false");
    struct str text = buf_str(&data);
    struct cast x = cast_event(e, &text);
    cast_once(&x, s->conn, CONN_RELIABLE);
    buf_close(&data);
}

static void cancelled(struct node *n, struct room *r, const struct room_event *e)
{
    LIST_EACH(it, &r->members)
    {
        struct session *s = OWNER(it, struct session, in_room);
        if (s->conn && !caught_up_with(s, e))
            push_cancelled(s, e);
        if (!is_requeued(e, s))
            ticket_end(s);
    }
    closing_room(n, r, e->requeued, "match cancelled");
}

void deliver_replay(struct session *s, const struct room_event *e)
{
    if (!s->conn)
        return;
    if (str_eq(e->event, STR(PUSH_MATCH_FOUND))) {
        char opponent[ID_SIZE] = "";
        struct event_seat seat;
        for (struct str place = e->place; !*opponent && events_next_seat(&place, &seat);)
            if (!str_eq(seat.player_id, str_of(s->player_id)))
                (void)str_copy(opponent, sizeof opponent, seat.player_id);
        found_push(s, e, *opponent ? opponent : NULL);
        return;
    }
    if (str_eq(e->event, STR(PUSH_MATCH_CANCELLED))) {
        push_cancelled(s, e);
        return;
    }
    struct cast x = cast_event(e, &e->data);
    cast_once(&x, s->conn, CONN_REPLAY);
}

void deliver_gone(struct session *s, const char *room_id)
{
    if (!s->conn)
        return;
    struct buf data = {0};
    buf_add_fmt(&data, "{\"roomId\":\"%s\",\"reason\":\"gone\"}", room_id);
    struct str text;
    struct cast x = cast_plain(PUSH_ROOM_CLEANUP, room_id, &data, &text);
    cast_once(&x, s->conn, CONN_RELIABLE);
    buf_close(&data);
}

/* The player an event is about: data is {"roomId":..,"playerId":..}, written by our scripts. */
static struct str subject(const struct room_event *e)
{
    struct json_object data;
    struct str id = {0};
    const char *why;
    if (json_object_scan(e->data, &data, &why))
        (void)json_as_plain(json_get(&data, "playerId", NULL), &id);
    return id;
}

/* To all members, him who is back included: a number is left out for nobody. Whoever takes his seat now is
 * shown it by catchup.c, or has it in his snapshot; but it may also come by the log, on a line that never
 * broke, when the answer to his re-attach was lost. */
static void reconnected(struct room *r, const struct room_event *e)
{
    places_from(r, e->place);
    deliver_push(r, e);
}

static void left(struct node *n, struct room *r, const struct room_event *e)
{
    struct str player_id = subject(e);
    room_place_drop(r, player_id);
    struct session *s = sessions_find(n->sessions, player_id);
    if (s && s->room == r) {
        room_leave(s);
        session_move(s, SESSION_IDLE, "left the room");
    }
    deliver_push(r, e);
    if (list_empty(&r->members))
        closing_room(n, r, (struct str){0}, "no member left here");
}

void deliver_event(struct node *n, struct room *r, const struct room_event *e)
{
    n->on_event(n, r, e);
    if (str_eq(e->event, STR(PUSH_GAME_MESSAGE))) { /* by far the most */
        deliver_push(r, e);
    } else if (str_eq(e->event, STR(PUSH_GAME_START))) {
        started(r);
        deliver_push(r, e);
    } else if (str_eq(e->event, STR(PUSH_MATCH_CANCELLED))) {
        cancelled(n, r, e);
    } else if (str_eq(e->event, STR(PUSH_OPPONENT_RECONNECTED))) {
        reconnected(r, e);
    } else if (str_eq(e->event, STR(PUSH_OPPONENT_DISCONNECTED))) {
        room_place_set(r, subject(e), (struct str){0});
        deliver_push(r, e);
    } else if (str_eq(e->event, STR(PUSH_PLAYER_LEFT))) {
        left(n, r, e);
    } else if (str_eq(e->event, STR(PUSH_ROOM_CLEANUP))) {
        deliver_push(r, e);
        closing_room(n, r, (struct str){0}, "room ended");
    } else {
        deliver_push(r, e);
    }
}

/* The store has ended the ticket already; whether it was this one the player knows best. */
static void ticket_expired(struct node *n, struct session *s, const struct json_object *data)
{
    struct str ticket_id;
    if (s->state != SESSION_QUEUED || !json_as_plain(json_get(data, "ticketId", NULL), &ticket_id) ||
        !str_eq(ticket_id, str_of(s->ticket_id)))
        return;
    ticket_expire(n, s, "ttl");
}

void deliver_control(struct node *n, const struct room_event *e)
{
    bool expired = str_eq(e->event, STR("ticketExpired"));
    if (!expired && !str_eq(e->event, STR("sessionReplaced")))
        return;
    struct json_object data;
    struct str player_id, socket_id;
    const char *why;
    if (!json_object_scan(e->data, &data, &why) ||
        !json_as_plain(json_get(&data, "playerId", NULL), &player_id) ||
        !json_as_plain(json_get(&data, "socketId", NULL), &socket_id))
        return;
    struct session *s = sessions_find(n->sessions, player_id);
    if (!s || !s->conn || !str_eq(socket_id, str_of(s->socket_id)))
        return;
    if (expired && fleet_knows(n->fleet, e->origin_instance_id))
        ticket_expired(n, s, &data);
    else
        n->on_doubt(n, s); /* the store decides, not the message */
}
