/* Gives scripts to a redis-server and to the in-memory back end, and compares what they say. */
#include "tests/lib/twins.h"

#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/backend.h"
#include "tests/lib/loop_wait.h"
#include "tests/lib/redis_server.h"
#include "tests/lib/render.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WAITING_MAX = 500, TIMEOUT_MS = 10000, DIFFERENCES_BYTES = 4096 };

struct twins {
    struct redis_server *server;
    struct loop *loop;
    struct redis_link *link;
    struct backend *memory;
    size_t waiting, answers, errors;
    struct buf differences; /* the first few */
};

/* One answer of the memory's, until Redis has given its own. */
struct question {
    struct twins *twins;
    struct twins_how how;
    struct buf what, text;
    int64_t integer;
    bool is_integer;
};

static bool nothing_waits(void *arg)
{
    return ((struct twins *)arg)->waiting == 0;
}

static bool few_wait(void *arg)
{
    return ((struct twins *)arg)->waiting < WAITING_MAX;
}

static bool link_is_up(void *arg)
{
    return redis_link_up(((struct twins *)arg)->link);
}

static void ignore_state(void *arg, bool up, enum redis_reason reason)
{
    (void)arg, (void)up, (void)reason;
}

int twins_open(void **state)
{
    static struct twins t;
    t = (struct twins){.server = redis_server_start(NULL), .loop = loop_new()};
    struct redis_link_options link = {.address = redis_server_address(t.server),
                                      .name = "twin",
                                      .command_timeout_ms = TIMEOUT_MS,
                                      .connect_timeout_ms = TIMEOUT_MS,
                                      .on_state = ignore_state};
    t.link = redis_link_new(t.loop, &link);
    struct backend_memory_options memory = {.immediate = true};
    struct backend_events nothing = {0};
    t.memory = backend_memory_new(NULL, &memory, &nothing);
    *state = &t;
    return loop_wait(t.loop, link_is_up, &t, TIMEOUT_MS) ? 0 : -1;
}

int twins_close(void **state)
{
    struct twins *t = *state;
    redis_link_free(t->link); /* answers what a failed test has left */
    t->memory->ops->free(t->memory);
    loop_free(t->loop);
    redis_server_stop(t->server);
    buf_close(&t->differences);
    return mem_live_count() == 0 ? 0 : -1;
}

/* Renders the answer; in an error without what only one of the two can know: " script: <name>". */
static void render(struct buf *out, const struct reply *r, size_t group)
{
    if (group > 0) {
        render_sorted(out, r, group);
        return;
    }
    render_reply(out, r);
    char *name = r->type == REPLY_ERROR ? strstr(out->data, " script: ") : NULL;
    char *end = name != NULL ? strstr(name, ", on @") : NULL;
    if (end != NULL) {
        memmove(name, end, strlen(end) + 1);
        out->len -= (size_t)(end - name);
    }
}

static void on_memory(void *arg, int err, const struct reply *reply)
{
    struct question *q = arg;
    CHECK(err == ERR_NONE || err == ERR_SCRIPT);
    render(&q->text, reply, q->how.group);
    q->is_integer = reply->type == REPLY_INT;
    q->integer = reply->integer;
}

static void on_redis(void *arg, int err, const struct reply *reply)
{
    struct question *q = arg;
    struct twins *t = q->twins;
    struct buf text = {0};
    if (err == ERR_NONE)
        render(&text, reply, q->how.group);
    else
        buf_add_text(&text, err_name(err));
    bool near = err == ERR_NONE && reply->type == REPLY_INT && q->is_integer &&
                llabs(reply->integer - q->integer) <= q->how.slack;
    if (!near && strcmp(text.data, q->text.data) != 0 && t->differences.len < DIFFERENCES_BYTES)
        buf_add_fmt(&t->differences, "\n%s\n  memory %s\n  redis  %s", q->what.data, q->text.data, text.data);
    t->waiting--;
    t->answers++;
    t->errors += reply != NULL && reply->type == REPLY_ERROR;
    buf_close(&text);
    buf_close(&q->what);
    buf_close(&q->text);
    mem_free(q);
}

static void ask_redis(struct twins *t, const struct script *s, const struct str *keys, size_t key_count,
                      const struct str *args, size_t arg_count, struct question *q)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%zu", key_count);
    size_t count = 3 + key_count + arg_count;
    struct str *words = mem_alloc(count * sizeof *words);
    words[0] = STR("EVAL");
    words[1] = (struct str){s->text, s->text_bytes};
    words[2] = (struct str){digits, (size_t)n};
    for (size_t i = 0; i < key_count; i++)
        words[3 + i] = keys[i];
    for (size_t i = 0; i < arg_count; i++)
        words[3 + key_count + i] = args[i];
    t->waiting++;
    redis_call(t->link, words, count, on_redis, q);
    mem_free(words);
}

static void wait_for(struct twins *t, bool (*condition)(void *arg))
{
    bool done = loop_wait(t->loop, condition, t, TIMEOUT_MS);
    if (t->differences.len > 0)
        fail_msg("%s", t->differences.data);
    assert_true(done);
}

void twins_run(struct twins *t, const struct script *script, const struct str *keys, size_t key_count,
               const struct str *args, size_t arg_count, struct twins_how how)
{
    struct question *q = mem_alloc(sizeof *q);
    q->twins = t;
    q->how = how;
    buf_add_text(&q->what, how.what);
    t->memory->ops->run(t->memory, script, keys, key_count, args, arg_count, on_memory, q);
    ask_redis(t, script, keys, key_count, args, arg_count, q);
    if (!few_wait(t))
        wait_for(t, few_wait);
}

void twins_wait(struct twins *t)
{
    wait_for(t, nothing_waits);
}

void twins_good(struct twins *t)
{
    twins_wait(t);
    redis_server_good(t->server);
}

size_t twins_answers(const struct twins *t)
{
    return t->answers;
}

size_t twins_errors(const struct twins *t)
{
    return t->errors;
}
