/* Builds the world of a conformance test, asks on its behalf, and audits it at the end. */
#include "tests/lib/fleet_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "matchmaking/presence.h"
#include "tests/lib/loop_wait.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/redis_server.h"

enum { LEASE_MS = 600 * 1000, ANSWER_MS = 10000 };

/* One server for all tests of an executable. */
static struct redis_server *server;
static bool all_passed = true;

static const char *const names[] = {"", "i1", "i2", "i3", "i4"};

static const struct realm_rules rules = {
    .seats = 2,
    .confirm_ms = 10000,
    .idle_ms = 1800000,
    .grace_ms = 30000,
    .queue_grace_ms = 5000,
    .session_ms = 1800000,
    .lease_ms = LEASE_MS,
    .log_max = 256,
    .record_max_bytes = 65536,
    .events_mode = "remote",
};

static uint64_t now_us(void *arg)
{
    return ((struct fleet_world *)arg)->now_us;
}

struct ear {
    struct fleet_world *world;
    int instance; /* 0: of all */
};

static void hear(struct fleet_world *w, int i, struct str message)
{
    buf_add_str(&w->heard[i], message);
    buf_add_text(&w->heard[i], "\n");
}

/* In memory one back end hears for all: whose message it is, the channel says. */
static void on_memory_message(void *arg, struct str channel, struct str message)
{
    struct fleet_world *w = arg;
    struct str rest = channel, all = str_of(w->realm[1].channel);
    CHECK(channel.n >= all.n);
    rest.p += all.n;
    rest.n -= all.n;
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++) {
        if (rest.n == 0 || str_eq((struct str){rest.p + 1, rest.n - 1}, str_of(w->realm[i].instance_id)))
            hear(w, i, message);
    }
}

static void on_redis_message(void *arg, struct str channel, struct str message)
{
    struct ear *e = arg;
    (void)channel;
    hear(e->world, e->instance, message);
}

static void on_redis_state(void *arg, bool up, const char *reason)
{
    struct ear *e = arg;
    (void)reason;
    e->world->ups += up ? 1 : -1;
}

static bool all_up(void *world)
{
    return ((struct fleet_world *)world)->ups == FLEET_WORLD_INSTANCES;
}

void fleet_world_wait_up(struct fleet_world *w)
{
    if (w->loop)
        assert_true(loop_wait(w->loop, all_up, w, LOOP_WAIT_MS));
}

const char *fleet_world_admin(struct fleet_world *w, const char *const *words)
{
    assert_true(w->redis);
    return redis_server_ask(server, words);
}

static struct ear ears[FLEET_WORLD_INSTANCES + 1];

static void open_redis(struct fleet_world *w)
{
    (void)REDIS_ASK(server, "FLUSHALL");
    w->loop = loop_new();
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++) {
        ears[i] = (struct ear){w, i};
        struct backend_redis_options o = {.address = redis_server_address(server),
                                          .prefix = FLEET_WORLD_PREFIX,
                                          .instance_id = names[i],
                                          .command_timeout_ms = ANSWER_MS,
                                          .connect_timeout_ms = ANSWER_MS};
        w->backend[i] = backend_redis_new(
            w->loop, &o, &(struct backend_events){on_redis_message, on_redis_state, &ears[i], NULL});
    }
    fleet_world_wait_up(w);
}

static void open_memory(struct fleet_world *w)
{
    w->now_us = UINT64_C(1700000000123456);
    struct backend_memory_options o = {
        .prefix = FLEET_WORLD_PREFIX, .now_us = now_us, .now_arg = w, .immediate = true};
    w->backend[1] = backend_memory_new(NULL, &o, &(struct backend_events){on_memory_message, NULL, w, NULL});
    for (int i = 2; i <= FLEET_WORLD_INSTANCES; i++)
        w->backend[i] = w->backend[1];
}

int fleet_world_setup(void **state)
{
    const struct fleet_world_test *test = *state;
    size_t blocks = mem_live_count();
    struct fleet_world *w = mem_alloc(sizeof *w);
    *w = (struct fleet_world){.redis = test->redis, .test = test->test, .blocks = blocks};
    *state = w;
    if (w->redis)
        open_redis(w);
    else
        open_memory(w);
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++) {
        realm_init(&w->realm[i], w->backend[i], &rules, FLEET_WORLD_PREFIX, names[i]);
    }
    for (int i = 1; i < FLEET_WORLD_INSTANCES; i++) /* the last one comes when a test wants it */
        fleet_world_beat(w, i);
    return 0;
}

void fleet_world_test(void **state)
{
    struct fleet_world *w = *state;
    w->test(w);
    if (!w->unaudited)
        fleet_world_audit(w);
    w->passed = true;
}

static void show(struct fleet_world *w)
{
    fprintf(stderr, "---- the last answer ----\n%s\n", w->text.data ? w->text.data : "");
    struct buf dump = fleet_world_dump(w);
    fprintf(stderr, "---- the store ----\n%.*s----\n", (int)(dump.len < 8000 ? dump.len : 8000),
            dump.data ? dump.data : "");
    buf_close(&dump);
}

