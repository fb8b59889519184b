/* Reads and writes Socket.IO's packets.
 *
 * An event's payload is an array, `["name",{...}]`. Its first element is cut off by hand, since it is short
 * and has no escapes, and the rest is scanned strictly as the one object that every request takes, at the
 * depth that it has in the native envelope: so neither dialect lets anything through that the other refuses.
 * One pass, nothing allocated, and slices of the text's own bytes come out, as in proto/decode.c.
 *
 * Two kinds of fault: what is no packet at all (SOCKETIO_MALFORMED: the protocol demands that the connection
 * ends), and a packet whose JSON is not as PROTOCOL.md wants it (BAD_REQUEST with a sentence, the connection
 * lives). */
#include "proto/socketio.h"

#include <stdio.h>

#include "common/err.h"

static const int64_t ID_NUMBER_MAX = 9007199254740990; /* plus one is the greatest request id */
enum { DIGITS_MAX = 16, EVENT_BYTES_MAX = 64, NAMESPACE_BYTES_MAX = 64, DATA_DEPTH = 2 };

/* --- taking a packet apart ------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at the start of *rest, cut off; -1 without any, -2 if there are too many. */
static int64_t cut_number(struct str *rest)
{
    size_t n = 0;
    int64_t value = 0;
    while (n < rest->n && is_digit(rest->p[n]) && n <= DIGITS_MAX)
        value = value * 10 + (rest->p[n++] - '0');
    rest->p += n;
    rest->n -= n;
    return n == 0 ? -1 : value > ID_NUMBER_MAX ? -2 : value;
}

static enum socketio_kind kind_of(char type)
{
    static const enum socketio_kind kinds[] = {SOCKETIO_CONNECT, SOCKETIO_DISCONNECT, SOCKETIO_EVENT,
                                               SOCKETIO_ACK,     SOCKETIO_MALFORMED,  SOCKETIO_BINARY,
                                               SOCKETIO_BINARY};
    size_t i = (size_t)(type - '0');
    return is_digit(type) && i < sizeof kinds / sizeof *kinds ? kinds[i] : SOCKETIO_MALFORMED;
}

static bool payload_fits(const struct socketio_packet *p)
{
    char first = p->payload.n > 0 ? *p->payload.p : '\0';
    switch (p->kind) {
    case SOCKETIO_CONNECT:
        return p->id == 0 && (first == '\0' || first == '{');
    case SOCKETIO_DISCONNECT:
        return p->id == 0 && first == '\0';
    default:
        return first == '[';
    }
}

/* What stands behind the 4. */
static bool read_message(struct str rest, struct socketio_packet *out)
{
    if (rest.n == 0 || (out->kind = kind_of(*rest.p)) == SOCKETIO_MALFORMED)
        return false;
    rest.p++;
    rest.n--;
    if (out->kind == SOCKETIO_BINARY) {
        out->attachments = cut_number(&rest);
        if (out->attachments < 0 || rest.n == 0 || *rest.p != '-')
            return false;
        rest.p++;
        rest.n--;
    }
    if (rest.n > 0 && *rest.p == '/')
        out->name_space = str_cut(&rest, ',');
    if (out->name_space.n > NAMESPACE_BYTES_MAX)
        return false;
    int64_t id = cut_number(&rest);
    if (id < -1)
        return false;
    out->id = id + 1;
    out->payload = rest;
    return payload_fits(out);
}

void socketio_read(struct str text, struct socketio_packet *out)
{
    *out = (struct socketio_packet){.kind = SOCKETIO_MALFORMED, .name_space = STR("/")};
    if (str_eq(text, STR("3")))
        out->kind = SOCKETIO_PONG;
    else if (str_eq(text, STR("1")))
        out->kind = SOCKETIO_CLOSE;
    else if (text.n == 0 || *text.p != '4' || !read_message((struct str){text.p + 1, text.n - 1}, out))
        out->kind = SOCKETIO_MALFORMED;
}

