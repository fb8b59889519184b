/* Takes client connections and their messages: rate limit, decode, find the handler. */
#include "gateway/dispatch.h"

#include "common/log.h"
#include "common/mem.h"
#include "gateway/tell.h"
#include "gateway/closing.h"
#include "gateway/detach.h"
#include "gateway/handle.h"
#include "gateway/inbox.h"
#include "gateway/island.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/sio.h"

enum { REFUSED_MAX = 200 /* messages over the rate in a row, then 4101 */ };

static const struct {
    dispatch_cb handle;
    bool before_welcome;
} handlers[MSG_COUNT] = {
    [MSG_HELLO] = {handle_hello, true},
    [MSG_PING] = {handle_ping, true},
    [MSG_JOIN_MATCHMAKING] = {handle_join, false},
    [MSG_LEAVE_MATCHMAKING] = {handle_leave_queue, false},
    [MSG_CONFIRM_JOINED] = {handle_confirm, false},
    [MSG_GAME_MESSAGE] = {handle_message, false},
    [MSG_UPDATE_PLAYER_STATE] = {handle_player_state, false},
    [MSG_UPDATE_GAME_DATA] = {handle_game_data, false},
    [MSG_GET_GAME_STATE] = {handle_game_state, false},
    [MSG_LEAVE_ROOM] = {handle_leave_room, false},
    [MSG_END_GAME] = {handle_end_game, false},
    [MSG_SET_TURN_DEADLINE] = {handle_turn_deadline, false},
};

static struct session *begin(struct node *n, struct conn *c)
{
    struct session *s = session_new(c, realm_now_ms(&n->realm));
    s->realm = &n->realm;
    conn_set_user(c, s);
    return s;
}

void dispatch_open(void *arg, struct conn *c, const struct conn_handshake *h)
{
    struct node *n = arg;
    if (h->dialect != DIALECT_NATIVE) {
        sio_open(n->settings, c, h);
        return;
    }
    struct session *s = begin(n, c);
    if (h->over_capacity)
        tell_goodbye(c, CLOSE_OVER_CAPACITY, 0);
    else
        handle_handshake(n, s, h);
}

/* Over the rate: refused with the time to wait; somebody who does not listen is closed. */
static bool within_rate(const struct node *n, struct conn *c, int64_t request_id)
{
    int64_t retry_after_ms;
    struct ratelimit *bucket = conn_ratelimit(c);
    if (ratelimit_take(bucket, n->settings->rate_per_second, n->settings->rate_burst, loop_now_ms(n->loop),
                       &retry_after_ms))
        return true;
    tell_retry(c, request_id, CODE_RATE_LIMITED, NULL, retry_after_ms);
    if (bucket->refused > REFUSED_MAX) {
        log_limited(LOG_WARN, "conn.rate_limited", KV("address", conn_address(c)),
                    KV("next", "closed with 4101"));
        tell_goodbye(c, CLOSE_RATE_LIMITED, 5000);
    }
    return false;
}

static void handle(struct node *n, struct session *s, struct str text, bool kept)
{
    struct conn *c = s->conn;
    struct request request;
    const char *why = NULL;
    enum code code = dialect_decode(conn_dialect(c), text, &request, &why);
    if (!kept && !within_rate(n, c, request.id))
        return;
    if (code != CODE_OK) {
        tell_error(c, request.id, code, why);
        return;
    }
    if (!handlers[request.kind].before_welcome && !s->welcomed) {
        tell_retry(c, request.id, CODE_BUSY,
                   s->state == SESSION_NEW
                       ? "Say hello first, with your token; wait for the welcome event before you send this."
                       : "Wait for the welcome event before you send this.",
                   100);
        return;
    }
    if (s->state == SESSION_CLOSED)
        return;
    if (request.kind != MSG_PING && island_holds(n->island, s)) {
        if (!session_keep(s, text))
            tell_retry(c, request.id, CODE_BUSY,
                       "your place is being written back to the store; send this again", 100);
        return;
    }
    handlers[request.kind].handle(n, s, &request);
}

static void end(struct node *n, struct conn *c, int code, const char *reason)
{
    struct session *s = conn_user(c);
    if (!s) /* a Socket.IO client outside of its namespace */
        return;
    log_info("session.closed", KV("player", s->player_id), KV("socket", s->socket_id), KV_INT("code", code),
             KV("reason", reason), KV("state", session_state_name(s->state)));
    conn_set_user(c, NULL);
    sessions_remove(n->sessions, s);
    if (!s->moving)
        detach_start(n, s);
    struct room *r = s->room;
    if (r) {
        room_leave(s);
        if (list_empty(&r->members))
            closing_room(n, r, (struct str){0}, "no member left here");
    }
    session_move(s, SESSION_CLOSED, reason);
    session_drop_conn(s);
    session_release(s);
}

/* A Socket.IO packet: its events go the way of all messages. */
static void packet(struct node *n, struct conn *c, struct str text)
{
    struct sio_hello hello;
    int64_t request_id = 0;
    switch (sio_read(c, text, &hello, &request_id)) {
    case SIO_EVENT:
        handle(n, conn_user(c), text, false);
        return;
    case SIO_CONNECT:
        if (within_rate(n, c, 0))
            handle_connect(n, begin(n, c), &hello);
        return;
    case SIO_BINARY:
        if (within_rate(n, c, request_id))
            tell_error(c, request_id, CODE_BAD_REQUEST,
                       "Binary arguments are not taken; send JSON, and binary data in it as base64.");
        return;
    case SIO_DISCONNECT:
        end(n, c, CLOSE_NORMAL, "the client left the namespace");
        conn_await_hello(c);
        return;
    case SIO_DONE:
        (void)within_rate(n, c, 0);
        return;
    }
}

void dispatch_message(void *arg, struct conn *c, struct str text)
{
    if (conn_dialect(c) == DIALECT_NATIVE)
        handle(arg, conn_user(c), text, false);
    else
        packet(arg, c, text);
}

void dispatch_kept(struct node *n, struct session *s)
{
    session_hold(s);
    while (!island_holds(n->island, s) && s->state != SESSION_CLOSED) {
        struct session_kept *k = session_next_kept(s);
        if (!k)
            break;
        handle(n, s, (struct str){k->text, k->bytes}, true);
        mem_free(k);
    }
    session_release(s);
}

void dispatch_close(void *arg, struct conn *c, int code, const char *reason)
{
    end(arg, c, code, reason);
    sio_close(c);
}
