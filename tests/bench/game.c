/* Connecting and seating.
 *
 * Player i sits in room i / seats. Where the server makes rooms by matching, each room under way has a level
 * to itself, so that its members, and nobody else, meet in it; a level is used again only when its last room
 * is complete (at most MAKING rooms are under way, and there are 1001 levels). Where the room stands in the
 * path or in a join message, nothing needs care. */
#include "tests/bench/game.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/report.h"

enum { MAKING = 128 };

static void on_open(void *ctx, uint32_t who)
{
    struct game *g = ctx;
    if (g->opened)
        g->opened(g->ctx, who);
}

static void welcomed(struct game *g, struct game_player *p)
{
    if (p->stage != GAME_COMING)
        return;
    p->stage = GAME_WELCOMED;
    g->coming--;
    g->welcomed++;
}

static void matched(struct game *g, uint32_t who, const struct wire_heard *h)
{
    struct game_player *p = &g->players[who];
    if (h->room_n == 0 || h->room_n >= GAME_ROOM_NAME)
        report_give_up("a room without a usable name: %.*s", (int)h->n, h->text);
    memcpy(p->room, h->room, h->room_n);
    p->room[h->room_n] = '\0';
}

static void started(struct game *g, uint32_t who, const struct wire_heard *h)
{
    struct game_player *p = &g->players[who];
    uint32_t room = who / g->seats;
    welcomed(g, p);
    if (p->stage == GAME_SEATED)
        return;
    p->stage = GAME_SEATED;
    p->seq = h->seq;
    g->seated++;
    if (++g->room_seated[room] == g->seats)
        g->rooms_ready++;
}

static bool is_bad_news(enum wire_kind kind)
{
    switch (kind) {
    case WIRE_REFUSAL:
    case WIRE_SNAPSHOT:
    case WIRE_AWAY:
    case WIRE_LEFT:
    case WIRE_CANCELLED:
    case WIRE_END:
    case WIRE_CLEANUP:
    case WIRE_GOODBYE:
        return true;
    default:
        return false;
    }
}

static void on_text(void *ctx, uint32_t who, const char *text, size_t n)
{
    struct game *g = ctx;
    struct wire_heard h;
    g->o->wire->hear(text, n, (size_t)g->o->size - 2, &h);
    if (h.answer != NULL)
        crowd_text(&g->crowd, who, h.answer, strlen(h.answer));
    if (h.kind == WIRE_WELCOME)
        welcomed(g, &g->players[who]);
    else if (h.kind == WIRE_MATCH)
        matched(g, who, &h);
    else if (h.kind == WIRE_START)
        started(g, who, &h);
    if (!(g->heard && g->heard(g->ctx, who, &h)) && is_bad_news(h.kind))
        report_complain("player %u heard: %.*s", who, (int)(n < 300 ? n : 300), text);
}

static void on_gone(void *ctx, uint32_t who, int code)
{
    struct game *g = ctx;
    struct game_player *p = &g->players[who];
    enum game_stage stage = p->stage;
    if (stage == GAME_COMING)
        g->coming--;
    else if (stage != GAME_GONE)
        g->welcomed--;
    p->stage = GAME_GONE;
    if (!(g->gone && g->gone(g->ctx, who, code)))
        report_give_up("player %u lost the connection in stage %d: %d", who, (int)stage, code);
}

void game_init(struct game *g, const struct options *o, uint32_t seats, game_heard_cb heard,
               game_gone_cb gone, void *ctx)
{
    static const struct crowd_calls calls = {on_open, on_text, on_gone};
    memset(g, 0, sizeof *g);
    g->o = o;
    g->seats = seats;
    g->rooms = (uint32_t)o->clients / seats;
    g->count = g->rooms * seats;
    if (g->count == 0)
        report_give_up("--clients %lld does not fill a room of %u", (long long)o->clients, seats);
    g->heard = heard;
    g->gone = gone;
    g->ctx = ctx;
    if (g->count + 64 > crowd_raise_limit())
        report_give_up("%u clients are more than this process may have file descriptors", g->count);
    g->players = calloc(g->count, sizeof *g->players);
    g->room_seated = calloc(g->rooms + 1, sizeof *g->room_seated);
    if (g->players == NULL || g->room_seated == NULL)
        report_give_up("out of memory");
    crowd_init(&g->crowd, g->count, &calls, g);
    g->crowd.spin = o->spin;
}

