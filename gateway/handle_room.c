/* What players do in a room: messages, state, the agreed end, leaving. */
#include "gateway/handle.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/err.h"
#include "gateway/tell.h"
#include "gateway/closing.h"
#include "gateway/confirm.h"
#include "gateway/copy.h"
#include "gateway/inbox.h"
#include "gateway/deliver.h"
#include "gateway/intent.h"
#include "gateway/room.h"
#include "gateway/say.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/waiting.h"
#include "matchmaking/room_state.h"
#include "proto/messages.h"

/* The room a request names; an error is answered unless it is a valid id. */
static bool read_room(struct session *s, const struct request *request, struct str *room_id)
{
    const char *why = NULL;
    if (decode_id(request, "roomId", room_id, &why))
        return true;
    tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
    return false;
}

/* request_id 0: not remembered. */
static struct room_seat seat_of(const struct session *s, struct str room_id, int64_t request_id)
{
    bool here = s->room && str_eq(room_id, str_of(s->room->room_id));
    return (struct room_seat){.room_id = room_id,
                              .player_id = str_of(s->player_id),
                              .socket_id = str_of(s->socket_id),
                              .session_id = str_of(s->session_id),
                              .request_id = request_id,
                              .epoch = here ? s->room->at.epoch : 0};
}

void handle_confirm(struct node *n, struct session *s, const struct request *request)
{
    struct str room_id;
    if (read_room(s, request, &room_id))
        confirm_seat(n, s, room_id, request->id);
}

/* Must the reply go out as soon as its event is delivered, before any later one is? A Socket.IO client would
 * else recover from behind what it was not told; and only of an event whose reply waits it needs no push. */
static bool reply_leads(const struct intent *i)
{
    const struct conn *c = i->session->conn;
    return i->request_id != 0 && c && conn_dialect(c) != DIALECT_NATIVE;
}

static void on_message(void *arg, int err, const struct reply *reply)
{
    struct intent *i = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    bool done_before = realm_said(o, "DONE");
    if (done_before || realm_said(o, "OK")) {
        intent_done(i);
        int64_t seq = reply_int(reply, 1);
        char space[40];
        struct buf data = buf_on(space, sizeof space);
        buf_add_text(&data, "{\"seq\":");
        buf_add_int(&data, seq);
        buf_add_text(&data, "}");
        bool leads = !done_before && reply_leads(i);
        if (!done_before && reply->count > 3)
            inbox_event(i->node, i->session->realm, reply_str(reply, 3));
        if (leads)
            inbox_event_answer(i->node, i->session->realm, reply_str(reply, 2), i->session, i->request_id,
                               buf_str(&data));
        else if (!done_before)
            inbox_event(i->node, i->session->realm, reply_str(reply, 2));
        if (!leads)
            inbox_reply_at(i->node, str_of(i->room_id), seq, i->session, i->request_id, buf_str(&data));
        buf_close(&data);
    } else {
        intent_refused_in_room(i, o);
    }
    intent_free(i);
}

void handle_message(struct node *n, struct session *s, const struct request *request)
{
    struct str room_id, message;
    const char *why = NULL;
    bool is_volatile = false, echo = false;
    if (!read_room(s, request, &room_id))
        return;
    if (!decode_raw(request, "message", &message, &why) ||
        !decode_opt_bool(request, "volatile", false, &is_volatile, &why) ||
        !decode_opt_bool(request, "echo", false, &echo, &why)) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
        return;
    }
    if (is_volatile && (!s->room || !str_eq(room_id, str_of(s->room->room_id)))) {
        tell_error(s->conn, request->id, CODE_NOT_IN_ROOM, NULL);
        return;
    }
    if (is_volatile && s->room->status != ROOM_ACTIVE) {
        tell_error(s->conn, request->id, CODE_NOT_STARTED, NULL);
        return;
    }
    if (is_volatile) {
        say_at_once(n, s, request->id, message, echo);
        return;
    }
    char space[2048];
    struct buf data = buf_on(space, sizeof space);
    say_compose(&data, s, room_id, message);
    /* Without an id the sender learns the number from his own message. */
    struct room_seat who = seat_of(s, room_id, request->id);
    room_state_message(s->realm, &who, PUSH_GAME_MESSAGE, buf_str(&data), echo || request->id == 0,
                       on_message, intent_new(n, s, request->id, room_id));
    buf_close(&data);
}