int fleet_world_teardown(void **state)
{
    struct fleet_world *w = *state;
    bool passed = w->passed;
    size_t blocks = w->blocks;
    if (!passed)
        show(w);
    all_passed = all_passed && passed;
    for (int i = 1; i <= (w->redis ? FLEET_WORLD_INSTANCES : 1); i++)
        w->backend[i]->ops->free(w->backend[i]);
    if (w->loop)
        loop_run(w->loop);
    loop_free(w->loop);
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        buf_close(&w->heard[i]);
    buf_close(&w->text);
    buf_close(&w->scratch);
    mem_free(w->reply);
    mem_free(w);
    return passed && mem_live_count() != blocks ? -1 : 0; /* a failed test may leave memory behind */
}

int fleet_world_group_setup(void **state)
{
    (void)state;
    log_setup(getenv("TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT, 2);
    server = redis_server_start(NULL);
    return 0;
}

int fleet_world_group_teardown(void **state)
{
    (void)state;
    if (all_passed)
        redis_server_good(server);
    redis_server_stop(server);
    return 0;
}

/* ---- asking ---- */

void fleet_world_ask(struct fleet_world *w)
{
    mem_free(w->reply);
    w->reply = NULL;
    w->answers = 0;
    w->err = ERR_NONE;
}

void fleet_world_on_answer(void *world, int err, const struct reply *reply)
{
    struct fleet_world *w = world;
    w->answers++;
    w->err = err;
    if (reply && w->answers == 1)
        w->reply = fleet_text_copy(reply);
}

static bool answered(void *world)
{
    return ((struct fleet_world *)world)->answers > 0;
}

const char *fleet_world_wait(struct fleet_world *w)
{
    if (w->loop)
        (void)loop_wait(w->loop, answered, w, LOOP_WAIT_MS);
    assert_int_equal(w->answers, 1);
    buf_clear(&w->text);
    fleet_text_answer(&w->text, w->err, w->reply);
    return w->text.data;
}

void fleet_world_expect(struct fleet_world *w, const char *got, const char *expected, const char *call,
                        const char *file, int line)
{
    (void)w;
    if (strcmp(got, expected) == 0)
        return;
    print_error("%s\n  answers  %s\n  expected %s\n", call, got, expected);
    _fail(file, line);
}

/* ---- hearing ---- */

static bool marker_heard(void *world)
{
    struct fleet_world *w = world;
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++) {
        if (!w->heard[i].len || !strstr(w->heard[i].data, "\nmarker\n"))
            return false;
    }
    return true;
}

/* A message that everybody gets comes behind all that were sent before. The blank line in front makes it
 * findable. */
static void hear_all(struct fleet_world *w)
{
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        buf_add_text(&w->heard[i], "\n");
    struct backend *b = w->backend[1];
    b->ops->publish(b, str_of(w->realm[1].channel), STR("marker"));
    if (w->loop)
        (void)loop_wait(w->loop, marker_heard, w, LOOP_WAIT_MS);
    assert_true(marker_heard(w));
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++) {
        struct buf kept = {0};
        for (struct str rest = buf_str(&w->heard[i]); rest.n;) {
            struct str line = str_cut(&rest, '\n');
            if (line.n && !str_eq(line, STR("marker"))) {
                buf_add_str(&kept, line);
                buf_add_text(&kept, "\n");
            }
        }
        buf_close(&w->heard[i]);
        w->heard[i] = kept;
    }
}

const char *fleet_world_heard_raw(struct fleet_world *w, int i)
{
    hear_all(w);
    buf_clear(&w->scratch);
    buf_add_str(&w->scratch, buf_str(&w->heard[i]));
    buf_add_text(&w->scratch, "");
    buf_clear(&w->heard[i]);
    return w->scratch.data;
}

const char *fleet_world_heard(struct fleet_world *w, int i)
{
    hear_all(w);
    buf_clear(&w->scratch);
    buf_add_text(&w->scratch, "");
    for (struct str rest = buf_str(&w->heard[i]); rest.n;) {
        fleet_text_event(&w->scratch, str_cut(&rest, '\n'));
        buf_add_text(&w->scratch, " ");
    }
    buf_clear(&w->heard[i]);
    return w->scratch.data;
}

/* ---- leases, rules ---- */

void fleet_world_beat(struct fleet_world *w, int i)
{
    char info[32];
    int n = snprintf(info, sizeof info, "{\"seats\":%lld}", (long long)w->realm[i].rules.seats);
    struct presence_beat beat = {.info = {info, (size_t)n}};
    (void)ASK(w, presence_heartbeat(&w->realm[i], &beat, ANSWER(w)));
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
}

void fleet_world_die(struct fleet_world *w, int i)
{
    (void)RAW(w, "ZADD", "instances", "1", w->realm[i].instance_id);
}

void fleet_world_seats(struct fleet_world *w, int64_t seats)
{
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.seats = seats;
}

void fleet_world_mode(struct fleet_world *w, const char *events_mode)
{
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.events_mode = events_mode;
}

void fleet_world_live(struct fleet_world *w, int64_t ms)
{
    for (int64_t left = ms; left > 0;) {
        int64_t step = left < LEASE_MS / 2 ? left : LEASE_MS / 2;
        fleet_world_pass(w, step);
        left -= step;
        for (int i = 1; i <= 3; i++)
            fleet_world_beat(w, i);
    }
}
