/* Coming back: session and token from welcome, hello with resume, pauses with jitter, and no number missed or
 * doubled.
 *
 * As proto/PROTOCOL.md asks of clients: after a loss a random pause between 0 and 0.5 s * 2^n, at most 20 s,
 * then hello with the session and the last number seen. Everything in a room has a number and comes as a push
 * here (messages are sent without an id), so each push must carry the last number plus one, over all
 * connections of a player. */
#include "tests/bench/comeback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/report.h"

static uint64_t draw(struct comeback *c, uint64_t below)
{
    c->random = c->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return below ? (c->random >> 33) % below : 0;
}

static void pause_before(struct comeback *c, struct comeback_player *p)
{
    uint64_t most = 500 * CLOCK_MS;
    for (uint32_t n = 0; n < p->attempts && most < 20 * CLOCK_S; n++)
        most *= 2;
    p->stage = COMEBACK_PAUSING;
    p->retry_at = clock_ns() + draw(c, most < 20 * CLOCK_S ? most : 20 * CLOCK_S);
}

static void count_code(struct comeback *c, int code)
{
    for (int i = 0; i < COMEBACK_CODES; i++)
        if (c->codes[i].count == 0 || c->codes[i].code == code) {
            c->codes[i].code = code;
            c->codes[i].count++;
            return;
        }
}

static void leave(struct comeback *c, struct comeback_player *p, uint64_t at)
{
    if (p->stage != COMEBACK_HERE)
        return;
    p->attempts = 0;
    p->lost_at = at;
    c->away++;
}

static bool on_gone(void *ctx, uint32_t who, int code)
{
    struct comeback *c = ctx;
    struct comeback_player *p = &c->players[who];
    if (!c->may_leave)
        return false;
    count_code(c, code);
    if ((code >= 4000 && code < 4100) || (code > 1001 && code < 1011 && code != 1006))
        report_complain("player %u was told not to come back: %d", who, code);
    if (p->stage == COMEBACK_COMING)
        c->retries++, p->attempts++;
    leave(c, p, c->game.crowd.now);
    pause_before(c, p);
    return true;
}

static void on_open(void *ctx, uint32_t who)
{
    struct comeback *c = ctx;
    struct comeback_player *p = &c->players[who];
    char text[512];
    int n;
    if (p->session[0] == '\0')
        return; /* his first connection: the identity stands in the path */
    n = snprintf(
        text, sizeof text,
        "{\"event\":\"hello\",\"data\":{\"playerId\":\"%s\",\"resume\":{\"session\":\"%s\",\"token\":\"%s\","
        "\"rooms\":{\"%s\":%lld}}}}",
        p->player, p->session, p->token, c->game.players[who].room, (long long)p->last);
    p->hello_at = c->game.crowd.now;
    crowd_text(&c->game.crowd, who, text, (size_t)n);
}

static void on_welcome(struct comeback *c, uint32_t who, const struct wire_heard *h)
{
    struct comeback_player *p = &c->players[who];
    uint64_t now = c->game.crowd.now;
    char session[COMEBACK_NAME];
    bool first = p->session[0] == '\0', same;
    if (!wire_member(h, "sessionId", session, sizeof session) ||
        !wire_member(h, "resumeToken", p->token, sizeof p->token) ||
        !wire_member(h, "playerId", p->player, sizeof p->player))
        report_give_up("a welcome without session: %.*s", (int)h->n, h->text);
    same = strcmp(session, p->session) == 0 && wire_has(h, "\"recovered\":true");
    memcpy(p->session, session, sizeof session);
    if (first)
        return;
    if (!same) {
        c->renewed++;
        report_complain("player %u came back to another session or not to everything: %.*s", who, (int)h->n,
                        h->text);
    }
    p->stage = COMEBACK_HERE;
    c->away--;
    c->last_back_at = now;
    hist_add(&c->back, now - p->lost_at);
    hist_add(&c->from_connect, now - p->opened_at);
    hist_add(&c->from_hello, now - p->hello_at);
}

static void on_number(struct comeback *c, uint32_t who, const struct wire_heard *h)
{
    struct comeback_player *p = &c->players[who];
    if (h->seq != p->last + 1)
        report_complain("%s heard number %lld of room %s after %lld: %.*s", p->player, (long long)h->seq,
                        c->game.players[who].room, (long long)p->last, (int)(h->n < 120 ? h->n : 120),
                        h->text);
    if (h->seq > p->last)
        p->last = h->seq;
}