static void on_set(void *arg, int err, const struct reply *reply)
{
    struct intent *i = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "DONE") || realm_said(o, "OK")) {
        intent_done(i);
        int64_t seq = reply_int(reply, 2);
        char data[80];
        int bytes = snprintf(data, sizeof data, "{\"version\":%lld,\"seq\":%lld}",
                             (long long)reply_int(reply, 1), (long long)seq);
        const struct str answer = {data, (size_t)bytes};
        const struct reply *events = reply_at(reply, 3);
        bool leads = events->count > 0 && reply_leads(i);
        for (size_t k = 0; k + leads < events->count; k++)
            inbox_event(i->node, i->session->realm, reply_str(events, k));
        if (leads)
            inbox_event_answer(i->node, i->session->realm, reply_str(events, events->count - 1), i->session,
                               i->request_id, answer);
        else
            inbox_reply_at(i->node, str_of(i->room_id), seq, i->session, i->request_id, answer);
    } else if (realm_said(o, "STALE_VERSION")) {
        tell_stale(i->session->conn, i->request_id, reply_int(reply, 1));
    } else {
        intent_refused_in_room(i, o);
    }
    intent_free(i);
}

static bool read_expected(const struct request *request, bool required, struct room_change *change,
                          const char **why)
{
    if (json_get(&request->data, "expectedVersion", NULL).type == JSON_NONE && !required)
        return true;
    change->has_expected_version = true;
    return decode_int(request, "expectedVersion", 0, INT64_C(9007199254740991), &change->expected_version,
                      why);
}

void handle_player_state(struct node *n, struct session *s, const struct request *request)
{
    struct str room_id;
    struct room_change change = {.echo = request->id == 0};
    const char *why = NULL;
    if (!read_room(s, request, &room_id))
        return;
    if (!decode_raw(request, "state", &change.json, &why) || !read_expected(request, false, &change, &why)) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
        return;
    }
    struct str player_id = {0};
    if (!decode_opt_plain(request, "playerId", &player_id, &why)) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
        return;
    }
    if (player_id.n && !str_eq(player_id, str_of(s->player_id))) {
        tell_error(s->conn, request->id, CODE_FORBIDDEN, "a player may only change his own state");
        return;
    }
    struct room_seat who = seat_of(s, room_id, request->id);
    room_state_set(s->realm, &who, &change, on_set, intent_new(n, s, request->id, room_id));
}

void handle_game_data(struct node *n, struct session *s, const struct request *request)
{
    struct str room_id;
    struct room_change change = {.game = true, .echo = request->id == 0};
    const char *why = NULL;
    if (!read_room(s, request, &room_id))
        return;
    bool good = decode_opt_raw(request, "gameData", &change.json, &why) &&
                decode_opt_int(request, "turn", 0, INT64_C(9007199254740991), -1, &change.turn, &why);
    change.has_turn = change.turn >= 0;
    if (good && change.json.n == 0 && !change.has_turn) {
        why = "give gameData or turn";
        good = false;
    }
    if (!good || !read_expected(request, true, &change, &why)) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
        return;
    }
    struct room_seat who = seat_of(s, room_id, request->id);
    room_state_set(s->realm, &who, &change, on_set, intent_new(n, s, request->id, room_id));
}

static void on_read(void *arg, int err, const struct reply *reply)
{
    struct intent *i = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "OK")) {
        struct buf data = {0};
        buf_add_text(&data, "{\"state\":");
        buf_add_str(&data, reply_str(reply, 1));
        buf_add_fmt(&data, ",\"seq\":%lld", (long long)reply_int(reply, 2));
        if (i->request_id == 0) { /* then the answer is a push, as that to a ping */
            buf_add_fmt(&data, ",\"roomId\":\"%s\"}", i->room_id);
            tell_push(i->session->conn, PUSH_GAME_STATE, buf_str(&data));
        } else {
            buf_add_text(&data, "}");
            tell_ok(i->session->conn, i->request_id, buf_str(&data));
        }
        buf_close(&data);
    } else {
        intent_refused_in_room(i, o);
    }
    intent_free(i);
}

void handle_game_state(struct node *n, struct session *s, const struct request *request)
{
    struct str room_id;
    if (!read_room(s, request, &room_id))
        return;
    struct room_seat who = seat_of(s, room_id, request->id);
    room_state_read(s->realm, &who, on_read, intent_new(n, s, request->id, room_id));
}

