/* Workload echo: ping requests that the gateway answers without a store. The bare edge: read, scan, reply,
 * write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/game.h"
#include "tests/bench/hist.h"
#include "tests/bench/report.h"
#include "tests/bench/work.h"

enum { RING = 1024, TEXT_MAX = 70000 };

struct world {
    struct game game;
    int64_t *answered;  /* by player: the last id that was answered */
    uint64_t *asked_at; /* [player * window + id % window] */
    uint64_t answers, asked;
    struct hist latency;
    bool asking, measuring;
    uint64_t measured_from;
    uint32_t turn;
};

static void ask(struct world *w, uint32_t who, uint64_t at)
{
    static char text[TEXT_MAX];
    static size_t tail; /* {"event":"ping","data":"....","id":N}: all but the id is always the same */
    struct game_player *p = &w->game.players[who];
    if (tail == 0) {
        tail = (size_t)sprintf(text, "{\"event\":\"ping\",\"data\":\"");
        memset(text + tail, '.', (size_t)w->game.o->size - 2);
        tail += (size_t)w->game.o->size - 2;
        tail += (size_t)sprintf(text + tail, "\",\"id\":");
    }
    p->last_id++;
    w->asked_at[(size_t)who * RING + (uint64_t)p->last_id % RING] = at;
    w->asked++;
    crowd_text(&w->game.crowd, who, text,
               tail + (size_t)sprintf(text + tail, "%lld}", (long long)p->last_id));
}

static bool on_heard(void *ctx, uint32_t who, const struct wire_heard *h)
{
    struct world *w = ctx;
    uint64_t at;
    if (h->kind != WIRE_REPLY)
        return false;
    if (h->id != ++w->answered[who])
        report_give_up("player %u: the answer to request %lld came where %lld was due", who, (long long)h->id,
                       (long long)w->answered[who]);
    at = w->asked_at[(size_t)who * RING + (uint64_t)h->id % RING];
    w->answers++;
    if (w->measuring && at >= w->measured_from)
        hist_add(&w->latency, w->game.crowd.now > at ? w->game.crowd.now - at : 0);
    if (w->asking && w->game.o->rate == 0)
        ask(w, who, w->game.crowd.now);
    return true;
}

static void open_loop(struct world *w, uint64_t until, uint64_t due)
{
    double at = (double)due, step = 1e9 / (double)w->game.o->rate;
    while (due < until) {
        crowd_turn(&w->game.crowd, due);
        for (uint64_t now = clock_ns(); due <= now && due < until; due = (uint64_t)at) {
            ask(w, w->turn++ % w->game.count, due);
            at += step;
        }
    }
}

static void ask_for(struct world *w, int64_t ms)
{
    uint64_t now = clock_ns(), until = now + (uint64_t)ms * CLOCK_MS;
    if (w->game.o->rate == 0)
        game_run_until(&w->game, until);
    else
        open_loop(w, until, now);
}

static void start_closed(struct world *w)
{
    for (uint32_t who = 0; who < w->game.count; who++)
        for (int64_t i = 0; i < w->game.o->window; i++)
            ask(w, who, clock_ns());
}

static void report(const struct world *w, const struct servers_sample *from, const struct servers_sample *to,
                   uint64_t answers)
{
    double wall = (double)(to->at - from->at) / 1e9,
           cpu = (double)(to->gateways.cpu_ns - from->gateways.cpu_ns) / 1e9;
    report_int("clients", w->game.count);
    report_int("size", w->game.o->size);
    report_int("answers", (int64_t)answers);
    report_int("things", (int64_t)w->answers);
    report_num("answers_per_s", (double)answers / wall);
    report_num("answers_per_gateway_cpu_s", cpu > 0 ? (double)answers / cpu : 0);
    servers_report(from, to, answers);
    report_hist("latency_us", &w->latency);
}

void work_echo(struct options *o)
{
    static struct world w;
    struct servers_sample from, to;
    uint64_t before;
    game_init(&w.game, o, 1, on_heard, NULL, &w);
    w.answered = calloc(w.game.count, sizeof *w.answered);
    w.asked_at = calloc((size_t)w.game.count * RING, sizeof *w.asked_at);
    if (w.answered == NULL || w.asked_at == NULL)
        report_give_up("out of memory");
    game_connect(&w.game, 0, w.game.count);
    w.asking = true;
    if (o->rate == 0)
        start_closed(&w);
    ask_for(&w, o->warm_ms);
    servers_take(&o->servers, &from);
    before = w.answers;
    w.measuring = true;
    w.measured_from = clock_ns();
    ask_for(&w, o->run_ms);
    w.measuring = w.asking = false;
    servers_take(&o->servers, &to);
    before = w.answers - before;
    for (uint64_t end = clock_ns() + 10 * CLOCK_S; w.answers < w.asked && clock_ns() < end;)
        crowd_turn(&w.game.crowd, end);
    if (w.answers != w.asked)
        report_complain("%llu of %llu requests were answered", (unsigned long long)w.answers,
                        (unsigned long long)w.asked);
    report(&w, &from, &to, before);
    free(w.answered);
    free(w.asked_at);
    game_close(&w.game);
}
