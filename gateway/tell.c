/* Encodes replies, errors and pushes for one client and queues them. */
#include "gateway/tell.h"

#include "common/err.h"
#include "common/metrics.h"
#include "gateway/cast.h"
#include "gateway/sio.h"
#include "proto/messages.h"

enum { COMPOSE_BYTES = 1024 }; /* nearly all replies and pushes fit: composed on the stack, copied once */

static void send_and_close(struct conn *c, struct buf *out)
{
    conn_send_text(c, buf_str(out));
    buf_close(out);
}

void tell_ok(struct conn *c, int64_t id, struct str data)
{
    if (!c || id == 0)
        return;
    char space[COMPOSE_BYTES];
    struct buf out = buf_on(space, sizeof space);
    dialect_ok(conn_dialect(c), &out, id, data);
    send_and_close(c, &out);
}

static void send_error(struct conn *c, int64_t id, const struct encode_error *e)
{
    metrics_add_for(METRIC_ERRORS, code_name(e->code), 1);
    if (!c)
        return;
    if (sio_connecting(c)) {
        sio_refuse(c, e);
        return;
    }
    char space[COMPOSE_BYTES];
    struct buf out = buf_on(space, sizeof space);
    dialect_error(conn_dialect(c), &out, id, e);
    send_and_close(c, &out);
}

void tell_error(struct conn *c, int64_t id, enum code code, const char *message)
{
    send_error(c, id, &(struct encode_error){.code = code, .message = message});
}

void tell_retry(struct conn *c, int64_t id, enum code code, const char *message, int64_t retry_after_ms)
{
    send_error(c, id,
               &(struct encode_error){.code = code, .message = message, .retry_after_ms = retry_after_ms});
}

void tell_stale(struct conn *c, int64_t id, int64_t version)
{
    char space[64];
    struct buf extra = buf_on(space, sizeof space);
    buf_add_text(&extra, "\"version\":");
    buf_add_int(&extra, version);
    send_error(c, id, &(struct encode_error){.code = CODE_STALE_VERSION, .extra = buf_str(&extra)});
    buf_close(&extra);
}

void tell_outcome(struct conn *c, int64_t id, struct realm_outcome o)
{
    switch (o.err) {
    case ERR_NONE:
        break;
    case ERR_UNKNOWN:
    case ERR_TIMEOUT:
        tell_error(c, id, CODE_OUTCOME_UNKNOWN, NULL);
        return;
    default: /* not sent, or refused by the store before anything was changed */
        tell_retry(c, id, CODE_SERVICE_DEGRADED, NULL, TELL_RETRY_MS);
        return;
    }
    if (realm_said(o, "REPLACED") || realm_said(o, "GONE") ||
        realm_said(o, "LEASE")) { /* sorted out before a retry */
        tell_retry(c, id, CODE_SERVICE_DEGRADED, NULL, TELL_RETRY_MS);
        return;
    }
    char word[32];
    (void)str_copy(word, sizeof word, o.word);
    tell_error(c, id, code_find(word), NULL);
}

void tell_push(struct conn *c, const char *event, struct str data)
{
    if (!c || sio_connecting(c))
        return;
    struct cast x = {.push = {.event = str_of(event)}, .parts = &data, .count = 1};
    cast_send(&x, c, CONN_RELIABLE);
    cast_close(&x);
}

void tell_left(struct conn *c, const char *room_id)
{
    if (!c || conn_dialect(c) == DIALECT_NATIVE)
        return;
    struct buf data = {0};
    buf_add_fmt(&data, "{\"roomId\":\"%s\",\"reason\":\"left\"}", room_id);
    tell_push(c, PUSH_ROOM_CLEANUP, buf_str(&data));
    buf_close(&data);
}

void tell_seen(struct conn *c, const char *room_id, int64_t epoch, int64_t seq)
{
    if (!c || conn_dialect(c) != DIALECT_SOCKETIO) /* without recovery there is no offset */
        return;
    char space[96 + ID_MAX];
    struct buf data = buf_on(space, sizeof space);
    buf_add_text(&data, "{\"roomId\":\"");
    buf_add_text(&data, room_id);
    buf_add_text(&data, "\",\"seq\":");
    buf_add_int(&data, seq);
    buf_add_text(&data, "}");
    const struct str text = buf_str(&data);
    struct cast x = {
        .push = {.event = STR(SOCKETIO_SEEN), .room = str_of(room_id), .at_epoch = epoch, .at_seq = seq},
        .parts = &text,
        .count = 1};
    cast_send(&x, c, CONN_RELIABLE);
    cast_close(&x);
    buf_close(&data);
}

void tell_welcome(struct conn *c, const char *socket_id, const struct resume *session, bool recovered,
                  struct str data)
{
    if (!c)
        return;
    sio_connected(c, socket_id, session, recovered);
    tell_push(c, PUSH_WELCOME, data);
}

void tell_goodbye(struct conn *c, int code, int64_t delay_ms)
{
    if (!c)
        return;
    if (sio_connecting(c)) {
        if (!close_reconnect(code))
            sio_refuse(c, &(struct encode_error){.code = CODE_FORBIDDEN, .message = close_text(code)});
        conn_close(c, code, NULL);
        return;
    }
    struct buf data = {0};
    buf_add_fmt(&data, "{\"code\":%d,\"reason\":", code);
    buf_add_json(&data, str_of(close_text(code)));
    const char *back = close_reconnect(code) ? "true" : "false"; /* with the session, if there is one */
    buf_add_fmt(&data, ",\"reconnect\":%s,\"delayMs\":%lld,\"resume\":%s}", back, (long long)delay_ms, back);
    tell_push(c, PUSH_GOODBYE, buf_str(&data));
    buf_close(&data);
    if (!close_reconnect(code))
        sio_disconnect(c);
    conn_close(c, code, NULL);
}