static void on_left(void *arg, int err, const struct reply *reply)
{
    struct intent *i = arg;
    struct session *s = i->session;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "AGAIN") && i->tries++ < 2) {
        struct room_seat who = seat_of(s, str_of(i->room_id), i->request_id);
        room_state_leave(s->realm, &who, reply_int(reply, 1), on_left, i);
        return;
    }
    if (realm_said(o, "DONE") || realm_said(o, "OK")) {
        intent_done(i);
        tell_ok(s->conn, i->request_id, (struct str){0});
        tell_left(s->conn, i->room_id);
        struct room *r = s->room;
        if (r && strcmp(r->room_id, i->room_id) == 0) { /* the others hear it from the events */
            room_leave(s);
            session_move(s, SESSION_IDLE, "left the room");
            if (list_empty(&r->members))
                closing_room(i->node, r, (struct str){0}, "no member left here");
        }
        inbox_events(i->node, i->session->realm, reply_at(reply, 2));
        waiting_match_text(i->node, s->realm, reply_str(reply, 1));
    } else {
        intent_refused_in_room(i, o);
    }
    intent_free(i);
}

void handle_leave_room(struct node *n, struct session *s, const struct request *request)
{
    struct str room_id;
    if (!read_room(s, request, &room_id))
        return;
    struct room_seat who = seat_of(s, room_id, request->id);
    room_state_leave(s->realm, &who, s->level, on_left, intent_new(n, s, request->id, room_id));
}

/* The room's copy, if there is one, for what no event tells; it is unsure if the answer is lost. */
static struct copy *copy_of(const struct intent *i, struct realm_outcome o)
{
    struct room *r = rooms_find(i->node->rooms, str_of(i->room_id));
    struct copy *copy = r ? r->copy : NULL;
    if (copy && (o.err == ERR_UNKNOWN || o.err == ERR_TIMEOUT))
        copy->unsure = true;
    return copy;
}

static void on_ended(void *arg, int err, const struct reply *reply)
{
    struct intent *i = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    struct copy *copy = copy_of(i, o);
    if (realm_said(o, "OK") && copy)
        copy_vote(copy, str_of(i->session->player_id), buf_str(&i->text));
    if (realm_said(o, "DONE") || realm_said(o, "OK")) {
        intent_done(i);
        intent_ok_fmt(i, "{\"ended\":%s}", str_eq(reply_str(reply, 1), STR("1")) ? "true" : "false");
        inbox_events(i->node, i->session->realm, reply_at(reply, 2));
    } else {
        intent_refused_in_room(i, o);
    }
    intent_free(i);
}

void handle_end_game(struct node *n, struct session *s, const struct request *request)
{
    struct str room_id, result;
    const char *why = NULL;
    if (!read_room(s, request, &room_id))
        return;
    if (!decode_raw(request, "result", &result, &why)) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
        return;
    }
    struct room_seat who = seat_of(s, room_id, request->id);
    struct intent *i = intent_new(n, s, request->id, room_id);
    buf_add_str(&i->text, result); /* a copy may be made while the store is being asked */
    room_state_end(s->realm, &who, result, on_ended, i);
}

static void on_deadline(void *arg, int err, const struct reply *reply)
{
    struct intent *i = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    struct copy *copy = copy_of(i, o);
    if (realm_said(o, "OK") && copy)
        copy_limit_turn(copy, reply_int(reply, 2), clock_mono_ms() + (uint64_t)i->after_ms);
    if (realm_said(o, "OK"))
        intent_ok_fmt(i, "{\"dueAt\":%lld,\"version\":%lld}", (long long)reply_int(reply, 1),
                      (long long)reply_int(reply, 2));
    else if (realm_said(o, "STALE_VERSION"))
        tell_stale(i->session->conn, i->request_id, reply_int(reply, 1));
    else
        intent_refused_in_room(i, o);
    intent_free(i);
}

void handle_turn_deadline(struct node *n, struct session *s, const struct request *request)
{
    struct str room_id;
    int64_t after_ms, version;
    const char *why = NULL;
    if (!read_room(s, request, &room_id))
        return;
    if (!decode_int(request, "ms", 100, 86400000, &after_ms, &why) ||
        !decode_int(request, "expectedVersion", 0, INT64_C(9007199254740991), &version, &why)) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
        return;
    }
    struct room_seat who = seat_of(s, room_id, request->id);
    struct intent *i = intent_new(n, s, request->id, room_id);
    i->after_ms = after_ms;
    room_state_deadline(s->realm, &who, after_ms, version, on_deadline, i);
}
