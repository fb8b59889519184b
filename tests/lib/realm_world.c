/* Opens a realm in memory or on a redis-server of the test's own, and waits for answers. */
#include "tests/lib/realm_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/mem.h"
#include "matchmaking/presence.h"
#include "matchmaking/queue.h"
#include "matchmaking/room_state.h"
#include "tests/lib/loop_wait.h"

enum { WORDS_MAX = 16 };

static const char raw_text[] = "#!lua\nreturn redis.call(unpack(ARGV))";
static const struct script raw_script = {"raw", raw_text, sizeof raw_text - 1, {0}};

static uint64_t now_us(void *arg)
{
    const struct realm_world *w = arg;
    return w->now_ms * 1000;
}

int realm_world_open_memory(void **state)
{
    struct realm_world *w = mem_alloc(sizeof *w);
    w->now_ms = clock_wall_ms();
    const struct backend_memory_options o = {
        .prefix = REALM_WORLD_PREFIX, .now_us = now_us, .now_arg = w, .immediate = true};
    w->loop = loop_new();
    w->backend = backend_memory_new(NULL, &o, &(struct backend_events){0});
    *state = w;
    return 0;
}

static bool backend_up(void *arg)
{
    const struct realm_world *w = arg;
    return w->backend->ops->up(w->backend);
}

int realm_world_open_redis(void **state)
{
    struct realm_world *w = mem_alloc(sizeof *w);
    w->loop = loop_new();
    w->server = redis_server_start(NULL);
    const struct backend_redis_options o = {.address = redis_server_address(w->server),
                                            .prefix = REALM_WORLD_PREFIX,
                                            .instance_id = "A",
                                            .command_timeout_ms = 10000,
                                            .connect_timeout_ms = 5000};
    w->backend = backend_redis_new(w->loop, &o, &(struct backend_events){0});
    *state = w;
    assert_true(loop_wait(w->loop, backend_up, w, LOOP_WAIT_MS));
    return 0;
}

static void reply_free(struct reply *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++) {
        struct reply *item = (struct reply *)(uintptr_t)&r->items[i];
        mem_free((char *)(uintptr_t)item->str.p);
        for (size_t k = 0; k < item->count; k++)
            mem_free((char *)(uintptr_t)item->items[k].str.p);
        mem_free((struct reply *)(uintptr_t)item->items);
    }
    mem_free((char *)(uintptr_t)r->str.p);
    mem_free((struct reply *)(uintptr_t)r->items);
    mem_free(r);
}

/* Two levels are as deep as our scripts answer. */
static void copy_into(struct reply *to, const struct reply *from, int depth)
{
    *to = *from;
    to->str.p = from->str.n > 0 ? mem_copy(from->str.p, from->str.n) : NULL;
    if (from->type != REPLY_ARRAY)
        return;
    assert_true(depth < 2);
    struct reply *items = mem_alloc((from->count + 1) * sizeof *items);
    for (size_t i = 0; i < from->count; i++)
        copy_into(&items[i], &from->items[i], depth + 1);
    to->items = items;
}

void realm_world_answer(void *arg, int err, const struct reply *reply)
{
    struct realm_world *w = arg;
    w->answered = true;
    w->err = err;
    reply_free(w->reply);
    w->reply = NULL;
    if (reply != NULL) {
        w->reply = mem_alloc(sizeof *w->reply);
        copy_into(w->reply, reply, 0);
    }
}

static bool has_answer(void *arg)
{
    return ((const struct realm_world *)arg)->answered;
}

int realm_world_err(struct realm_world *w)
{
    assert_true(w->answered || loop_wait(w->loop, has_answer, w, LOOP_WAIT_MS));
    w->answered = false;
    return w->err;
}

const struct reply *realm_world_wait(struct realm_world *w)
{
    int err = realm_world_err(w);
    if (err != 0)
        print_error("%.*s\n", w->reply ? (int)w->reply->str.n : 0, w->reply ? w->reply->str.p : "");
    assert_int_equal(err, 0);
    return w->reply;
}

/* Appends the word with %P, %1, %2 and %_ (a blank) replaced. */
static void fill_in(struct buf *out, struct str word, const char *one, const char *two)
{
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] != '%') {
            buf_add(out, word.p + i, 1);
            continue;
        }
        char what = word.p[++i];
        const char *text = what == 'P' ? REALM_WORLD_PREFIX : what == '_' ? " " : what == '1' ? one : two;
        assert_non_null(text);
        buf_add_str(out, str_of(text));
    }
}

const struct reply *realm_world_raw(struct realm_world *w, const char *line, const char *one, const char *two)
{
    struct buf text = {0};
    struct str rest = str_of(line), words[WORDS_MAX];
    size_t count = 0;
    buf_add_text(&text, "");
    while (rest.n > 0) {
        assert_true(count < WORDS_MAX);
        size_t before = text.len;
        fill_in(&text, str_cut(&rest, ' '), one, two);
        words[count++] = (struct str){NULL, text.len - before};
    }
    const char *at = text.data; /* only now does the text stay where it is */
    for (size_t i = 0; i < count; i++) {
        words[i].p = at;
        at += words[i].n;
    }
    w->backend->ops->run(w->backend, &raw_script, NULL, 0, words, count, realm_world_answer, w);
    buf_close(&text);
    return realm_world_wait(w);
}

