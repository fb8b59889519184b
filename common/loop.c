/* The event loop: libuv's, with deferred calls and flush hooks in fixed places of each pass.
 *
 * One pass of libuv is: timers, idle, prepare, poll (sockets and signals), check, close callbacks. We hang on
 * to it: idle     runs the deferred calls; the handle is active only while there are some, which makes poll
 * not wait; prepare  runs the flush hooks before the loop sleeps, for what timers and deferred calls have
 * produced; check    runs deferred calls and then the hooks, for what the sockets have produced: all of it
 * leaves at once. A round of deferred calls is what was in the list when the round began, so a call that
 * defers itself for ever costs processor time but takes no socket's turn.
 *
 * The hooks' handles are not counted by libuv as work to do, so loop_run returns when the real work is gone.
 * Handles must be closed asynchronously; a freed timer's memory goes in its close callback, which loop_free
 * waits for. */
#include "common/loop.h"

#include "common/err.h"
#include "common/list.h"
#include "common/mem.h"

#include <signal.h>
#include <stdio.h>
#include <uv.h>

enum { HOOKS_MAX = 16, FREE_PASSES = 64 };

struct deferred {
    struct list node;
    loop_cb fn;
    void *arg;
};

struct watched_signal {
    uv_signal_t uv;
    struct list node;
    loop_cb fn;
    void *arg;
};

struct loop_timer {
    uv_timer_t uv;
    loop_cb fn;
    void *arg;
};

struct loop {
    uv_loop_t uv;
    uv_idle_t idle;
    uv_prepare_t prepare;
    uv_check_t check;
    struct list deferred, signals;
    struct {
        loop_cb fn; /* NULL: taken off while the hooks were running */
        void *arg;
    } hooks[HOOKS_MAX];
    size_t hook_count;
    bool flushing;
};

static void run_deferred(struct loop *l)
{
    struct list *last = l->deferred.prev; /* the round ends here */
    bool more = !list_empty(&l->deferred);
    while (more) {
        struct list *node = l->deferred.next;
        struct deferred call = *OWNER(node, struct deferred, node);
        more = node != last;
        list_remove(node);
        mem_free(OWNER(node, struct deferred, node));
        call.fn(call.arg);
    }
    if (list_empty(&l->deferred))
        uv_idle_stop(&l->idle);
}

static void on_idle(uv_idle_t *h)
{
    run_deferred(h->data);
}

static void on_prepare(uv_prepare_t *h)
{
    loop_flush(h->data);
}

static void on_check(uv_check_t *h)
{
    run_deferred(h->data);
    loop_flush(h->data);
}

struct loop *loop_new(void)
{
    struct loop *l = mem_alloc(sizeof *l);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK(uv_loop_init(&l->uv) == 0);
    list_init(&l->deferred);
    list_init(&l->signals);
    CHECK(uv_idle_init(&l->uv, &l->idle) == 0);
    CHECK(uv_prepare_init(&l->uv, &l->prepare) == 0);
    CHECK(uv_check_init(&l->uv, &l->check) == 0);
    l->idle.data = l->prepare.data = l->check.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_unref((uv_handle_t *)&l->check);
    return l;
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_turn(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_ONCE);
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    loop_stop(l);
    for (int i = 0; i < FREE_PASSES && !list_empty(&l->deferred); i++)
        uv_run(&l->uv, UV_RUN_NOWAIT);
    CHECK(list_empty(&l->deferred));
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    for (int i = 0; i < FREE_PASSES && uv_loop_alive(&l->uv); i++)
        uv_run(&l->uv, UV_RUN_NOWAIT);
    int busy = uv_loop_close(&l->uv);
    if (busy != 0)
        uv_print_all_handles(&l->uv, stderr);
    CHECK(busy == 0);
    mem_free(l);
}

void *loop_uv(struct loop *l)
{
    return &l->uv;
}

uint64_t loop_now_ms(const struct loop *l)
{
    return uv_now(&l->uv);
}

static void on_timer(uv_timer_t *h)
{
    struct loop_timer *t = OWNER(h, struct loop_timer, uv);
    t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_cb fn, void *arg)
{
    struct loop_timer *t = mem_alloc(sizeof *t);
    CHECK(uv_timer_init(&l->uv, &t->uv) == 0);
    t->fn = fn;
    t->arg = arg;
    return t;
}

void loop_timer_start(struct loop_timer *t, uint64_t after_ms, uint64_t repeat_ms)
{
    /* libuv counts from the time cached at the pass's begin; after a long callback the timer would come
     * early. And a timer of 0 ms that starts itself again would keep libuv's timer phase busy for ever. */
    uv_update_time(t->uv.loop);
    CHECK(uv_timer_start(&t->uv, on_timer, after_ms ? after_ms : 1, repeat_ms) == 0);
}

void loop_timer_stop(struct loop_timer *t)
{
    uv_timer_stop(&t->uv);
}

static void on_timer_closed(uv_handle_t *h)
{
    mem_free(OWNER(h, struct loop_timer, uv));
}

void loop_timer_free(struct loop_timer *t)
{
    if (t != NULL)
        uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}

void loop_defer(struct loop *l, loop_cb fn, void *arg)
{
    struct deferred *call = mem_alloc(sizeof *call);
    call->fn = fn;
    call->arg = arg;
    list_push(&l->deferred, &call->node);
    uv_idle_start(&l->idle, on_idle); /* no effect when it is active */
}

void loop_on_flush(struct loop *l, loop_cb fn, void *arg)
{
    CHECK(l->hook_count < HOOKS_MAX);
    l->hooks[l->hook_count].fn = fn;
    l->hooks[l->hook_count].arg = arg;
    l->hook_count++;
}

/* Closes the gaps that loop_off_flush has left. */
static void compact_hooks(struct loop *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->hook_count; i++)
        if (l->hooks[i].fn != NULL)
            l->hooks[kept++] = l->hooks[i];
    l->hook_count = kept;
}

void loop_off_flush(struct loop *l, loop_cb fn, void *arg)
{
    for (size_t i = 0; i < l->hook_count; i++)
        if (l->hooks[i].fn == fn && l->hooks[i].arg == arg)
            l->hooks[i].fn = NULL;
    if (!l->flushing)
        compact_hooks(l);
}

void loop_flush(struct loop *l)
{
    if (l->flushing)
        return;
    l->flushing = true;
    for (size_t i = 0; i < l->hook_count; i++)
        if (l->hooks[i].fn != NULL)
            l->hooks[i].fn(l->hooks[i].arg);
    l->flushing = false;
    compact_hooks(l);
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct watched_signal *w = OWNER(h, struct watched_signal, uv);
    (void)signum;
    w->fn(w->arg);
}

void loop_on_signal(struct loop *l, int signum, loop_cb fn, void *arg)
{
    struct watched_signal *w = mem_alloc(sizeof *w);
    w->fn = fn;
    w->arg = arg;
    list_push(&l->signals, &w->node);
    CHECK(uv_signal_init(&l->uv, &w->uv) == 0);
    CHECK(uv_signal_start(&w->uv, on_signal, signum) == 0);
}

static void on_signal_closed(uv_handle_t *h)
{
    mem_free(OWNER(h, struct watched_signal, uv));
}

void loop_stop(struct loop *l)
{
    l->hook_count = 0;
    LIST_EACH_SAFE(node, next, &l->signals)
    {
        struct watched_signal *w = OWNER(node, struct watched_signal, node);
        list_remove(node);
        uv_close((uv_handle_t *)&w->uv, on_signal_closed);
    }
}
