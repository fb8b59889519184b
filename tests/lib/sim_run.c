/* Runs simulations from a command line: which, how long, over what; and what is left when everybody has gone.
 */
#include "tests/lib/sim_run.h"

#include <stdlib.h>
#include <time.h>

#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/room.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim.h"
#include "tests/lib/sim_model.h"

enum {
    COMPARED = 1000,
    ALL_AT = 5000 /* tickets: then everything has happened */,
    AUDIT_EVERY = 500,
    CALM_EVERY = 2500,
    STEP_US = 4000
};

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

/* When everybody is gone, only counters and the fleet table may be left, and what is about to go. */
static void check_empty(struct sim *s)
{
    static const char text[] =
        "#!lua\n"
        "local found, may = {}, {}\n"
        "for _, key in ipairs(ARGV) do may[key] = true end\n"
        "for _, key in ipairs(redis.call('SCAN', '0', 'COUNT', 1000000)[2]) do\n"
        "    if not may[key] and redis.call('PTTL', key) < 0 then found[#found + 1] = key end\n"
        "end\n"
        "table.sort(found)\n"
        "return {table.concat(found, ' ')}\n";
    static const struct script keys = {"sim_keys", text, sizeof text - 1, {0}};
    const struct str may[] = {STR("fence"),         STR("lineage"),   STR("instance_epochs"),
                              STR("instance_info"), STR("instances"), STR("sim:expiry")};
    struct reply *reply = NULL;
    s->backend->ops->run(s->backend, &keys, NULL, 0, may, sizeof may / sizeof *may, on_keys, &reply);
    CHECK(reply);
    if (reply_str(reply, 0).n)
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

static void print_counts(const struct sim *s, double seconds)
{
    const struct {
        int64_t count;
        const char *what;
    } all[] = {
        {s->count.calls, "calls"},
        {s->count.kills, "kills"},
        {s->count.freezes, "freezes"},
        {s->count.outages, "outages"},
        {s->count.drains, "drains"},
        {s->count.stops, "stops of the fleet"},
        {s->count.cut_offs, "times the store away for all"},
        {s->count.losses, "losses of all data"},
        {s->count.failovers, "failovers"},
        {s->count.takeovers, "takeovers"},
        {s->count.expired, "tickets expired"},
        {s->count.entered_again, "lost tickets handed in again"},
        {s->count.idle_ends, "idle rooms ended"},
        {s->count.repeats, "requests repeated"},
        {s->count.together, "messages sent together with the next"},
        {s->count.gaps, "events from logs"},
        {s->count.snapshots, "snapshots"},
        {s->count.older, "of them older"},
        {s->count.strays, "stray connections detached"},
        {s->count.islands, "islands"},
        {s->count.opened, "of them open"},
        {s->count.adopted, "rooms adopted"},
        {s->count.born, "born there"},
        {s->count.came_home, "came home"},
        {s->count.ended_away, "ended away"},
        {s->count.given_up, "given up"},
        {s->count.calms, "times calm and settled"},
    };
    printf("sim:");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        printf("%s %lld %s", i ? "," : "", (long long)all[i].count, all[i].what);
    printf("\nsim: %.0f virtual s in %.1f s, trace %016llx\n", sim_elapsed_s(s), seconds,
           (unsigned long long)s->trace_hash);
}

static void check_end(struct sim *s)
{
    const char *missing = sim_model_print(s->model);
    if (missing && s->o.tickets >= ALL_AT)
        sim_fail(s, "%s has never happened: the simulation is broken", missing);
    if (sim_model_live_rooms(s->model) != 0)
        sim_fail(s, "%zu rooms have not ended", sim_model_live_rooms(s->model));
    if (sim_model_started(s->model) * (size_t)s->o.seats * 3 < (size_t)s->o.tickets)
        sim_fail(s, "too few games for so many tickets: the simulation is broken");
}

static uint64_t run(const struct sim_options *o)
{
    struct timespec start, end;
    static struct sim s;
    size_t blocks = mem_live_count();
    printf("sim: --seed %llu --tickets %lld --seats %lld --mode %s --islands %d --auto %d, over %s\n",
           (unsigned long long)o->seed, (long long)o->tickets, (long long)o->seats, o->events_mode,
           o->islands, o->confirm_auto, o->redis ? "redis" : "memory");
    fflush(stdout);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    world = &s;
    log_setup(LOG_ERROR, LOG_TEXT, 2);
    sim_open(&s, o);
    if (s.o.levels * o->seats * 2 > o->clients) /* so that many can be in play at a time */
        s.o.levels = o->seats * 2 > o->clients ? 1 : o->clients / (o->seats * 2);
    live(&s);
    printf("sim: %zu matches (%zu over several instances), %zu games\n", sim_model_matches(s.model),
           sim_model_remote_matches(s.model), sim_model_started(s.model));
    check_end(&s);
    sim_close(&s);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    print_counts(&s, (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    if (mem_live_count() != blocks) {
        fprintf(stderr, "sim: %zu blocks of memory are left\n", mem_live_count() - blocks);
        exit(1);
    }
    return s.trace_hash;
}

/* The same fleet over both stores: every call must be answered by the same. */
static void compare(struct sim_options o)
{
    o.seats = 3;
    o.events_mode = "direct";
    o.islands = true;
    o.tickets = o.tickets < COMPARED ? o.tickets : COMPARED;
    uint64_t redis = run(&o);
    o.redis = false;
    if (run(&o) != redis) {
        fprintf(stderr, "sim: seed %llu goes another way over Redis than in memory; compare by SIM_TRACE=1\n",
                (unsigned long long)o.seed);
        exit(1);
    }
}

static void refuse(const char *why, const char *what)
{
    fprintf(stderr, "sim: %s: %s\n", what, why);
    exit(2);
}

static int64_t number(const char *text)
{
    int64_t value;
    if (!str_to_int(str_of(text), &value) || value < 0)
        refuse("not a number", text);
    return value;
}

static void read_flags(struct sim_options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            refuse("a value is missing", argv[i]);
        if (strcmp(argv[i], "--seed") == 0)
            o->seed = (uint64_t)number(argv[i + 1]);
        else if (strcmp(argv[i], "--tickets") == 0)
            o->tickets = number(argv[i + 1]);
        else if (strcmp(argv[i], "--seats") == 0)
            o->seats = number(argv[i + 1]);
        else if (strcmp(argv[i], "--loss") == 0)
            o->loses_data = number(argv[i + 1]) > 0;
        else if (strcmp(argv[i], "--failover") == 0)
            o->fails_over = number(argv[i + 1]) > 0;
        else if (strcmp(argv[i], "--auto") == 0)
            o->confirm_auto = number(argv[i + 1]) > 0;
        else if (strcmp(argv[i], "--islands") == 0)
            o->islands = number(argv[i + 1]) > 0;
        else if (strcmp(argv[i], "--mode") == 0)
            o->events_mode = argv[i + 1];
        else
            refuse("there is no such flag", argv[i]);
    }
    if (o->seats && (o->seats < 2 || o->seats > ROOM_SEATS_MAX))
        refuse("a room has 2 to 64 seats", "--seats");
}

int sim_run(int argc, char **argv, bool redis, int64_t tickets)
{
    struct sim_options o = {.redis = redis,
                            .tickets = tickets,
                            .levels = 4,
                            .clients = 240,
                            .loses_data = true,
                            .fails_over = true};
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    o.seed = getenv("SIM_SEED") ? (uint64_t)number(getenv("SIM_SEED")) : (uint64_t)now.tv_nsec;
    if (getenv("SIM_TICKETS"))
        o.tickets = number(getenv("SIM_TICKETS"));
    o.verbose = getenv("SIM_TRACE") != NULL;
    read_flags(&o, argc, argv);
    if (o.seats || o.events_mode) {
        o.seats = o.seats ? o.seats : 2;
        o.events_mode = o.events_mode ? o.events_mode : "remote";
        (void)run(&o);
        return 0;
    }
    if (redis)
        compare(o);
    static const struct {
        int64_t seats, share_percent;
        const char *mode;
        bool islands, confirm_auto;
    } runs[] = {{2, 40, "remote", false, false},
                {2, 20, "direct", true, true},
                {3, 25, "remote", true, false},
                {4, 15, "all", true, true}};
    int64_t all = o.tickets;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        o.seats = runs[i].seats;
        o.events_mode = runs[i].mode;
        o.tickets = all * runs[i].share_percent / 100;
        o.islands = runs[i].islands;
        o.confirm_auto = runs[i].confirm_auto != (o.seed % 2 > 0);
        (void)run(&o);
    }
    return 0;
}
