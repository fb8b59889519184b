/* Speaks WebSocket through libwebsockets: handshake checks, received pieces, one write per connection and
 * loop pass. */
#include "gateway/ws.h"

#include <libwebsockets.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/conn.h"
#include "gateway/handshake.h"
#include "gateway/http_text.h"
#include "proto/codes.h"

/* What libwebsockets 4.1 on libuv demands of this file:
 *
 * - Refusals with a status are possible in CONFIRM_UPGRADE only. -1 there closes after what was written.
 * - Messages leave as prepared bytes (LWS_WRITE_RAW), many in one write, never while lws_partial_buffered().
 * The rest of a partial write is its business; it calls WRITEABLE when that is out. Nothing else of ours asks
 * for WRITEABLE.
 * - A Close frame goes out if lws_close_reason() is followed by lws_set_timeout(KILL_SYNC) outside of every
 * callback of the same connection and with nothing partial. That happens in ws_flush alone, so the place
 * where conn_close was called does not matter. Closing by "return -1" would lose frame synchronisation and,
 * from WRITEABLE, the Close frame.
 * - DROP_PROTOCOL is the first sign of any close, its own included: nothing may be written afterwards, though
 * WRITEABLE still comes. CLOSED comes too for connections that never were ESTABLISHED.
 * - KILL_SYNC on a connection whose close has begun ends it at once; on one with a stuck partial write it
 * would wait for that, so there we mark it for KILL_ASYNC and shut the socket down, which wakes libwebsockets
 * up to carry it out. */

/* So many at once are told by a goodbye that they are too many; others by a status only, which costs less. */
enum { TURN_AWAY_MAX = 64 };
enum { SCRATCH_SIZE = 65536, HEADER_SIZE = 256, PATH_SIZE = 256, ARGUMENT_SIZE = 8192 };

/* --- reading the handshake
 * ----------------------------------------------------------------------------------------- */

static struct str header(struct lws *wsi, enum lws_token_indexes token, char *dst, int size, bool *too_long)
{
    int n = lws_hdr_copy(wsi, dst, size, token);
    if (n < 0)
        *too_long = true;
    return (struct str){dst, n > 0 ? (size_t)n : 0};
}

static bool repeated(struct lws *wsi)
{
    static const enum lws_token_indexes once[] = {WSI_TOKEN_HOST, WSI_TOKEN_VERSION, WSI_TOKEN_KEY,
                                                  WSI_TOKEN_ORIGIN, WSI_TOKEN_PROTOCOL};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        if (lws_hdr_fragment_length(wsi, once[i], 1) > 0)
            return true;
    return false;
}

static bool has_body(struct lws *wsi)
{
    char length[32] = "";
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return true;
    int n = lws_hdr_copy(wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    return n != 0 && strcmp(length, "0") != 0;
}

static void peer_address(struct lws *wsi, char out[ADDRESSES_TEXT_SIZE])
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof peer;
    if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &size) != 0)
        peer.ss_family = AF_UNSPEC;
    addresses_text(out, (const struct sockaddr *)&peer);
}

static struct str argument(struct lws *wsi, const char *name, char *dst, int size)
{
    return str_of(lws_get_urlarg_by_name(wsi, name, dst, size));
}

static const struct handshake_refusal *check(struct ws *ws, struct lws *wsi, const char *address)
{
    char path[PATH_SIZE], text[8][HEADER_SIZE], query[3][ARGUMENT_SIZE];
    struct handshake_offer o = {.is_get = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0,
                                .repeated = repeated(wsi),
                                .has_body = has_body(wsi)};
    o.path = header(wsi, WSI_TOKEN_GET_URI, path, sizeof path, &o.too_long);
    o.http_version = header(wsi, WSI_TOKEN_HTTP, text[0], HEADER_SIZE, &o.too_long);
    o.upgrade = header(wsi, WSI_TOKEN_UPGRADE, text[1], HEADER_SIZE, &o.too_long);
    o.connection = header(wsi, WSI_TOKEN_CONNECTION, text[2], HEADER_SIZE, &o.too_long);
    o.host = header(wsi, WSI_TOKEN_HOST, text[3], HEADER_SIZE, &o.too_long);
    o.ws_version = header(wsi, WSI_TOKEN_VERSION, text[4], HEADER_SIZE, &o.too_long);
    o.ws_key = header(wsi, WSI_TOKEN_KEY, text[5], HEADER_SIZE, &o.too_long);
    o.origin = header(wsi, WSI_TOKEN_ORIGIN, text[6], HEADER_SIZE, &o.too_long);
    o.protocols = header(wsi, WSI_TOKEN_PROTOCOL, text[7], HEADER_SIZE, &o.too_long);
    if (handshake_is_socketio(o.path)) {
        o.eio = argument(wsi, "EIO=", query[0], sizeof query[0]);
        o.transport = argument(wsi, "transport=", query[1], sizeof query[1]);
        o.sid = argument(wsi, "sid=", query[2], sizeof query[2]);
    }
    const struct handshake_rules r = {.socketio = ws->socketio != DIALECT_NATIVE,
                                      .allowed_origins = ws->allowed_origins,
                                      .stopping = ws->stopping,
                                      .connections = ws->conns.count - ws->turned_away,
                                      .connections_max = ws->connections_max,
                                      .address_connections =
                                          ws->addresses ? addresses_count(ws->addresses, address) : 0,
                                      .address_connections_max = ws->address_connections_max};
    const struct handshake_refusal *refusal = handshake_check(&o, &r);
    /* Socket.IO's client would wait for 20 s if a connection ended before Engine.IO's handshake. */
    ws->turn_away =
        handshake_over_capacity(refusal) && ws->turned_away < TURN_AWAY_MAX && !handshake_is_socketio(o.path);
    if (refusal != NULL)
        log_limited(LOG_INFO, "handshake.refused", KV("reason", refusal->reason),
                    KV_INT("status", refusal->status), KV("address", address), KV_STR("path", o.path),
                    KV_STR("origin", o.origin));
    return refusal;
}

