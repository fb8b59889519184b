/* The dialects of the peers in tests/bench/peers: plain WebSocket texts, and Socket.IO over its WebSocket
 * transport. */
#include <stdio.h>
#include <string.h>

#include "tests/bench/wire_text.h"

static void begin(const char *text, size_t n, struct wire_heard *out)
{
    memset(out, 0, sizeof *out);
    out->text = text;
    out->n = n;
}

static bool is(const struct wire_heard *h, const char *literal)
{
    return h->n == strlen(literal) && memcmp(h->text, literal, h->n) == 0;
}

/* --- plain: /?room=N; "ready" when the seat is taken; every other text is a message, relayed as it is
 * --------------------- */

static void plain_path(char *out, size_t cap, uint32_t who, uint32_t room)
{
    snprintf(out, cap, "/?room=%u&player=p%u", room, who);
}

static void plain_hear(const char *text, size_t n, size_t payload_n, struct wire_heard *out)
{
    begin(text, n, out);
    if (is(out, "ready")) {
        out->kind = WIRE_START;
    } else if (n == payload_n) {
        out->kind = WIRE_MESSAGE;
        out->payload = text;
        out->payload_n = n;
    }
}

static size_t plain_say(char *out, const struct wire_saying *s)
{
    return (size_t)(wire_copy(out, s->payload, s->payload_n) - out);
}

const struct wire wire_plain = {.name = "plain", .path = plain_path, .hear = plain_hear, .say = plain_say};

/* --- Socket.IO: Engine.IO packet types 0 (open), 2 and 3 (ping, pong), 4 (message) with 0 (connect) or 2
 * (event) ----------- */

static void socketio_path(char *out, size_t cap, uint32_t who, uint32_t room)
{
    snprintf(out, cap, "/socket.io/?EIO=4&transport=websocket&player=p%u&room=%u", who, room);
}

static size_t socketio_join(char *out, size_t cap, uint32_t room, int64_t id)
{
    (void)id;
    return (size_t)snprintf(out, cap, "42[\"join\",\"%u\"]", room);
}

static void socketio_hear(const char *text, size_t n, size_t payload_n, struct wire_heard *out)
{
    static const char head[] = "42[\"m\",\"";
    begin(text, n, out);
    if (wire_begins(out, head)) {
        out->kind = WIRE_MESSAGE;
        if (n == sizeof head - 1 + payload_n + 2) {
            out->payload = text + sizeof head - 1;
            out->payload_n = payload_n;
        }
    } else if (is(out, "2")) {
        out->answer = "3";
    } else if (wire_begins(out, "0{")) {
        out->answer = "40";
    } else if (wire_begins(out, "40")) {
        out->kind = WIRE_WELCOME;
    } else if (is(out, "42[\"joined\"]")) {
        out->kind = WIRE_START;
    }
}

static size_t socketio_say(char *out, const struct wire_saying *s)
{
    char *at = WIRE_COPY(out, "42[\"m\",\"");
    at = wire_copy(at, s->payload, s->payload_n);
    at = WIRE_COPY(at, "\"]");
    return (size_t)(at - out);
}

const struct wire wire_socketio = {.name = "socketio",
                                   .path = socketio_path,
                                   .join = socketio_join,
                                   .hear = socketio_hear,
                                   .say = socketio_say};
