/* Lets HTTP requests that arrive together share one round trip to the store. */
#include "gateway/shared.h"

#include "common/err.h"
#include "common/mem.h"

/* Answers everybody who waits; an answer may bring no new request, so the list does not grow meanwhile. */
static void answer_all(struct shared *s, bool late)
{
    size_t count = s->count;
    s->count = 0;
    for (size_t i = 0; i < count; i++)
        s->events.answer(s->events.arg, s->waiting[i], late);
}

static void on_late(void *arg)
{
    struct shared *s = arg;
    s->late = true;
    answer_all(s, true);
}

void shared_init(struct shared *s, struct loop *l, uint64_t fresh_ms, uint64_t wait_ms,
                 const struct shared_events *events)
{
    *s = (struct shared){.loop = l, .events = *events, .fresh_ms = fresh_ms, .wait_ms = wait_ms};
    s->timer = loop_timer_new(l, on_late, s);
}

void shared_close(struct shared *s)
{
    answer_all(s, true);
    loop_timer_free(s->timer);
    mem_free(s->waiting);
    s->timer = NULL;
    s->waiting = NULL;
}

static void wait_for_it(struct shared *s, struct http_request *r)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        s->waiting = mem_resize(s->waiting, s->cap * sizeof(struct http_request *));
    }
    s->waiting[s->count++] = r;
}

void shared_request(struct shared *s, struct http_request *r)
{
    bool fresh = s->have && loop_now_ms(s->loop) - s->done_at_ms < s->fresh_ms;
    if (fresh || s->late) {
        s->events.answer(s->events.arg, r, !fresh);
        return;
    }
    wait_for_it(s, r);
    shared_refresh(s);
}

void shared_refresh(struct shared *s)
{
    if (s->asking)
        return;
    s->asking = true;
    s->unasked = s->count == 0;
    loop_timer_start(s->timer, s->wait_ms, 0);
    s->events.ask(s->events.arg);
}

void shared_done(struct shared *s)
{
    CHECK(s->asking);
    s->asking = s->late = false;
    s->have = !s->unasked || s->count > 0;
    s->done_at_ms = loop_now_ms(s->loop);
    loop_timer_stop(s->timer);
    answer_all(s, false);
}

void shared_forget(struct shared *s)
{
    s->have = false;
}
