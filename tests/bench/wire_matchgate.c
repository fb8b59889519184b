/* matchgate's own dialect, as far as a load tool needs it.
 *
 * The tool relies on the order in which the server writes members:
 * {"event":…,"room":…,"seq":…,"ts":…,"data":…} with the message last in data, {"id":…,"ok":…}. A game message
 * is thus read from both its ends without looking at the middle. Were the order to change, nothing would be
 * recognised any more and every workload would fail. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/wire_text.h"

static void path(char *out, size_t cap, uint32_t who, uint32_t room)
{
    (void)room;
    snprintf(out, cap, "/ws?playerId=b%d-%u", (int)getpid(), who); /* not the players of an earlier run */
}

static size_t join(char *out, size_t cap, uint32_t room, int64_t id)
{
    int n = snprintf(out, cap, "{\"event\":\"joinMatchmaking\",\"id\":%lld,\"data\":{\"level\":%u}}",
                     (long long)id, room % 1001);
    return (size_t)n;
}

static const struct {
    const char *name;
    enum wire_kind kind;
} EVENTS[] = {
    {"gameMessage", WIRE_MESSAGE},      {"welcome", WIRE_WELCOME},       {"waiting", WIRE_WAITING},
    {"matchFound", WIRE_MATCH},         {"gameStart", WIRE_START},       {"opponentDisconnected", WIRE_AWAY},
    {"opponentReconnected", WIRE_BACK}, {"roomSnapshot", WIRE_SNAPSHOT}, {"playerLeft", WIRE_LEFT},
    {"matchCancelled", WIRE_CANCELLED}, {"turnTimeout", WIRE_TURN},      {"gameEnd", WIRE_END},
    {"roomCleanup", WIRE_CLEANUP},      {"error", WIRE_REFUSAL},         {"goodbye", WIRE_GOODBYE},
};

static enum wire_kind kind_of(const char *name, size_t n)
{
    for (unsigned i = 0; i < sizeof EVENTS / sizeof EVENTS[0]; i++)
        if (strlen(EVENTS[i].name) == n && memcmp(EVENTS[i].name, name, n) == 0)
            return EVENTS[i].kind;
    return WIRE_OTHER;
}

struct cursor {
    const char *p, *end;
};

static bool eat(struct cursor *c, const char *literal, size_t n)
{
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, literal, n) != 0)
        return false;
    c->p += n;
    return true;
}
#define EAT(c, literal) eat(c, literal, sizeof(literal) - 1)

static int64_t eat_int(struct cursor *c)
{
    int64_t value = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        value = value * 10 + (*c->p++ - '0');
    return value;
}

/* Up to the next quote, which is eaten too; the text's length in *n. */
static const char *eat_word(struct cursor *c, size_t *n)
{
    const char *begin = c->p;
    const char *quote = memchr(begin, '"', (size_t)(c->end - begin));
    if (quote == NULL)
        quote = c->end - 1;
    c->p = quote + 1;
    *n = (size_t)(quote - begin);
    return begin;
}

static void hear_push(struct cursor *c, size_t payload_n, struct wire_heard *out)
{
    size_t name_n;
    const char *name = eat_word(c, &name_n);
    out->kind = kind_of(name, name_n);
    if (EAT(c, ",\"room\":\""))
        out->room = eat_word(c, &out->room_n);
    if (EAT(c, ",\"seq\":"))
        out->seq = eat_int(c);
    if (name_n == 4 && memcmp(name, "ping", 4) == 0) { /* our own request, from a server that only echoes */
        out->kind = WIRE_REPLY;
        out->id = wire_number(out, "id", 0);
    }
    /* …,"message":"PAYLOAD"}} */
    if (out->kind == WIRE_MESSAGE && out->n > payload_n + 64 &&
        memcmp(out->text + out->n - 3, "\"}}", 3) == 0) {
        out->payload = out->text + out->n - 3 - payload_n;
        out->payload_n = payload_n;
    }
}

static void hear_reply(struct cursor *c, struct wire_heard *out)
{
    out->id = eat_int(c);
    out->kind = EAT(c, ",\"ok\":true,\"data\":") ? WIRE_REPLY : WIRE_REFUSAL;
    if (out->kind == WIRE_REPLY && EAT(c, "{\"seq\":"))
        out->seq = eat_int(c);
}

static void hear(const char *text, size_t n, size_t payload_n, struct wire_heard *out)
{
    struct cursor c = {text, text + n};
    memset(out, 0, sizeof *out);
    out->text = text;
    out->n = n;
    if (EAT(&c, "{\"event\":\""))
        hear_push(&c, payload_n, out);
    else if (EAT(&c, "{\"id\":"))
        hear_reply(&c, out);
}

static char *copy_int(char *at, int64_t value)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return wire_copy(at, digits + n, sizeof digits - n);
}

static size_t say(char *out, const struct wire_saying *s)
{
    char *at = WIRE_COPY(out, "{\"event\":\"gameMessage\",");
    if (s->id > 0) {
        at = WIRE_COPY(at, "\"id\":");
        at = copy_int(at, s->id);
        at = WIRE_COPY(at, ",");
    }
    at = WIRE_COPY(at, "\"data\":");
    at = wire_copy_game_message(at, s);
    at = WIRE_COPY(at, "}");
    return (size_t)(at - out);
}

const struct wire wire_matchgate = {.name = "matchgate",
                                    .protocol = "matchgate.v1.json",
                                    .matchmaking = true,
                                    .numbers = true,
                                    .path = path,
                                    .join = join,
                                    .hear = hear,
                                    .say = say};
