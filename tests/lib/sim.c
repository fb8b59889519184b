/* The world of a simulation: clock, chance, what it tells, and one step of it. */
#include "tests/lib/sim.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_gateway.h"
#include "tests/lib/sim_model.h"

enum { READS_PER_STEP = 4, READS_PER_CALM_STEP = 60 };

/* ---- chance ---- */

/* splitmix64: small, and every seed will do. */
static uint64_t next_random(struct sim *s)
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t sim_random(struct sim *s, uint32_t below)
{
    return (uint32_t)(next_random(s) >> 32) % below;
}

bool sim_chance(struct sim *s, uint32_t per_10000)
{
    return sim_random(s, 10000) < per_10000;
}

void sim_id(struct sim *s, char out[ID_SIZE], const char *prefix)
{
    (void)snprintf(out, ID_SIZE, "%.8s%llu", prefix, (unsigned long long)++s->next_id);
}

/* ---- telling ---- */

void sim_trace(struct sim *s, const char *fmt, ...)
{
    char *line = s->trace[s->trace_at++ % SIM_TRACE_LINES];
    int n = snprintf(line, SIM_TRACE_BYTES, "%10.3f ", sim_elapsed_s(s));
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line + n, SIM_TRACE_BYTES - (size_t)n, fmt, args);
    va_end(args);
    s->trace_hash = sim_model_chain(s->trace_hash, str_of(line));
    if (s->o.verbose)
        fprintf(stderr, "%s\n", line);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
    for (unsigned i = 0; i < SIM_TRACE_LINES && !s->o.verbose; i++) {
        const char *line = s->trace[(s->trace_at + i) % SIM_TRACE_LINES];
        if (line[0])
            fprintf(stderr, "%s\n", line);
    }
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "sim: at %.3f s: ", sim_elapsed_s(s));
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nsim: seed %llu, %lld tickets of %lld, %lld seats, mode %s\n",
            (unsigned long long)s->o.seed, (long long)s->count.tickets, (long long)s->o.tickets,
            (long long)s->o.seats, s->o.events_mode);
    exit(1);
}

/* ---- the world ---- */

static uint64_t now_us(void *arg)
{
    return ((struct sim *)arg)->now_us;
}

static void on_message(void *arg, struct str channel, struct str message)
{
    struct sim *s = arg;
    struct str all = STR("room_events");
    struct str to = {channel.p + all.n + 1, channel.n > all.n ? channel.n - all.n - 1 : 0};
    sim_model_published(s->model, to, message);
    for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
        struct sim_gateway *g = s->gateways[i];
        if (to.n == 0 || str_eq(to, str_of(g->realm.instance_id)))
            sim_gateway_hear(g, message);
    }
}

void sim_open(struct sim *s, const struct sim_options *o)
{
    *s = (struct sim){.o = *o, .random = o->seed, .now_us = SIM_START_US};
    s->rules = (struct realm_rules){
        .seats = o->seats,
        .confirm_auto = o->confirm_auto,
        .confirm_ms = 3000,
        .idle_ms = 30000,
        .grace_ms = 5000,
        .queue_grace_ms = 2000,
        .ticket_ttl_ms = o->seats == 2 ? 4000 : 20000, /* longer than a lease: a lost one may enter again */
        .session_ms = 600000,
        .lease_ms = 6000,
        .log_max = 16,
        .record_max_bytes = 65536,
        .events_mode = o->events_mode};
    CHECK(o->clients <= SIM_CLIENTS_MAX);
    s->store = sim_store_new(
        &(struct sim_store_options){.redis = o->redis, .now_us = now_us, .on_message = on_message, .arg = s});
    s->backend = sim_store_backend(s->store);
    s->model = sim_model_new(s);
    s->loop = loop_new();
    for (unsigned i = 0; i < o->clients; i++) {
        (void)str_copy(s->clients[i].id, ID_SIZE, str_of(fleet_text("p%u", i)));
        list_init(&s->clients[i].unanswered);
    }
    for (unsigned i = 0; i < SIM_GATEWAYS; i++)
        s->gateways[i] = sim_gateway_new(s, i);
}

static void forget_requests(struct sim_client *c)
{
    while (!list_empty(&c->unanswered)) {
        struct sim_call *one = OWNER(c->unanswered.next, struct sim_call, link);
        list_remove(&one->link);
        sim_call_free(one);
    }
}

void sim_close(struct sim *s)
{
    s->closing = true;
    for (unsigned i = 0; i < SIM_GATEWAYS; i++)
        sim_gateway_free(s->gateways[i]);
    for (unsigned i = 0; i < s->o.clients; i++)
        forget_requests(&s->clients[i]);
    sim_model_free(s->model);
    sim_model_free(s->saved_model);
    mem_free(s->saved);
    sim_store_free(s->store);
    loop_free(s->loop);
    buf_close(&s->text);
}

struct sim_gateway *sim_some_gateway(struct sim *s)
{
    return s->gateways[sim_random(s, SIM_GATEWAYS)];
}

void sim_replace(struct sim *s, unsigned i)
{
    sim_gateway_free(s->gateways[i]);
    s->gateways[i] = sim_gateway_new(s, i);
}

/* What was frozen or away comes back when its time is over. */
static void wake(struct sim *s)
{
    for (unsigned i = 0; i < SIM_GATEWAYS; i++) {
        struct sim_gateway *g = s->gateways[i];
        if (s->now_us < g->frozen_until_us)
            continue;
        if (g->retired) {
            if (s->now_us >= s->stopped_until_us)
                sim_replace(s, i);
            continue;
        }
        if (g->frozen_until_us != 0) {
            g->frozen_until_us = 0;
            sim_trace(s, "%s thaws", g->realm.instance_id);
            sim_gateway_thaw(g);
        }
        if (g->away_until_us != 0 && s->now_us >= g->away_until_us) {
            g->away_until_us = 0;
            g->beat_at_us = s->now_us;
        }
        sim_gateway_tick(g);
    }
}

void sim_step(struct sim *s, uint32_t at_most_us)
{
    s->now_us += 1 + sim_random(s, at_most_us);
    wake(s);
    for (int i = 0; i < (s->calm ? READS_PER_CALM_STEP : READS_PER_STEP); i++) {
        (void)sim_calls_run(sim_some_gateway(s));
        struct sim_gateway *g = sim_some_gateway(s);
        if (sim_gateway_works(g))
            (void)sim_gateway_read(g);
    }
}
