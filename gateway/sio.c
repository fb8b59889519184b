/* The life of a Socket.IO connection: Engine.IO's handshake, CONNECT, refusal, DISCONNECT.
 *
 * Happy path: 0{...} at once; the client answers 40{auth}; dispatch makes a session of it, which attaches as
 * any other; with its welcome goes 40{sid,pid}, and from there on everything is an event (proto/socketio.h).
 * Heartbeats are conn.c's.
 *
 * Recovery. The pid is our session id and resume token, the offset names room, epoch and number of the last
 * event the client saw: together they are hello.resume. Socket.IO's client takes itself for recovered when it
 * gets the pid that it brought; so a session that goes on, but not without a gap, gets another pid that reads
 * the same.
 *
 * What can fail is the client's fault: a text that is no packet ends the connection, as the protocol demands;
 * a bad CONNECT is answered by 44 with the error in `data`. */
#include "gateway/sio.h"

#include "common/mem.h"
#include "gateway/settings.h"
#include "proto/socketio.h"

enum { ATTACHMENTS_MAX = 16 };

static const char NO_PACKET[] =
    "This is no Socket.IO packet (protocol 5); use socket.io-client 3 or 4 with its default parser.";

struct sio {
    char *token, *player_id;        /* of the query; owned */
    char pid[SOCKETIO_PID_MAX + 1]; /* that the client brought; or empty */
    bool attached;                  /* a session stands between CONNECT and DISCONNECT */
    bool welcomed, refused;
};

static void send_and_close(struct conn *c, struct buf *out)
{
    conn_send_text(c, buf_str(out));
    buf_close(out);
}

void sio_open(const struct settings *set, struct conn *c, const struct conn_handshake *h)
{
    struct sio *sio = mem_alloc(sizeof *sio);
    sio->token = mem_copy(h->token.p, h->token.n);
    sio->player_id = mem_copy(h->player_id.p, h->player_id.n);
    conn_set_sio(c, sio);
    char sid[ID_SIZE];
    struct buf out = {0};
    id_random(sid, "e_");
    socketio_open(&out, str_of(sid), set->ping_ms, set->pong_wait_ms, set->message_max_bytes);
    send_and_close(c, &out);
}

void sio_close(struct conn *c)
{
    struct sio *sio = conn_sio(c);
    if (!sio)
        return;
    conn_set_sio(c, NULL);
    mem_free(sio->token);
    mem_free(sio->player_id);
    mem_free(sio);
}

/* --- CONNECT -------------------------------------------------------------------------------------------- */

/* A string of the auth object; as it was if there is none. */
static bool read_text(const struct json_object *auth, const char *key, struct str *out)
{
    bool twice = false;
    struct json_value v = json_get(auth, key, &twice);
    if (v.type == JSON_NULL || (v.type == JSON_NONE && !twice))
        return true;
    return json_as_plain(v, out);
}

static void read_resume(struct str pid, struct str offset, struct resume *out)
{
    struct str session, token, room;
    *out = (struct resume){0};
    if (!socketio_pid_read(pid, &session, &token))
        return;
    out->wanted = str_copy(out->session_id, ID_SIZE, session) && str_copy(out->token, ID_SIZE, token);
    struct history_position at;
    if (!socketio_offset_read(offset, &room, &at.epoch, &at.seq))
        return; /* nothing seen of any room */
    (void)str_copy(out->rooms[0].room_id, ID_SIZE, room);
    out->rooms[0].at = at;
    out->room_count = 1;
}

static bool read_auth(struct sio *sio, struct str payload, struct sio_hello *hello, const char **why)
{
    struct json_object auth = {.count = 0};
    struct str pid = {0}, offset = {0};
    *hello = (struct sio_hello){.token = str_of(sio->token), .player_id = str_of(sio->player_id)};
    if (payload.n > 0 && !json_object_scan(payload, &auth, why))
        return false;
    if (!read_text(&auth, "token", &hello->token) || !read_text(&auth, "playerId", &hello->player_id) ||
        !read_text(&auth, "pid", &pid) || !read_text(&auth, "offset", &offset)) {
        *why = "auth.token, auth.playerId, auth.pid and auth.offset must be strings, each given once.";
        return false;
    }
    sio->pid[0] = '\0';
    (void)str_copy(sio->pid, sizeof sio->pid, pid);
    read_resume(pid, offset, &hello->resume);
    return true;
}

