/* The simulator: a fleet's life at random, under a model that knows what must be true (tests/lib/sim.h).
 *
 *     sim_fleet_test [--seed N] [--tickets N] [--seats N] [--mode remote|all|direct]
 *
 * Without flags two runs: rooms of two over `remote`, rooms of three over `direct`, 20,000 tickets in all.
 * SIM_SEED and SIM_TICKETS do the same as the flags. Each run prints its seed first. */
#include <stdlib.h>
#include <time.h>

#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim.h"
#include "tests/lib/sim_model.h"

enum { TICKETS = 20000, AUDIT_EVERY = 500, CALM_EVERY = 2500, STEP_US = 4000 };

static struct sim *world; /* for __wrap_id_random: room ids must be repeatable too */

/* In place of common/id.c's id_random (linked with --wrap). */
void __wrap_id_random(char out[ID_SIZE], const char *prefix);
void __wrap_id_random(char out[ID_SIZE], const char *prefix)
{
    sim_id(world, out, prefix);
}

static void on_keys(void *arg, int err, const struct reply *reply)
{
    (void)err;
    *(struct reply **)arg = fleet_text_copy(reply);
}

/* When everybody is gone, only the counter and the fleet table may be left, and logs that are about to go. */
static void check_empty(struct sim *s)
{
    static const char text[] = "#!lua\n"
                               "local found = {}\n"
                               "for _, key in ipairs(redis.call('SCAN', '0', 'COUNT', 1000000)[2]) do\n"
                               "    if redis.call('PTTL', key) < 0 then found[#found + 1] = key end\n"
                               "end\n"
                               "table.sort(found)\n"
                               "return {table.concat(found, ' ')}\n";
    static const struct script keys = {"keys", text, sizeof text - 1};
    struct reply *reply = NULL;
    s->backend->ops->run(s->backend, &keys, NULL, 0, NULL, 0, on_keys, &reply);
    CHECK(reply);
    if (!str_eq(reply_str(reply, 0), STR("fence instance_epochs instance_info instances")))
        sim_fail(s, "everybody is gone, but there is still: %.*s", (int)reply_str(reply, 0).n,
                 reply_str(reply, 0).p);
    mem_free(reply);
}

static void live(struct sim *s)
{
    int64_t audited = 0, calmed = 0;
    for (int64_t idle = 0; idle < 20000;) { /* tickets run out: their rooms play on for a while */
        sim_step(s, STEP_US);
        sim_client_act(s, &s->clients[sim_random(s, s->o.clients)]);
        sim_chaos(s);
        idle += s->count.tickets >= s->o.tickets;
        if (s->count.tickets - audited >= AUDIT_EVERY) {
            audited = s->count.tickets;
            sim_audit(s, false);
        }
        if (s->count.tickets - calmed >= CALM_EVERY ||
            (calmed == 0 && s->count.tickets >= s->o.tickets / 2)) {
            calmed = s->count.tickets;
            sim_calm(s);
        }
    }
    sim_calm(s);
    sim_leave_all(s);
    sim_calm(s);
    check_empty(s);
}

static void run(const struct sim_options *o)
{
    struct timespec start, end;
    static struct sim s;
    size_t blocks = mem_live_count();
    printf("sim: seed %llu, %lld tickets, %lld seats, mode %s\n", (unsigned long long)o->seed,
           (long long)o->tickets, (long long)o->seats, o->events_mode);
    fflush(stdout);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    world = &s;
    sim_open(&s, o);
    live(&s);
    printf("sim: %zu matches (%zu over several instances), %zu games; %lld calls in %.0f virtual s\n",
           sim_model_matches(s.model), sim_model_remote_matches(s.model), sim_model_started(s.model),
           (long long)s.count.calls, sim_elapsed_s(&s));
    if (sim_model_live_rooms(s.model) != 0)
        sim_fail(&s, "%zu rooms have not ended", sim_model_live_rooms(s.model));
    if (sim_model_started(s.model) * (size_t)o->seats * 3 < (size_t)o->tickets)
        sim_fail(&s, "too few games for so many tickets: the simulation is broken");
    sim_close(&s);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    printf("sim: %lld kills, %lld freezes, %lld outages, %lld drains, %lld takeovers, %lld tickets expired; "
           "%lld times calm and "
           "settled\n",
           (long long)s.count.kills, (long long)s.count.freezes, (long long)s.count.outages,
           (long long)s.count.drains, (long long)s.count.takeovers, (long long)s.count.expired,
           (long long)s.count.calms);
    printf("sim: %lld requests repeated, %lld used tickets handed in again, %lld events from logs, %lld "
           "snapshots; %.1f s\n",
           (long long)s.count.repeats, (long long)s.count.used_again, (long long)s.count.gaps,
           (long long)s.count.snapshots,
           (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    if (mem_live_count() != blocks) {
        fprintf(stderr, "sim: %zu blocks of memory are left\n", mem_live_count() - blocks);
        exit(1);
    }
}

static int64_t number(const char *text)
{
    int64_t value;
    if (!str_to_int(str_of(text), &value) || value < 0) {
        fprintf(stderr, "sim: %s is not a number\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct sim_options o = {.tickets = TICKETS, .levels = 4, .clients = 240};
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    o.seed = getenv("SIM_SEED") ? (uint64_t)number(getenv("SIM_SEED")) : (uint64_t)now.tv_nsec;
    if (getenv("SIM_TICKETS"))
        o.tickets = number(getenv("SIM_TICKETS"));
    o.verbose = getenv("SIM_TRACE") != NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            o.seed = (uint64_t)number(argv[i + 1]);
        else if (strcmp(argv[i], "--tickets") == 0)
            o.tickets = number(argv[i + 1]);
        else if (strcmp(argv[i], "--seats") == 0)
            o.seats = number(argv[i + 1]);
        else if (strcmp(argv[i], "--mode") == 0)
            o.events_mode = argv[i + 1];
    }
    if (o.seats || o.events_mode) {
        o.seats = o.seats ? o.seats : 2;
        o.events_mode = o.events_mode ? o.events_mode : "remote";
        run(&o);
        return 0;
    }
    int64_t all = o.tickets;
    o.seats = 2;
    o.events_mode = "remote";
    o.tickets = all * 3 / 4;
    run(&o);
    o.seats = 3;
    o.events_mode = "direct";
    o.tickets = all - all * 3 / 4;
    run(&o);
    return 0;
}