static bool on_heard(void *ctx, uint32_t who, const struct wire_heard *h)
{
    struct comeback *c = ctx;
    struct payload said;
    if (h->kind == WIRE_WELCOME)
        on_welcome(c, who, h);
    if (h->seq > 0)
        on_number(c, who, h);
    if (h->kind == WIRE_MESSAGE && tally_hear(&c->tally, who, h, &said))
        c->due--;
    if (h->kind == WIRE_REFUSAL && c->players[who].stage == COMEBACK_COMING) {
        c->refused++; /* a reason to try again, if the close code says so */
        return true;
    }
    return h->kind == WIRE_AWAY || h->kind == WIRE_BACK || (h->kind == WIRE_GOODBYE && c->may_leave);
}

void comeback_open(struct comeback *c, const struct options *o)
{
    memset(c, 0, sizeof *c);
    game_init(&c->game, o, (uint32_t)o->seats, on_heard, on_gone, c);
    c->game.opened = on_open;
    tally_init(&c->tally, &c->game);
    c->players = calloc(c->game.count, sizeof *c->players);
    if (c->players == NULL)
        report_give_up("out of memory");
    c->random = clock_ns();
    memcpy(c->ports, o->ports, sizeof c->ports);
    c->ports_count = o->ports_count;
    for (uint32_t who = 0; who < c->game.count; who++)
        c->players[who].port = game_port(&c->game, who);
    game_connect(&c->game, 0, c->game.count);
    game_seat(&c->game, c->game.rooms);
    c->may_leave = true;
}

void comeback_close(struct comeback *c)
{
    tally_close(&c->tally);
    game_close(&c->game);
    free(c->players);
}

void comeback_cut(struct comeback *c, uint32_t who, uint64_t at)
{
    struct comeback_player *p = &c->players[who];
    leave(c, p, at);
    crowd_cut(&c->game.crowd, who);
    pause_before(c, p);
}

void comeback_return(struct comeback *c, uint32_t who)
{
    struct comeback_player *p = &c->players[who];
    uint16_t port;
    do
        port = c->ports[draw(c, c->ports_count)];
    while (port == p->port && c->ports_count > 1);
    p->port = port;
    p->stage = COMEBACK_COMING;
    p->opened_at = clock_ns();
    crowd_open(&c->game.crowd, who, port, "/ws?hello=1", c->game.o->wire->protocol);
}

void comeback_turn(struct comeback *c, uint64_t until)
{
    uint64_t now = clock_ns();
    if (c->away > 0)
        for (uint32_t who = 0; who < c->game.count; who++)
            if (c->players[who].stage == COMEBACK_PAUSING && c->players[who].retry_at <= now)
                comeback_return(c, who);
    crowd_turn(&c->game.crowd, until < now + CLOCK_MS ? until : now + CLOCK_MS);
}

void comeback_say(struct comeback *c, uint32_t who)
{
    const struct options *o = c->game.o;
    static char text[1024], filled[512];
    size_t n = (size_t)(o->size < 512 ? o->size : 512) - 2;
    struct payload p = {.sender = who, .number = tally_send(&c->tally, who), .at = clock_ns()};
    struct wire_saying s = {.room = c->game.players[who].room, .payload = filled, .payload_n = n};
    payload_write(filled, n, &p);
    crowd_text(&c->game.crowd, who, text, o->wire->say(text, &s));
    c->due += c->game.seats; /* the speaker hears it too */
}

bool comeback_settle(struct comeback *c)
{
    uint64_t end = clock_ns() + (uint64_t)c->game.o->deadline_ms * CLOCK_MS;
    while ((c->away > 0 || c->due > 0) && clock_ns() < end)
        comeback_turn(c, end);
    if (c->away == 0 && c->due == 0)
        return true;
    report_complain("%u players are away, %llu messages were not heard", c->away, (unsigned long long)c->due);
    return false;
}

void comeback_check(struct comeback *c)
{
    c->tally.others_numbered = true;
    tally_finish(&c->tally);
    for (uint32_t who = 0; who < c->game.count; who++) {
        uint32_t first = who - who % c->game.seats;
        if (c->players[who].last != c->players[first].last)
            report_complain("player %u has seen all up to %lld, player %u up to %lld", who,
                            (long long)c->players[who].last, first, (long long)c->players[first].last);
    }
}

void comeback_report(const struct comeback *c)
{
    char name[32];
    report_int("clients", c->game.count);
    report_int("retries", (int64_t)c->retries);
    report_int("refused", (int64_t)c->refused);
    report_int("renewed", (int64_t)c->renewed);
    for (int i = 0; i < COMEBACK_CODES && c->codes[i].count > 0; i++) {
        snprintf(name, sizeof name, "ended_%d", c->codes[i].code);
        report_int(name, (int64_t)c->codes[i].count);
    }
    report_hist("back_us", &c->back);
    report_hist("from_connect_us", &c->from_connect);
    report_hist("from_hello_us", &c->from_hello);
}
