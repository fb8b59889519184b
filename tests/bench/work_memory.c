/* Workloads memory and connect: what a player weighs who does nothing, and how fast players come. */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/game.h"
#include "tests/bench/hist.h"
#include "tests/bench/report.h"
#include "tests/bench/work.h"

/* --- memory
 * -----------------------------------------------------------------------------------------------------------
 */

enum { SETTLE_MS = 1500 }; /* buffers of the last handshakes are given back, deadlines pass */

static void sample(struct game *g, struct options *o, struct servers_sample *out)
{
    game_run_until(g, clock_ns() + SETTLE_MS * CLOCK_MS);
    servers_take(&o->servers, out);
}

static void fill(struct game *g, uint32_t from, uint32_t to)
{
    game_connect(g, from, to);
    if (g->o->seated)
        game_seat(g, to / g->seats);
}

static void empty(struct game *g, uint32_t from)
{
    for (uint32_t who = from; who < g->count; who++) {
        crowd_cut(&g->crowd, who);
        g->players[who].stage = GAME_GONE;
        g->welcomed--;
    }
}

static double per_player(uint64_t more, uint64_t less, uint32_t players)
{
    return ((double)more - (double)less) / players;
}

/* The slope between two sizes: what the first players cost once (tables, pools) is not counted. Seated
 * players are not churned: their seats would outlive them. */
void work_memory(struct options *o)
{
    static struct game g;
    struct servers_sample none, some, all, again;
    uint32_t half;
    game_init(&g, o, (uint32_t)o->seats, NULL, NULL, NULL);
    half = g.rooms / 2 * g.seats;
    sample(&g, o, &none);
    fill(&g, 0, half);
    sample(&g, o, &some);
    fill(&g, half, g.count);
    sample(&g, o, &all);
    report_int("clients", g.count);
    report_num("rss_kib_per_player", per_player(all.gateways.rss_kib, some.gateways.rss_kib, g.count - half));
    report_num("rss_kib_per_player_first_half",
               per_player(some.gateways.rss_kib, none.gateways.rss_kib, half));
    report_int("rss_kib_empty", (int64_t)none.gateways.rss_kib);
    report_int("rss_kib_full", (int64_t)all.gateways.rss_kib);
    report_num("redis_bytes_per_player", per_player(all.redis_bytes, some.redis_bytes, g.count - half));
    if (!o->seated) {
        empty(&g, 0);
        sample(&g, o, &again);
        report_int("rss_kib_after_all_left", (int64_t)again.gateways.rss_kib);
        fill(&g, 0, g.count);
        sample(&g, o, &again);
        report_int("rss_kib_full_again", (int64_t)again.gateways.rss_kib);
    }
    game_close(&g);
}

/* --- connect
 * ----------------------------------------------------------------------------------------------------------
 */

struct rush {
    struct game game;
    uint64_t *begun_at;
    uint64_t last_at;
    struct hist welcome; /* from connect() to welcome */
};

static bool on_heard(void *ctx, uint32_t who, const struct wire_heard *h)
{
    struct rush *r = ctx;
    enum wire_kind first = r->game.o->wire->join ? WIRE_WELCOME : WIRE_START;
    if (h->kind != first || r->begun_at[who] == 0)
        return false;
    r->last_at = r->game.crowd.now;
    hist_add(&r->welcome, r->last_at - r->begun_at[who]);
    r->begun_at[who] = 0;
    return true;
}

/* As game_connect, with the clock; a round is over when all are welcome. */
static void rush(struct rush *r)
{
    struct game *g = &r->game;
    uint64_t end = clock_ns() + (uint64_t)g->o->deadline_ms * CLOCK_MS;
    uint32_t next = 0;
    while (g->welcomed < g->count) {
        for (; next < g->count && g->coming < g->o->at_once; next++) {
            r->begun_at[next] = clock_ns();
            game_connect_one(g, next, game_port(g, next));
        }
        crowd_turn(&g->crowd, end);
        if (clock_ns() >= end)
            report_give_up("connect: %u of %u are welcome", g->welcomed, g->count);
    }
}

void work_connect(struct options *o)
{
    static struct rush r;
    struct servers_sample from, to;
    uint64_t begun;
    game_init(&r.game, o, 1, on_heard, NULL, &r);
    r.begun_at = calloc(r.game.count, sizeof *r.begun_at);
    if (r.begun_at == NULL)
        report_give_up("out of memory");
    servers_take(&o->servers, &from);
    begun = clock_ns();
    rush(&r);
    servers_take(&o->servers, &to);
    report_int("clients", r.game.count);
    report_num("connects_per_s", r.game.count / ((double)(r.last_at - begun) / 1e9));
    servers_report(&from, &to, r.game.count);
    report_hist("welcome_us", &r.welcome);
    free(r.begun_at);
    game_close(&r.game);
}
