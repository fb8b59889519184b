/* Workloads room and slow: messages in rooms, all members reading, or some of them deaf. */
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/relay.h"
#include "tests/bench/report.h"
#include "tests/bench/work.h"

struct world {
    struct game game;
    struct relay relay;
    uint64_t deaf_closed[2]; /* with 4102, otherwise */
};

static bool on_heard(void *ctx, uint32_t who, const struct wire_heard *h)
{
    struct world *w = ctx;
    return relay_heard(&w->relay, who, h);
}

static void open_world(struct world *w, struct options *o, game_gone_cb gone)
{
    memset(w, 0, sizeof *w);
    game_init(&w->game, o, (uint32_t)o->seats, on_heard, gone, w);
    relay_init(&w->relay, &w->game);
    game_connect(&w->game, 0, w->game.count);
    game_seat(&w->game, w->game.rooms);
}

static void close_world(struct world *w)
{
    relay_close(&w->relay);
    game_close(&w->game);
}

static void report_traffic(const struct world *w, const struct servers_sample *from,
                           const struct servers_sample *to, uint64_t deliveries)
{
    const struct options *o = w->game.o;
    double wall = (double)(to->at - from->at) / 1e9,
           cpu = (double)(to->gateways.cpu_ns - from->gateways.cpu_ns) / 1e9;
    report_int("clients", w->game.count);
    report_int("seats", o->seats);
    report_int("size", o->size);
    report_int("deliveries", (int64_t)deliveries);
    report_int("things", (int64_t)w->relay.tally.deliveries);
    report_num("deliveries_per_s", (double)deliveries / wall);
    report_num("deliveries_per_gateway_cpu_s", cpu > 0 ? (double)deliveries / cpu : 0);
    servers_report(from, to, deliveries);
    report_hist("latency_us", &w->relay.latency);
    report_num("rss_kib_per_player", (double)to->gateways.rss_kib / w->game.count);
}

void work_room(struct options *o)
{
    static struct world w;
    struct servers_sample from, to;
    uint64_t deliveries;
    open_world(&w, o, NULL);
    deliveries = relay_run(&w.relay, &o->servers, &from, &to);
    report_traffic(&w, &from, &to, deliveries);
    close_world(&w);
}

/* --- slow
 * -----------------------------------------------------------------------------------------------------------------
 */

static bool on_deaf_gone(void *ctx, uint32_t who, int code)
{
    struct world *w = ctx;
    if (!w->relay.tally.players[who].forgiven)
        return false;
    w->deaf_closed[code == 4102 ? 0 : 1]++;
    return true;
}

/* The last member of every --deaf'th room reads nothing. What he gets is checked like everything else (no
 * double, nothing out of order); only that it is all is not expected of him. */
static uint32_t deafen(struct world *w)
{
    uint32_t count = 0;
    for (uint32_t room = 0; room < w->game.rooms; room++) {
        uint32_t who = (room + 1) * w->game.seats - 1;
        if (room % (uint32_t)w->game.o->deaf != 0)
            continue;
        relay_forgive(&w->relay, who);
        crowd_deaf(&w->game.crowd, who, true);
        count++;
    }
    return count;
}

/* They read again: what lies there must still be in order, and the server may have closed them by now. */
static void hear_again(struct world *w)
{
    uint64_t end = clock_ns() + 3 * CLOCK_S;
    w->relay.tally.losses_allowed = true;
    for (uint32_t who = 0; who < w->game.count; who++)
        crowd_deaf(&w->game.crowd, who, false);
    game_run_until(&w->game, end);
}

void work_slow(struct options *o)
{
    static struct world w;
    struct servers_sample before, from, to;
    uint64_t deliveries;
    uint32_t deaf = 0;
    if (o->deaf > 0 && o->seats < 3)
        report_give_up("slow: rooms of at least 3 are needed");
    open_world(&w, o, on_deaf_gone);
    servers_take(&o->servers, &before);
    if (o->deaf > 0)
        deaf = deafen(&w);
    deliveries = relay_run(&w.relay, &o->servers, &from, &to);
    report_traffic(&w, &from, &to, deliveries);
    hear_again(&w);
    report_int("deaf", deaf);
    report_int("deaf_closed_4102", (int64_t)w.deaf_closed[0]);
    report_int("deaf_closed_otherwise", (int64_t)w.deaf_closed[1]);
    report_int("deaf_missed", (int64_t)w.relay.tally.lost);
    report_int("rss_growth_kib", (int64_t)(to.gateways.rss_kib - before.gateways.rss_kib));
    close_world(&w);
}
