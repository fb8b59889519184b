/* Workload pairs: matches at a steady rate; how long until both players are told?
 *
 * A pair has a level to itself. One of the two waits in the queue; at the due time the other one joins, on
 * another instance unless --same. The time counts from when the join was due until the later of the two
 * matchFound is here. When both games have begun, the first leaves the room; when both are out of it, the
 * pair rests, and then the roles change. If no pair is ready when a match is due, the next ready one takes
 * it, with the time it was due (open loop). */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/game.h"
#include "tests/bench/hist.h"
#include "tests/bench/report.h"
#include "tests/bench/work.h"

enum stage { QUEUEING, READY, MATCHING, LEAVING };

struct pair {
    enum stage stage;
    uint32_t first; /* 0 or 1: who waits */
    uint32_t told, started, out;
    uint64_t due;
};

struct world {
    struct game game;
    struct pair *pairs;
    uint32_t *ready; /* a ring of pairs */
    uint32_t ready_head, ready_count;
    uint64_t matches, late, measured_from;
    bool running, measuring;
    struct hist told, playing;
};

static void join(struct world *w, uint32_t who)
{
    char text[256];
    size_t n = w->game.o->wire->join(text, sizeof text, 1 + who / 2 % 1000, ++w->game.players[who].last_id);
    crowd_text(&w->game.crowd, who, text, n);
}

static void queue_up(struct world *w, uint32_t at)
{
    struct pair *p = &w->pairs[at];
    p->stage = QUEUEING;
    p->told = p->started = p->out = 0;
    if (w->running)
        join(w, at * 2 + p->first);
}

static void match(struct world *w, uint64_t due)
{
    uint32_t at = w->ready[w->ready_head++ % w->game.rooms];
    struct pair *p = &w->pairs[at];
    w->ready_count--;
    p->stage = MATCHING;
    p->due = due;
    join(w, at * 2 + 1 - p->first);
}

static void on_waiting(struct world *w, uint32_t at, uint32_t who)
{
    struct pair *p = &w->pairs[at];
    if (p->stage != QUEUEING || who % 2 != p->first)
        return;
    p->stage = READY;
    w->ready[(w->ready_head + w->ready_count++) % w->game.rooms] = at;
}

static void on_told(struct world *w, uint32_t at)
{
    struct pair *p = &w->pairs[at];
    if (p->stage != MATCHING || ++p->told > 2)
        report_complain("pair %u was told of a match %u times", at, p->told);
    if (p->told < 2)
        return;
    if (strcmp(w->game.players[at * 2].room, w->game.players[at * 2 + 1].room) != 0)
        report_complain("pair %u sits in two rooms", at);
    w->matches++;
    if (w->measuring && p->due >= w->measured_from)
        hist_add(&w->told, w->game.crowd.now - p->due);
}

static void on_started(struct world *w, uint32_t at)
{
    struct pair *p = &w->pairs[at];
    uint32_t leaver = at * 2 + p->first;
    if (++p->started < 2)
        return;
    if (w->measuring && p->due >= w->measured_from)
        hist_add(&w->playing, w->game.crowd.now - p->due);
    p->stage = LEAVING;
    game_ask(&w->game, leaver, "\"event\":\"leaveRoom\",\"data\":{\"roomId\":\"%s\"}}",
             w->game.players[leaver].room);
}

static void on_out(struct world *w, uint32_t at)
{
    struct pair *p = &w->pairs[at];
    if (++p->out < 2)
        return;
    p->first = 1 - p->first;
    queue_up(w, at);
}

static bool on_heard(void *ctx, uint32_t who, const struct wire_heard *h)
{
    struct world *w = ctx;
    uint32_t at = who / 2;
    struct pair *p = &w->pairs[at];
    switch (h->kind) {
    case WIRE_WAITING:
        on_waiting(w, at, who);
        break;
    case WIRE_MATCH:
        on_told(w, at);
        break;
    case WIRE_START:
        on_started(w, at);
        break;
    case WIRE_REPLY:
        if (p->stage == LEAVING && who % 2 == p->first)
            on_out(w, at);
        break;
    case WIRE_CLEANUP:
        if (who % 2 != p->first)
            on_out(w, at);
        break;
    default:
        return h->kind == WIRE_LEFT || h->kind == WIRE_END;
    }
    return true;
}

/* Matches at --rate from `due` until `until`. */
static void play(struct world *w, uint64_t due, uint64_t until)
{
    double at = (double)due, step = 1e9 / (double)w->game.o->rate;
    while (due < until) {
        crowd_turn(&w->game.crowd, w->ready_count > 0 ? due : clock_ns() + CLOCK_MS);
        for (uint64_t now = clock_ns(); due <= now && due < until && w->ready_count > 0; due = (uint64_t)at) {
            w->late += now > due + 10 * CLOCK_MS;
            match(w, due);
            at += step;
        }
        if (clock_ns() > until + 5 * CLOCK_S)
            report_give_up("pairs: %llu matches so far, the servers are more than 5 s behind",
                           (unsigned long long)w->matches);
    }
}

static uint32_t busy(const struct world *w)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < w->game.rooms; at++)
        count += w->pairs[at].stage == MATCHING || w->pairs[at].stage == LEAVING;
    return count;
}

static void open_world(struct world *w, struct options *o)
{
    uint64_t end;
    game_init(&w->game, o, 2, on_heard, NULL, w);
    if (w->game.rooms > 1000)
        report_give_up("pairs: at most 2,000 clients, a level for each pair");
    w->pairs = calloc(w->game.rooms, sizeof *w->pairs);
    w->ready = calloc(w->game.rooms, sizeof *w->ready);
    if (w->pairs == NULL || w->ready == NULL)
        report_give_up("out of memory");
    game_connect(&w->game, 0, w->game.count);
    w->running = true;
    for (uint32_t at = 0; at < w->game.rooms; at++)
        queue_up(w, at);
    end = clock_ns() + (uint64_t)o->deadline_ms * CLOCK_MS;
    while (w->ready_count < w->game.rooms && clock_ns() < end)
        crowd_turn(&w->game.crowd, end);
}

static void report(const struct world *w, const struct servers_sample *from, const struct servers_sample *to,
                   uint64_t matches)
{
    report_int("clients", w->game.count);
    report_int("matches", (int64_t)matches);
    report_num("matches_per_s", (double)matches / ((double)(to->at - from->at) / 1e9));
    report_int("begun_late", (int64_t)w->late);
    servers_report(from, to, matches);
    report_hist("told_us", &w->told);
    report_hist("playing_us", &w->playing);
}

void work_pairs(struct options *o)
{
    static struct world w;
    struct servers_sample from, to;
    uint64_t before, now;
    if (o->rate == 0)
        report_give_up("pairs: --rate is missing");
    open_world(&w, o);
    now = clock_ns();
    play(&w, now, now + (uint64_t)o->warm_ms * CLOCK_MS);
    servers_take(&o->servers, &from);
    before = w.matches;
    w.late = 0;
    w.measuring = true;
    now = w.measured_from = clock_ns();
    play(&w, now, now + (uint64_t)o->run_ms * CLOCK_MS);
    w.measuring = w.running = false;
    servers_take(&o->servers, &to);
    before = w.matches - before;
    for (uint64_t end = clock_ns() + 10 * CLOCK_S; busy(&w) > 0 && clock_ns() < end;)
        crowd_turn(&w.game.crowd, end);
    if (busy(&w) > 0)
        report_complain("%u pairs are stuck", busy(&w));
    report(&w, &from, &to, before);
    free(w.pairs);
    free(w.ready);
    game_close(&w.game);
}
