/* matchgate's Socket.IO dialect: the same game as wire_matchgate.c, in Socket.IO's packets, so that the two
 * can be compared. Messages are read from both their ends, as there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/wire_text.h"

static void path(char *out, size_t cap, uint32_t who, uint32_t room)
{
    (void)room;
    snprintf(out, cap, "/socket.io/?EIO=4&transport=websocket&playerId=b%d-%u", (int)getpid(), who);
}

/* Acknowledgements count from 0, the tool from 1. */
static size_t join(char *out, size_t cap, uint32_t room, int64_t id)
{
    return (size_t)snprintf(out, cap, "42%lld[\"joinMatchmaking\",{\"level\":%u}]", (long long)id - 1,
                            room % 1001);
}

static const struct {
    const char *begin;
    enum wire_kind kind;
} EVENTS[] = {
    {"42[\"gameMessage\",", WIRE_MESSAGE},
    {"42[\"welcome\",", WIRE_WELCOME},
    {"42[\"waiting\",", WIRE_WAITING},
    {"42[\"matchFound\",", WIRE_MATCH},
    {"42[\"gameStart\",", WIRE_START},
    {"42[\"opponentDisconnected\",", WIRE_AWAY},
    {"42[\"opponentReconnected\",", WIRE_BACK},
    {"42[\"roomSnapshot\",", WIRE_SNAPSHOT},
    {"42[\"playerLeft\",", WIRE_LEFT},
    {"42[\"matchCancelled\",", WIRE_CANCELLED},
    {"42[\"gameEnd\",", WIRE_END},
    {"42[\"roomCleanup\",", WIRE_CLEANUP},
    {"42[\"error\",", WIRE_REFUSAL},
    {"42[\"goodbye\",", WIRE_GOODBYE},
};

/* {…}] or {…},"ROOM/EPOCH/SEQ"]: where the data ends, and what the offset says. */
static size_t data_end(struct wire_heard *h)
{
    const char *end = h->text + h->n - 1;
    if (h->n < 8 || end[-1] != '"')
        return h->n - 1;
    const char *p = end - 2;
    while (p > h->text && *p != '/')
        p--;
    h->seq = strtoll(p + 1, NULL, 10);
    while (p > h->text && *p != '"')
        p--;
    h->room = p + 1;
    h->room_n = strcspn(p + 1, "/\"");
    return (size_t)(p - 1 - h->text);
}

static void hear_event(size_t payload_n, struct wire_heard *out)
{
    for (unsigned i = 0; i < sizeof EVENTS / sizeof EVENTS[0] && out->kind == WIRE_OTHER; i++)
        if (wire_begins(out, EVENTS[i].begin))
            out->kind = EVENTS[i].kind;
    size_t n = data_end(out);
    if (out->kind == WIRE_MESSAGE && n > payload_n + 32 && memcmp(out->text + n - 2, "\"}", 2) == 0) {
        out->payload = out->text + n - 2 - payload_n;
        out->payload_n = payload_n;
    }
}

static void hear_ack(struct wire_heard *out)
{
    char *rest;
    out->id = strtoll(out->text + 2, &rest, 10) + 1;
    static const char good[] = "[{\"ok\":true,\"data\":", seq[] = "{\"seq\":";
    out->kind = strncmp(rest, good, sizeof good - 1) == 0 ? WIRE_REPLY : WIRE_REFUSAL;
    rest += sizeof good - 1;
    if (out->kind == WIRE_REPLY && strncmp(rest, seq, sizeof seq - 1) == 0)
        out->seq = strtoll(rest + sizeof seq - 1, NULL, 10);
}

static void hear(const char *text, size_t n, size_t payload_n, struct wire_heard *out)
{
    memset(out, 0, sizeof *out);
    out->text = text;
    out->n = n;
    if (wire_begins(out, "42["))
        hear_event(payload_n, out);
    else if (wire_begins(out, "43"))
        hear_ack(out);
    else if (wire_begins(out, "0{"))
        out->answer = "40";
    else if (n == 1 && *text == '2')
        out->answer = "3";
}

static size_t say(char *out, const struct wire_saying *s)
{
    char *at = WIRE_COPY(out, "42");
    if (s->id > 0)
        at += sprintf(at, "%lld", (long long)s->id - 1);
    at = WIRE_COPY(at, "[\"gameMessage\",");
    at = wire_copy_game_message(at, s);
    at = WIRE_COPY(at, "]");
    return (size_t)(at - out);
}

const struct wire wire_dialect = {.name = "matchgate-socketio",
                                  .matchmaking = true,
                                  .numbers = true,
                                  .path = path,
                                  .join = join,
                                  .hear = hear,
                                  .say = say};
