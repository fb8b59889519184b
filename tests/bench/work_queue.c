/* Workload queue: players join a level's queue, leave it, and join again; nobody is matched. The cost of a
 * join alone.
 *
 * Each player has a level to himself; the fleet must need more players for a match than wait there. */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/game.h"
#include "tests/bench/hist.h"
#include "tests/bench/report.h"
#include "tests/bench/work.h"

struct world {
    struct game game;
    uint64_t *asked_at;
    bool *queued;
    uint64_t joins;
    uint32_t busy;
    bool running, measuring;
    struct hist joined; /* from asking to the reply */
};

static void join(struct world *w, uint32_t who)
{
    char text[256];
    size_t n = w->game.o->wire->join(text, sizeof text, 1 + who, ++w->game.players[who].last_id);
    w->asked_at[who] = w->game.crowd.now;
    crowd_text(&w->game.crowd, who, text, n);
}

static void on_reply(struct world *w, uint32_t who, const struct wire_heard *h)
{
    if (h->id != w->game.players[who].last_id)
        report_complain("player %u was answered %lld, not %lld", who, (long long)h->id,
                        (long long)w->game.players[who].last_id);
    if (!w->queued[who]) {
        w->joins++;
        if (w->measuring)
            hist_add(&w->joined, w->game.crowd.now - w->asked_at[who]);
        w->queued[who] = true;
        game_ask(&w->game, who, "\"event\":\"leaveMatchmaking\"}");
        return;
    }
    if (!wire_has(h, "\"left\":true"))
        report_complain("player %u did not leave: %.*s", who, (int)h->n, h->text);
    w->queued[who] = false;
    if (w->running)
        join(w, who);
    else
        w->busy--;
}

static bool on_heard(void *ctx, uint32_t who, const struct wire_heard *h)
{
    struct world *w = ctx;
    if (h->kind == WIRE_REPLY)
        on_reply(w, who, h);
    if (h->kind == WIRE_MATCH)
        report_complain("player %u was matched", who);
    return h->kind == WIRE_REPLY;
}

static void run_for(struct world *w, int64_t ms)
{
    game_run_until(&w->game, clock_ns() + (uint64_t)ms * CLOCK_MS);
}

void work_queue(struct options *o)
{
    static struct world w;
    struct servers_sample from, to;
    uint64_t joins;
    game_init(&w.game, o, 1, on_heard, NULL, &w);
    if (w.game.count > 1000)
        report_give_up("queue: at most 1,000 clients, a level for each");
    w.asked_at = calloc(w.game.count, sizeof *w.asked_at);
    w.queued = calloc(w.game.count, sizeof *w.queued);
    if (w.asked_at == NULL || w.queued == NULL)
        report_give_up("out of memory");
    game_connect(&w.game, 0, w.game.count);
    w.running = true;
    w.busy = w.game.count;
    for (uint32_t who = 0; who < w.game.count; who++)
        join(&w, who);
    run_for(&w, o->warm_ms);
    servers_take(&o->servers, &from);
    joins = w.joins;
    w.measuring = true;
    run_for(&w, o->run_ms);
    w.measuring = w.running = false;
    servers_take(&o->servers, &to);
    joins = w.joins - joins;
    for (uint64_t end = clock_ns() + 10 * CLOCK_S; w.busy > 0 && clock_ns() < end;)
        crowd_turn(&w.game.crowd, end);
    if (w.busy > 0)
        report_complain("%u players were not answered", w.busy);
    report_int("clients", w.game.count);
    report_int("joins", (int64_t)joins);
    report_num("joins_per_s", (double)joins / ((double)(to.at - from.at) / 1e9));
    servers_report(&from, &to, joins);
    report_hist("joined_us", &w.joined);
    free(w.asked_at);
    free(w.queued);
    game_close(&w.game);
}