static enum sio_packet connect(struct conn *c, const struct socketio_packet *packet, struct sio_hello *hello)
{
    struct sio *sio = conn_sio(c);
    const char *why = NULL;
    if (sio->attached) {
        conn_close(c, CLOSE_PROTOCOL, "This connection is connected to its namespace already.");
        return SIO_DONE;
    }
    sio->welcomed = sio->refused = false;
    if (!read_auth(sio, packet->payload, hello, &why)) {
        sio_refuse(c, &(struct encode_error){.code = CODE_BAD_REQUEST, .message = why});
        return SIO_DONE;
    }
    sio->attached = true;
    return SIO_CONNECT;
}

/* --- packets -------------------------------------------------------------------------------------------- */

static enum sio_packet unreadable(struct conn *c)
{
    conn_close(c, CLOSE_PROTOCOL, NO_PACKET);
    return SIO_DONE;
}

/* A namespace other than "/", and there is none. */
static enum sio_packet elsewhere(struct conn *c, const struct socketio_packet *packet)
{
    if (packet->kind == SOCKETIO_CONNECT) {
        struct buf out = {0};
        socketio_no_namespace(&out, packet->name_space);
        send_and_close(c, &out);
    } else if (packet->kind != SOCKETIO_DISCONNECT) {
        conn_close(c, CLOSE_PROTOCOL, "There is no namespace but /; connect without one.");
    }
    return SIO_DONE;
}

static enum sio_packet binary(struct conn *c, const struct socketio_packet *packet, int64_t *id)
{
    if (packet->attachments > ATTACHMENTS_MAX)
        return unreadable(c);
    conn_skip_binary(c, (uint32_t)packet->attachments);
    *id = packet->id;
    return SIO_BINARY;
}

enum sio_packet sio_read(struct conn *c, struct str text, struct sio_hello *hello, int64_t *id)
{
    struct sio *sio = conn_sio(c);
    struct socketio_packet packet;
    socketio_read(text, &packet);
    if (packet.kind == SOCKETIO_MALFORMED)
        return unreadable(c);
    if (!str_eq(packet.name_space, STR("/")))
        return elsewhere(c, &packet);
    if (packet.kind == SOCKETIO_CONNECT)
        return connect(c, &packet, hello);
    if (packet.kind == SOCKETIO_CLOSE) {
        conn_close(c, CLOSE_NORMAL, NULL);
        return SIO_DONE;
    }
    if (packet.kind == SOCKETIO_PONG)
        return SIO_DONE;
    if (!sio->attached) {
        if (packet.kind != SOCKETIO_DISCONNECT && !sio->refused)
            conn_close(c, CLOSE_PROTOCOL, "The first Socket.IO packet must be CONNECT (40).");
        return SIO_DONE;
    }
    if (!sio->welcomed && packet.kind != SOCKETIO_DISCONNECT) {
        conn_close(c, CLOSE_PROTOCOL, "Wait for the answer to CONNECT (40) before you send events.");
        return SIO_DONE;
    }
    if (packet.kind == SOCKETIO_BINARY)
        return binary(c, &packet, id);
    if (packet.kind == SOCKETIO_DISCONNECT)
        sio->attached = sio->welcomed = false;
    return packet.kind == SOCKETIO_EVENT        ? SIO_EVENT
           : packet.kind == SOCKETIO_DISCONNECT ? SIO_DISCONNECT
                                                : SIO_DONE;
}

/* --- what tell.c needs ---------------------------------------------------------------------------------- */

bool sio_connecting(const struct conn *c)
{
    if (conn_dialect(c) == DIALECT_NATIVE)
        return false;
    const struct sio *sio = conn_sio(c);
    return sio && !sio->welcomed; /* NULL: it is closed */
}

void sio_refuse(struct conn *c, const struct encode_error *e)
{
    struct sio *sio = conn_sio(c);
    if (sio->refused || code_retryable(e->code))
        return;
    sio->refused = true;
    struct buf out = {0};
    socketio_refused(&out, e);
    send_and_close(c, &out);
}

void sio_connected(struct conn *c, const char *socket_id, const struct resume *session, bool recovered)
{
    struct sio *sio = conn_sio(c);
    if (!sio)
        return;
    char pid[SOCKETIO_PID_MAX + 1] = "", nonce[ID_SIZE];
    sio->welcomed = true;
    if (conn_dialect(c) == DIALECT_SOCKETIO && recovered) {
        memcpy(pid, sio->pid, sizeof pid);
    } else if (conn_dialect(c) == DIALECT_SOCKETIO) {
        id_random(nonce, "");
        socketio_pid(pid, str_of(session->session_id), str_of(session->token), str_of(nonce));
    }
    struct buf out = {0};
    socketio_connected(&out, str_of(socket_id), str_of(pid));
    send_and_close(c, &out);
}

void sio_disconnect(struct conn *c)
{
    if (conn_sio(c))
        conn_send_text(c, STR("41"));
}