/* 0 lets the upgrade go on, -1 ends the connection behind what was written. */
static int on_confirm_upgrade(struct ws *ws, struct lws *wsi)
{
    char *address = ws->met_address;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) <= 0)
        return -1; /* answered and reset already, by libwebsockets (another upgrade): `in` points nowhere */
    peer_address(wsi, address);
    ws->met = wsi;
    const struct handshake_refusal *refusal = check(ws, wsi, address);
    if (refusal == NULL)
        return 0;
    metrics_add_for(METRIC_HANDSHAKES_REFUSED, refusal->reason, 1);
    if (ws->turn_away)
        return 0;
    struct buf out = {0};
    const char *engine = handshake_engine_error(refusal);
    if (engine != NULL)
        http_text_add_engine(&out, refusal->status, engine, refusal->message);
    else
        http_text_add_refusal(&out, refusal->status, refusal->code, refusal->message, refusal->retryable,
                              refusal->headers);
    lws_write(wsi, (unsigned char *)out.data, out.len, LWS_WRITE_HTTP);
    buf_close(&out);
    return -1;
}

static void on_established(struct ws *ws, struct lws *wsi, struct conn **slot)
{
    char path[PATH_SIZE], hello[ARGUMENT_SIZE];
    char token[ARGUMENT_SIZE],
        player_id[ARGUMENT_SIZE]; /* as large as all headers: a shorter one ends lws's search */
    bool too_long = false;
    const char *address = ws->met_address;
    if (ws->met != wsi) /* but CONFIRM_UPGRADE came just before */
        peer_address(wsi, ws->met_address);
    struct conn_handshake h = {.path = header(wsi, WSI_TOKEN_GET_URI, path, sizeof path, &too_long),
                               .token = argument(wsi, "token=", token, sizeof token),
                               .player_id = argument(wsi, "playerId=", player_id, sizeof player_id),
                               .wait_for_hello =
                                   str_eq(argument(wsi, "hello=", hello, sizeof hello), STR("1")),
                               .address = str_of(address),
                               .over_capacity = ws->turn_away};
    h.dialect = handshake_is_socketio(h.path) ? ws->socketio : DIALECT_NATIVE;
    ws->turned_away += ws->turn_away;
    if (ws->addresses != NULL && !ws->turn_away)
        addresses_add(ws->addresses, address);
    *slot = conn_opened(&ws->conns, wsi, &h);
}

/* --- receiving
 * ----------------------------------------------------------------------------------------------------- */

static void on_receive(struct conn *c, void *in, size_t n)
{
    if (lws_frame_is_binary(c->wsi)) {
        conn_received_binary(c, n,
                             lws_remaining_packet_payload(c->wsi) == 0 && lws_is_final_fragment(c->wsi) != 0);
        return;
    }
    conn_received(c, (struct str){in, n}, lws_remaining_packet_payload(c->wsi),
                  lws_is_final_fragment(c->wsi) != 0);
}

static int on_peer_close(struct conn *c, const unsigned char *payload, size_t n)
{
    if (n == 1) { /* libwebsockets would echo the half code */
        lws_close_reason(c->wsi, LWS_CLOSE_STATUS_PROTOCOL_ERR, NULL, 0);
        return -1;
    }
    if (n > 2 && !str_is_utf8((struct str){(const char *)payload + 2, n - 2})) {
        lws_close_reason(c->wsi, LWS_CLOSE_STATUS_INVALID_PAYLOAD, NULL, 0);
        return -1;
    }
    if (n == 0)
        conn_ends(c, LWS_CLOSE_STATUS_NO_STATUS, STR("The client closed without giving a code."));
    else
        conn_ends(c, payload[0] << 8 | payload[1], (struct str){(const char *)payload + 2, n - 2});
    return 0;
}