static void beat(struct realm_world *w, struct realm *r)
{
    char info[64];
    (void)snprintf(info, sizeof info, "{\"host\":\"test\",\"seats\":%d}", (int)r->rules.seats);
    presence_heartbeat(r, &(struct presence_beat){.info = str_of(info), .first = true}, realm_world_answer,
                       w);
    assert_string_equal(realm_world_wait(w)->items[0].str.p, "OK");
}

void realm_world_reset(struct realm_world *w, int64_t seats, int64_t log_max)
{
    const struct realm_rules rules = {.seats = seats,
                                      .confirm_ms = 60000,
                                      .idle_ms = 600000,
                                      .grace_ms = 60000,
                                      .lease_ms = 600000,
                                      .log_max = log_max,
                                      .record_max_bytes = 65536,
                                      .events_mode = "remote"};
    (void)realm_world_raw(w, "FLUSHALL", NULL, NULL);
    realm_init(&w->a, w->backend, &rules, REALM_WORLD_PREFIX, "A");
    realm_init(&w->b, w->backend, &rules, REALM_WORLD_PREFIX, "B");
    beat(w, &w->a);
    beat(w, &w->b);
}

void realm_world_good(struct realm_world *w)
{
    if (w->server)
        redis_server_good(w->server);
}

int realm_world_close(void **state)
{
    struct realm_world *w = *state;
    w->backend->ops->free(w->backend);
    loop_stop(w->loop);
    loop_run(w->loop);
    loop_free(w->loop);
    reply_free(w->reply);
    redis_server_stop(w->server);
    mem_free(w);
    return 0;
}

int64_t realm_world_attach(struct realm_world *w, struct realm *on, const char *player, const char *suffix)
{
    char socket[64];
    (void)snprintf(socket, sizeof socket, "s-%s%s", player, suffix);
    presence_attach(on,
                    &(struct presence_hello){.player_id = str_of(player),
                                             .socket_id = str_of(socket),
                                             .held_fence = 0,
                                             .session_id = str_of(socket)},
                    realm_world_answer, w);
    struct presence_attached attached;
    presence_attached(realm_world_wait(w), &attached);
    return attached.fence;
}

const char *realm_world_join(struct realm_world *w, struct realm *on, const char *player, int64_t fence,
                             int64_t level)
{
    char ticket[64];
    (void)snprintf(ticket, sizeof ticket, "t-%s-%d", player, (int)fence);
    queue_join(on, str_of(player), fence, level, str_of(ticket), realm_world_answer, w);
    const struct reply *r = realm_world_wait(w);
    return str_eq(reply_str(r, 0), STR("MATCHED")) ? reply_str(r, 1).p : NULL;
}

static void expect_ok(struct realm_world *w)
{
    assert_true(str_eq(reply_str(realm_world_wait(w), 0), STR("OK")));
}

void realm_world_match(struct realm_world *w, const char *one, struct realm *on_one, const char *two,
                       struct realm *on_two, int64_t level, char *room, int64_t *fence_of_two)
{
    int64_t fence = realm_world_attach(w, on_one, one, "");
    assert_null(realm_world_join(w, on_one, one, fence, level));
    *fence_of_two = realm_world_attach(w, on_two, two, "");
    const char *made = realm_world_join(w, on_two, two, *fence_of_two, level);
    assert_non_null(made);
    (void)snprintf(room, 64, "%s", made);
}

void realm_world_confirm(struct realm_world *w, const char *room, const char *player)
{
    char socket[64];
    (void)snprintf(socket, sizeof socket, "s-%s", player);
    const struct room_seat seat = {
        .room_id = str_of(room), .player_id = str_of(player), .socket_id = str_of(socket)};
    room_state_confirm(&w->a, &seat, realm_world_answer, w);
    expect_ok(w);
}

void realm_world_detach(struct realm_world *w, struct realm *owner, const char *player, const char *suffix,
                        int64_t level, const char *room)
{
    char socket[64];
    (void)snprintf(socket, sizeof socket, "s-%s%s", player, suffix);
    const struct presence_leaving leaving = {.player_id = str_of(player),
                                             .socket_id = str_of(socket),
                                             .owner_instance_id = str_of(owner->instance_id),
                                             .level = level,
                                             .room_id = str_of(room)};
    presence_detach(owner, &leaving, realm_world_answer, w);
    expect_ok(w);
}

void realm_world_busy(struct realm_world *w, struct realm_busy *b)
{
    int64_t fence;
    realm_world_reset(w, 2, 256);
    realm_world_match(w, "p1", &w->a, "p2", &w->b, 2, b->room, &fence);
    realm_world_confirm(w, b->room, "p1");
    realm_world_confirm(w, b->room, "p2");
    realm_world_detach(w, &w->b, "p2", "", 2, b->room);
    fence = realm_world_attach(w, &w->a, "p3", "");
    assert_null(realm_world_join(w, &w->a, "p3", fence, 2));
    (void)realm_world_attach(w, &w->b, "p4", "");
    realm_world_match(w, "p5", &w->a, "p6", &w->b, 3, b->waiting_room, &fence);
}
