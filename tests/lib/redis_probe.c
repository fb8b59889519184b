/* Writes down what a link to Redis says, and checks what must hold for every answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "tests/lib/loop_wait.h"
#include "tests/lib/redis_probe.h"

enum { ENOUGH_TEXT = 10000 };

struct question {
    struct probe *probe;
    int call;
};

int probe_setup(void **state)
{
    struct probe *p = mem_alloc(sizeof *p);
    p->loop = loop_new();
    *state = p;
    return 0;
}

int probe_teardown(void **state)
{
    struct probe *p = *state;
    redis_link_free(p->link);
    loop_free(p->loop);
    redis_server_stop(p->server);
    buf_close(&p->text);
    buf_close(&p->messages);
    mem_free(p);
    return 0;
}

void probe_setup_log(void)
{
    log_setup(getenv("TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT, 2);
}

static void add_reply(struct buf *out, const struct reply *r)
{
    switch (r->type) {
    case REPLY_NIL:
        buf_add_text(out, "nil");
        break;
    case REPLY_INT:
        buf_add_int(out, r->integer);
        break;
    case REPLY_STR:
        buf_add_json(out, r->str);
        break;
    case REPLY_ERROR:
        buf_add_text(out, "ERROR ");
        buf_add_str(out, r->str);
        break;
    case REPLY_ARRAY:
        buf_add_text(out, "[");
        for (size_t i = 0; i < r->count; i++) {
            buf_add_text(out, i ? "," : "");
            add_reply(out, reply_at(r, i));
        }
        buf_add_text(out, "]");
    }
}

static void free_link(struct probe *p)
{
    struct redis_link *k = p->link;
    p->link = NULL; /* once, though its pending answers come back here */
    redis_link_free(k);
}

void *probe_question(struct probe *p)
{
    struct question *q = mem_alloc(sizeof *q);
    q->probe = p;
    q->call = p->asked++;
    return q;
}

void probe_on_answer(void *question, int err, const struct reply *reply)
{
    struct question q = *(struct question *)question;
    struct probe *p = q.probe;
    mem_free(question);
    assert_false(p->inside);
    assert_true(p->answered < PROBE_ANSWERS_MAX);
    assert_true((err == ERR_NONE || err == ERR_SCRIPT) == (reply != NULL));
    p->answers[p->answered].call = q.call;
    bool refused = err == ERR_NONE && reply != NULL && reply->type == REPLY_ERROR;
    p->answers[p->answered++].err = refused ? PROBE_ERROR_REPLY : err;
    if (reply != NULL && p->text.len < ENOUGH_TEXT) {
        add_reply(&p->text, reply);
        buf_add_text(&p->text, "\n");
    }
    if (p->free_in_callback)
        free_link(p);
}

void probe_on_state(void *probe, bool up, enum redis_reason reason)
{
    struct probe *p = probe;
    assert_false(p->inside);
    assert_int_equal(p->ups - p->downs, up ? 0 : 1);
    p->ups += up;
    p->downs += !up;
    if (!up)
        p->reason = reason;
    assert_true(up == redis_link_up(p->link));
    assert_int_equal(redis_link_reason(p->link), reason);
}

void probe_on_message(void *probe, struct str channel, struct str message)
{
    struct probe *p = probe;
    buf_add_str(&p->messages, channel);
    buf_add_text(&p->messages, "=");
    buf_add_str(&p->messages, message);
    buf_add_text(&p->messages, "\n");
    if (p->free_in_callback)
        free_link(p);
}

void probe_ask(struct probe *p, const char *const *args)
{
    struct str list[16];
    size_t n = 0;
    for (; args[n] != NULL; n++)
        list[n] = str_of(args[n]);
    p->inside = true;
    redis_call(p->link, list, n, probe_on_answer, probe_question(p));
    p->inside = false;
}

bool probe_is_up(void *probe)
{
    return redis_link_up(((struct probe *)probe)->link);
}

bool probe_is_down(void *probe)
{
    return !probe_is_up(probe);
}

bool probe_all_answered(void *probe)
{
    struct probe *p = probe;
    return p->answered == p->asked;
}

void probe_wait_in_order(struct probe *p)
{
    WAIT(p, probe_all_answered);
    for (int i = 0; i < p->answered; i++)
        assert_int_equal(p->answers[i].call, i);
}