/* Our own close is under way, or libwebsockets found an error and has prepared the code for it. */
static void on_drop_protocol(struct conn *c)
{
    const unsigned char *payload = lws_get_close_payload(c->wsi);
    int n = lws_get_close_length(c->wsi);
    if (n >= 2)
        conn_ends(c, payload[0] << 8 | payload[1], (struct str){(const char *)payload + 2, (size_t)n - 2});
    else
        conn_ends(c, 0, (struct str){0});
}

static void on_closed(struct ws *ws, struct conn **slot)
{
    struct conn *c = *slot;
    *slot = NULL;
    ws->turned_away -= c->over_capacity;
    if (ws->addresses != NULL && !c->over_capacity)
        addresses_remove(ws->addresses, c->address);
    conn_closed(c);
}

bool ws_wants(int reason)
{
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED:
        return true;
    default:
        return false;
    }
}

int ws_callback(struct ws *ws, struct lws *wsi, int reason, struct conn **slot, void *in, size_t n)
{
    if (reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE)
        return on_confirm_upgrade(ws, wsi);
    if (reason == LWS_CALLBACK_ESTABLISHED)
        on_established(ws, wsi, slot);
    if (slot == NULL || *slot == NULL)
        return 0; /* closed before it was established */
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        on_receive(*slot, in, n);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        conn_heard(*slot);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        conn_writable(*slot);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return on_peer_close(*slot, in, n);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        on_drop_protocol(*slot);
        return 0;
    case LWS_CALLBACK_CLOSED:
        on_closed(ws, slot);
        return 0;
    default:
        return 0;
    }
}

/* --- sending and ending
 * -------------------------------------------------------------------------------------------- */

static struct ws *ws_of(const struct conn *c)
{
    return OWNER(c->env, struct ws, conns);
}

static void write_now(struct conn *c)
{
    char *scratch = ws_of(c)->scratch;
    while (c->outbox.count > 0 && !c->transport_closing && !c->kill && !lws_partial_buffered(c->wsi)) {
        uint32_t frames;
        struct str bytes = outbox_next(&c->outbox, scratch, SCRATCH_SIZE, &frames);
        if (lws_write(c->wsi, (unsigned char *)(uintptr_t)bytes.p, bytes.n, LWS_WRITE_RAW) < 0)
            c->kill = true; /* the socket is broken; libwebsockets may not notice by itself */
        outbox_take(&c->outbox, frames);
    }
}

static void kill_now(struct conn *c)
{
    struct lws *wsi = c->wsi;
    if (!lws_partial_buffered(wsi)) {
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
        return;
    }
    const struct linger abort = {.l_onoff = 1, .l_linger = 0}; /* or the kernel keeps what nobody reads */
    int fd = lws_get_socket_fd(wsi);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    shutdown(fd, SHUT_RDWR);
}

/* A CLOSING connection: what is queued, then the Close frame, then the peer's answer or the deadline. */
static void end(struct conn *c)
{
    if (!c->kill)
        write_now(c);
    if (c->kill) {
        kill_now(c);
    } else if (!c->transport_closing && c->outbox.count == 0 && !lws_partial_buffered(c->wsi)) {
        struct str sentence = conn_close_sentence(c);
        lws_close_reason(c->wsi, (enum lws_close_status)c->close_code, (unsigned char *)(uintptr_t)sentence.p,
                         sentence.n);
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    }
}

static struct conn *take_first(struct list *list)
{
    struct conn *c = OWNER(list->next, struct conn, flush);
    list_remove(&c->flush);
    return c;
}

void ws_flush(void *arg)
{
    struct ws *ws = arg;
    struct conn_env *env = &ws->conns;
    do {
        while (!list_empty(&env->dirty)) {
            struct conn *c = take_first(&env->dirty);
            write_now(c);
            if (c->kill)
                list_push(&env->ending, &c->flush);
        }
        if (ws->callbacks >
            0) /* called for the sake of the cache, inside RECEIVE: nothing may be ended now */
            return;
        while (!list_empty(&env->ending))
            end(take_first(&env->ending));
    } while (!list_empty(&env->dirty));
}

void ws_init(struct ws *ws, struct loop *loop, const struct conn_rules *rules,
             const struct conn_events *events)
{
    *ws = (struct ws){0};
    conn_env_init(&ws->conns, loop, rules, events, write_now);
    ws->scratch = mem_alloc(SCRATCH_SIZE);
}

void ws_close(struct ws *ws)
{
    conn_env_close(&ws->conns);
    addresses_free(ws->addresses);
    mem_free(ws->scratch);
}