/* --- an event as a request ------------------------------------------------------------------------------ */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct str trimmed(struct str s)
{
    while (s.n > 0 && is_space(*s.p)) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* The array's first element, a string without escapes; *rest: what follows it, up to the end. */
static bool cut_name(struct str *rest, struct str *name)
{
    *rest = trimmed(*rest);
    if (rest->n < 2 || *rest->p != '"')
        return false;
    const char *start = rest->p + 1, *end = rest->p + rest->n, *p = start;
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    if (p == end || *p != '"' || p == start || p - start > EVENT_BYTES_MAX)
        return false;
    *name = (struct str){start, (size_t)(p - start)};
    *rest = trimmed((struct str){p + 1, (size_t)(end - p - 1)});
    return true;
}

static bool refuse(struct request *out, const char **why, const char *reason)
{
    snprintf(out->sentence, sizeof out->sentence, "Emit an event with one object: %s.", reason);
    *why = out->sentence;
    return false;
}

/* args: what stands between the name and the closing bracket. */
static bool read_args(struct str args, struct request *out, const char **why)
{
    const char *reason = NULL;
    if (args.n == 0)
        return true;
    if (*args.p != ',')
        return refuse(out, why, "there is no comma behind the event's name");
    args = trimmed((struct str){args.p + 1, args.n - 1});
    if (str_eq(args, STR("null"))) /* what JavaScript makes of undefined */
        return true;
    if (out->kind == MSG_PING && (args.n == 0 || *args.p != '{')) {
        out->data_raw = (struct json_value){JSON_ARRAY, args}; /* any type: nobody looks at it */
        return json_valid(args) || refuse(out, why, "what follows the name is not one JSON value");
    }
    if (args.n == 0 || *args.p != '{')
        return refuse(out, why, "what follows the name is not a JSON object");
    if (!json_object_scan_at(args, DATA_DEPTH, &out->data, &reason)) {
        out->data.count = 0;
        return refuse(out, why, reason);
    }
    out->data_raw = (struct json_value){JSON_OBJECT, args};
    return true;
}

enum code socketio_decode(struct str text, struct request *out, const char **why)
{
    struct socketio_packet packet;
    socketio_read(text, &packet);
    out->kind = MSG_UNKNOWN;
    out->event = (struct str){NULL, 0};
    out->id = packet.id;
    out->data_raw = (struct json_value){JSON_NONE, {NULL, 0}};
    out->data.count = 0;
    struct str rest = trimmed(packet.payload);
    if (packet.kind != SOCKETIO_EVENT || rest.n < 2 || rest.p[rest.n - 1] != ']') {
        (void)refuse(out, why, "this is not an array");
        return CODE_BAD_REQUEST;
    }
    rest = (struct str){rest.p + 1, rest.n - 2};
    if (!cut_name(&rest, &out->event)) {
        (void)refuse(out, why, "its name must be a string of 1-64 bytes without backslashes");
        return CODE_BAD_REQUEST;
    }
    out->kind = message_find(out->event);
    if (out->kind == MSG_UNKNOWN)
        return message_refuse(out->event, why);
    return read_args(rest, out, why) ? CODE_OK : CODE_BAD_REQUEST;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static void add_ack(struct buf *out, int64_t id)
{
    buf_add(out, "43", 2);
    buf_add_int(out, id - 1);
}

void socketio_ok(struct buf *out, int64_t id, struct str data)
{
    add_ack(out, id);
    buf_add_text(out, "[{\"ok\":true,\"data\":");
    buf_add_str(out, data.n > 0 ? data : STR("{}"));
    buf_add(out, "}]", 2);
}

void socketio_error(struct buf *out, int64_t id, const struct encode_error *e)
{
    if (id != 0) {
        add_ack(out, id);
        buf_add_text(out, "[{\"ok\":false,\"error\":");
        encode_error_object(out, e);
        buf_add(out, "}]", 2);
        return;
    }
    buf_add_text(out, "42[\"" PUSH_ERROR "\",");
    encode_error_object(out, e);
    buf_add(out, "]", 1);
}

/* Does the room end with it for the receiver? Then he has nothing to recover there. */
static bool is_last(struct str event)
{
    return str_eq(event, STR(PUSH_ROOM_CLEANUP)) || str_eq(event, STR(PUSH_MATCH_CANCELLED));
}

static void put(struct encode_ends *e, const char *bytes, size_t n)
{
    CHECK(n <= sizeof e->space - e->tail.n);
    memcpy(e->space + e->tail.n, bytes, n);
    e->tail.n += n;
}

static void put_int(struct encode_ends *e, int64_t value)
{
    CHECK(sizeof e->space - e->tail.n >= STR_INT_BYTES);
    e->tail.n += str_from_int(e->space + e->tail.n, value);
}

static void put_offset(struct encode_ends *e, const struct encode_place *p)
{
    CHECK(p->room.n <= ID_MAX);
    e->tail = (struct str){e->space, 0};
    put(e, ",\"", 2);
    put(e, p->room.p, p->room.n);
    put(e, "/", 1);
    put_int(e, p->at_epoch);
    put(e, "/", 1);
    put_int(e, p->at_seq);
    put(e, "\"]", 2);
}

void socketio_ends(const struct encode_place *p, bool recovery, struct encode_ends *out)
{
    static const char open[] = "42[\"", close[] = "\",";
    CHECK(p->event.n <= ENCODE_EVENT_MAX);
    char *to = out->head.text;
    memcpy(to, open, sizeof open - 1);
    memcpy(to + sizeof open - 1, p->event.p, p->event.n);
    memcpy(to + sizeof open - 1 + p->event.n, close, sizeof close - 1);
    out->head.n = sizeof open - 1 + p->event.n + sizeof close - 1;
    if (recovery && is_last(p->event))
        out->tail = STR(",\"-\"]");
    else if (recovery && p->at_seq != 0)
        put_offset(out, p);
    else if (recovery && p->data_is_text) /* else the client would take it for an offset */
        out->tail = STR(",null]");
    else
        out->tail = STR("]");
}

void socketio_open(struct buf *out, struct str sid, int64_t ping_ms, int64_t pong_wait_ms, int64_t max_bytes)
{
    buf_add_text(out, "0{\"sid\":\"");
    buf_add_str(out, sid);
    buf_add_fmt(out, "\",\"upgrades\":[],\"pingInterval\":%lld,\"pingTimeout\":%lld,\"maxPayload\":%lld}",
                (long long)ping_ms, (long long)pong_wait_ms, (long long)max_bytes);
}

void socketio_connected(struct buf *out, struct str sid, struct str pid)
{
    buf_add_text(out, "40{\"sid\":\"");
    buf_add_str(out, sid);
    if (pid.n > 0) {
        buf_add_text(out, "\",\"pid\":\"");
        buf_add_str(out, pid);
    }
    buf_add(out, "\"}", 2);
}

void socketio_refused(struct buf *out, const struct encode_error *e)
{
    buf_add_text(out, "44{\"message\":");
    buf_add_json(out, str_of(e->message ? e->message : code_text(e->code)));
    buf_add_text(out, ",\"data\":");
    encode_error_object(out, e);
    buf_add(out, "}", 1);
}

void socketio_no_namespace(struct buf *out, struct str name_space)
{
    buf_add_text(out, "44");
    buf_add_str(out, name_space);
    buf_add_text(out, ",{\"message\":\"Invalid namespace\"}");
}

/* --- pid and offset ------------------------------------------------------------------------------------- */

void socketio_pid(char out[SOCKETIO_PID_MAX + 1], struct str session, struct str token, struct str nonce)
{
    CHECK(session.n <= ID_MAX && token.n <= ID_MAX && nonce.n <= ID_MAX);
    (void)snprintf(out, SOCKETIO_PID_MAX + 1, "%.*s~%.*s%s%.*s", (int)session.n, session.p, (int)token.n,
                   token.p, nonce.n > 0 ? "~" : "", (int)nonce.n, nonce.p ? nonce.p : "");
}

bool socketio_pid_read(struct str pid, struct str *session, struct str *token)
{
    struct str rest = pid;
    *session = str_cut(&rest, '~');
    *token = str_cut(&rest, '~');
    return pid.n <= SOCKETIO_PID_MAX && id_valid(*session) && id_valid(*token);
}

bool socketio_offset_read(struct str offset, struct str *room, int64_t *epoch, int64_t *seq)
{
    struct str rest = offset;
    *room = str_cut(&rest, '/');
    struct str number = str_cut(&rest, '/');
    return id_valid(*room) && str_to_int(number, epoch) && *epoch >= 1 && str_to_int(rest, seq) && *seq >= 0;
}