void game_close(struct game *g)
{
    crowd_close(&g->crowd);
    free(g->players);
    free(g->room_seated);
}

uint16_t game_port(const struct game *g, uint32_t who)
{
    uint32_t room = who / g->seats, seat = who % g->seats;
    if (g->o->crowded)
        return g->o->ports[0];
    return g->o->ports[(g->o->same ? room : room + seat) % g->o->ports_count];
}

void game_connect_one(struct game *g, uint32_t who, uint16_t port)
{
    char path[128];
    g->o->wire->path(path, sizeof path, who, who / g->seats);
    g->players[who].stage = GAME_COMING;
    g->coming++;
    crowd_open(&g->crowd, who, port, path, g->o->wire->protocol);
}

static uint64_t deadline(const struct game *g)
{
    return clock_ns() + (uint64_t)g->o->deadline_ms * CLOCK_MS;
}

/* One turn on the way to something that must come before `end`. */
static void turn(struct game *g, uint64_t end, const char *what)
{
    crowd_turn(&g->crowd, end);
    if (clock_ns() >= end)
        report_give_up("%s took too long: %u of %u welcomed, %u seated", what, g->welcomed, g->count,
                       g->seated);
}

void game_connect(struct game *g, uint32_t from, uint32_t to)
{
    uint64_t end = deadline(g);
    uint32_t next = from, goal = g->welcomed + (to - from);
    while (g->welcomed < goal) {
        while (next < to && g->coming < g->o->at_once) {
            game_connect_one(g, next, game_port(g, next));
            next++;
        }
        turn(g, end, "connecting");
    }
}

static void join_room(struct game *g, uint32_t room)
{
    char text[256];
    for (uint32_t who = room * g->seats; who < (room + 1) * g->seats; who++) {
        struct game_player *p = &g->players[who];
        p->stage = GAME_JOINING;
        crowd_text(&g->crowd, who, text, g->o->wire->join(text, sizeof text, room, ++p->last_id));
    }
}

/* Were a level shared by two rooms after all, players would sit in each other's rooms. */
static void check_rooms(const struct game *g, uint32_t rooms)
{
    for (uint32_t who = 0; who < rooms * g->seats; who++)
        if (strcmp(g->players[who].room, g->players[who - who % g->seats].room) != 0)
            report_give_up("player %u sits in the wrong room", who);
}

void game_seat(struct game *g, uint32_t rooms)
{
    uint64_t end = deadline(g);
    while (g->rooms_ready < rooms) {
        while (g->o->wire->join && g->rooms_joined < rooms && g->rooms_joined < g->rooms_ready + MAKING)
            join_room(g, g->rooms_joined++);
        turn(g, end, "seating");
    }
    check_rooms(g, rooms);
}

int64_t game_ask(struct game *g, uint32_t who, const char *format, ...)
{
    char text[1024];
    int64_t id = ++g->players[who].last_id;
    va_list args;
    size_t head = (size_t)snprintf(text, sizeof text, "{\"id\":%lld,", (long long)id), n;
    va_start(args, format);
    n = (size_t)vsnprintf(text + head, sizeof text - head, format, args);
    va_end(args);
    if (n >= sizeof text - head)
        report_give_up("a request is too long");
    crowd_text(&g->crowd, who, text, head + n);
    return id;
}

void game_run_until(struct game *g, uint64_t until)
{
    while (clock_ns() < until)
        crowd_turn(&g->crowd, until);
}
