/* Workload storm: all players are connected, then all of them ask for a match at once. */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/game.h"
#include "tests/bench/hist.h"
#include "tests/bench/report.h"
#include "tests/bench/work.h"

struct world {
    struct game game;
    uint64_t started_at, matched_at;
    uint8_t *told;                /* by player: how often */
    struct hist matched, playing; /* from the common start to matchFound, to gameStart */
};

static bool on_heard(void *ctx, uint32_t who, const struct wire_heard *h)
{
    struct world *w = ctx;
    uint64_t now = w->game.crowd.now;
    if (h->kind == WIRE_MATCH) {
        if (++w->told[who] > 1)
            report_complain("player %u was matched twice", who);
        w->matched_at = now;
        hist_add(&w->matched, now - w->started_at);
    } else if (h->kind == WIRE_START) {
        hist_add(&w->playing, now - w->started_at);
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every room was told to exactly as many players as it has seats. */
static void check_rooms(const struct game *g, uint32_t seats)
{
    const char **names = calloc(g->count, sizeof *names);
    if (names == NULL)
        report_give_up("out of memory");
    for (uint32_t i = 0; i < g->count; i++)
        names[i] = g->players[i].room;
    qsort(names, g->count, sizeof *names, by_name);
    for (uint32_t i = 0; i < g->count; i += seats)
        for (uint32_t k = 0; k <= seats; k++) {
            bool same = i + k < g->count && strcmp(names[i], names[i + k]) == 0;
            if (same != (k < seats))
                report_give_up("room %s does not have %u players", names[i], seats);
        }
    free(names);
}

static void join_all(struct world *w)
{
    const struct options *o = w->game.o;
    char text[256];
    w->started_at = clock_ns();
    for (uint32_t who = 0; who < w->game.count; who++) {
        uint32_t level = 1 + who / (uint32_t)o->seats % (uint32_t)o->levels;
        size_t n = o->wire->join(text, sizeof text, level, ++w->game.players[who].last_id);
        crowd_text(&w->game.crowd, who, text, n);
    }
}

static void await(struct world *w)
{
    uint64_t end = clock_ns() + (uint64_t)w->game.o->deadline_ms * CLOCK_MS;
    while (w->game.seated < w->game.count) {
        crowd_turn(&w->game.crowd, end);
        if (clock_ns() >= end)
            report_give_up("%llu of %u players were matched, %u games begun",
                           (unsigned long long)w->matched.count, w->game.count, w->game.seated);
    }
}

void work_storm(struct options *o)
{
    static struct world w;
    struct servers_sample from, to;
    uint32_t matches;
    int64_t written;
    o->clients -= o->clients % (o->seats * o->levels);
    game_init(&w.game, o, 1, on_heard, NULL, &w);
    w.told = calloc(w.game.count, 1);
    if (w.told == NULL)
        report_give_up("out of memory");
    matches = w.game.count / (uint32_t)o->seats;
    game_connect(&w.game, 0, w.game.count);
    servers_take(&o->servers, &from);
    join_all(&w);
    await(&w);
    servers_take(&o->servers, &to);
    check_rooms(&w.game, (uint32_t)o->seats);
    written = servers_redis_int(&o->servers, "HLEN matches");
    if (written >= 0 && written != matches)
        report_complain("%lld matches are written in Redis, not %u", (long long)written, matches);
    report_int("clients", w.game.count);
    report_int("matches", matches);
    report_num("matches_per_s", matches / ((double)(w.matched_at - w.started_at) / 1e9));
    servers_report(&from, &to, matches);
    report_hist("matched_us", &w.matched);
    report_hist("playing_us", &w.playing);
    free(w.told);
    game_close(&w.game);
}
