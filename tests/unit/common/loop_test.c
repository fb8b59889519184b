/* Tests of common/loop.c: order of deferred calls and hooks, timers, signals, and that it ends clean. */
#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

struct world {
    struct loop *loop;
    struct loop_timer *timer;
    char trace[64]; /* one letter per call */
    size_t traced;
    int count, limit;
};

static void note(struct world *w, char letter)
{
    assert_true(w->traced < sizeof w->trace - 1);
    w->trace[w->traced++] = letter;
}

static int setup(void **state)
{
    static struct world w;
    w = (struct world){.loop = loop_new()};
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    loop_free(w->loop);
    return mem_live_count() == 0 ? 0 : -1;
}

static void say_a(void *arg)
{
    note(arg, 'a');
}

static void say_b(void *arg)
{
    note(arg, 'b');
}

static void say_c(void *arg)
{
    note(arg, 'c');
}

static void say_b_defer_c(void *arg)
{
    struct world *w = arg;
    note(w, 'b');
    loop_defer(w->loop, say_c, w);
}

static void deferred_runs_without_io_in_order(void **state)
{
    struct world *w = *state;
    loop_defer(w->loop, say_a, w);
    loop_defer(w->loop, say_b_defer_c, w);
    loop_defer(w->loop, say_a, w);
    assert_string_equal(w->trace, ""); /* never before return */
    loop_run(w->loop);                 /* returns: nothing left to do */
    assert_string_equal(w->trace, "abac");
}

static void again_and_again(void *arg)
{
    struct world *w = arg;
    if (++w->count < w->limit)
        loop_defer(w->loop, again_and_again, w);
}

static void stop_the_others(void *arg)
{
    struct world *w = arg;
    note(w, 't');
    w->limit = 0;
    loop_timer_free(w->timer);
}

/* Deferring for ever must not keep timers (and with them sockets: the same pass) from running. */
static void endless_defer_starves_nobody(void **state)
{
    struct world *w = *state;
    w->limit = 1 << 30;
    w->timer = loop_timer_new(w->loop, stop_the_others, w);
    loop_timer_start(w->timer, 5, 0);
    loop_defer(w->loop, again_and_again, w);
    loop_run(w->loop);
    assert_string_equal(w->trace, "t");
    assert_true(w->count > 1);
}

static void on_pipe(uv_poll_t *h, int status, int events)
{
    struct world *w = h->data;
    (void)status;
    (void)events;
    note(w, 'i');
    loop_defer(w->loop, say_a, w);
    uv_close((uv_handle_t *)h, NULL);
}

/* What a socket's callback defers runs in the same pass, before the hooks: one write for all. */
static void io_then_deferred_then_hooks(void **state)
{
    struct world *w = *state;
    uv_poll_t poll;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(uv_poll_init(loop_uv(w->loop), &poll, fds[0]), 0);
    poll.data = w;
    uv_poll_start(&poll, UV_READABLE, on_pipe);
    loop_on_flush(w->loop, say_b, w);
    loop_on_flush(w->loop, say_c, w);
    loop_turn(w->loop);
    assert_string_equal(w->trace, "bciabc"); /* hooks before the sleep, then the socket's turn */
    close(fds[0]);
    close(fds[1]);
}

static void flush_inside(void *arg)
{
    struct world *w = arg;
    note(w, 'f');
    loop_flush(w->loop);
}

static void flush_now_and_not_nested(void **state)
{
    struct world *w = *state;
    loop_on_flush(w->loop, flush_inside, w);
    loop_on_flush(w->loop, say_b, w);
    loop_flush(w->loop);
    assert_string_equal(w->trace, "fb");
    loop_stop(w->loop);
    loop_flush(w->loop);
    loop_turn(w->loop);
    assert_string_equal(w->trace, "fb"); /* after the stop the owners may be gone */
}

static void take_off_self_and_b(void *arg)
{
    struct world *w = arg;
    note(w, 'x');
    loop_off_flush(w->loop, say_b, w);
    loop_off_flush(w->loop, take_off_self_and_b, w);
}

static void hooks_can_be_taken_off(void **state)
{
    struct world *w = *state;
    loop_on_flush(w->loop, say_a, w);
    loop_on_flush(w->loop, take_off_self_and_b, w);
    loop_on_flush(w->loop, say_b, w);
    loop_on_flush(w->loop, say_c, w);
    loop_flush(w->loop);
    loop_flush(w->loop);
    loop_off_flush(w->loop, say_a, w);
    loop_flush(w->loop);
    assert_string_equal(w->trace, "axcacc");
}

static void tick(void *arg)
{
    struct world *w = arg;
    if (++w->count == 3)
        loop_timer_free(w->timer); /* from inside its own callback */
}

static void repeating_timer_frees_itself(void **state)
{
    struct world *w = *state;
    w->timer = loop_timer_new(w->loop, tick, w);
    loop_timer_start(w->timer, 1, 1);
    loop_run(w->loop);
    assert_int_equal(w->count, 3);
}

static void stopped_or_freed_timer_is_silent(void **state)
{
    struct world *w = *state;
    struct loop_timer *other = loop_timer_new(w->loop, say_b, w), *end = loop_timer_new(w->loop, say_c, w);
    w->timer = loop_timer_new(w->loop, say_a, w);
    loop_timer_start(w->timer, 1, 1);
    loop_timer_start(other, 1, 1);
    loop_timer_start(end, 20, 0);
    loop_timer_stop(w->timer);
    loop_timer_free(other);
    loop_timer_free(NULL);
    loop_run(w->loop);
    assert_string_equal(w->trace, "c");
    loop_timer_free(end);
    loop_timer_free(w->timer);
}

static void restart_at_once(void *arg)
{
    struct world *w = arg;
    if (++w->count < w->limit)
        loop_timer_start(w->timer, 0, 0);
    else
        loop_timer_free(w->timer);
}

/* Busy for 30 ms, then a timer of 20 ms: must be counted from now, not from when the loop last looked at the
 * clock. */
static void busy_then_start(void *arg)
{
    struct world *w = arg;
    uint64_t until_ms = clock_mono_ms() + 30;
    while (clock_mono_ms() < until_ms)
        ;
    loop_timer_start(w->timer, 20, 0);
}

static void end_all(void *arg)
{
    struct world *w = arg;
    loop_timer_free(w->timer);
    loop_stop(w->loop);
}

static void timers_are_never_early(void **state)
{
    struct world *w = *state;
    w->timer = loop_timer_new(w->loop, end_all, w);
    loop_on_signal(w->loop, SIGUSR1, busy_then_start, w);
    uint64_t began_ms = clock_mono_ms();
    raise(SIGUSR1);
    loop_run(w->loop);
    assert_true(clock_mono_ms() - began_ms >= 49); /* both clocks cut to whole milliseconds */
}

static void timer_of_zero_lets_the_loop_turn(void **state)
{
    struct world *w = *state;
    w->limit = 3;
    w->timer = loop_timer_new(w->loop, restart_at_once, w);
    loop_timer_start(w->timer, 0, 0);
    loop_turn(w->loop);
    assert_int_equal(w->count, 1); /* not all three in one pass */
    loop_run(w->loop);
    assert_int_equal(w->count, 3);
}

static void on_usr1(void *arg)
{
    struct world *w = arg;
    note(w, 's');
    if (++w->count == 2)
        loop_stop(w->loop);
    else
        raise(SIGUSR1);
}

static void signals_until_stop(void **state)
{
    struct world *w = *state;
    loop_on_signal(w->loop, SIGUSR1, on_usr1, w);
    raise(SIGUSR1);
    loop_run(w->loop);
    assert_string_equal(w->trace, "ss");
    loop_stop(w->loop); /* a second time is harmless */
}

static void sigpipe_is_ignored(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    assert_int_equal(write(fds[1], "x", 1), -1);
    close(fds[1]);
}

static void free_runs_what_is_deferred(void **state)
{
    struct world *w = *state;
    loop_defer(w->loop, say_b_defer_c, w);
    loop_free(w->loop);
    w->loop = NULL;
    assert_string_equal(w->trace, "bc");
}

static void clock_moves(void **state)
{
    struct world *w = *state;
    uint64_t now_ms = clock_mono_ms();
    w->timer = loop_timer_new(w->loop, say_a, w);
    loop_timer_start(w->timer, 10, 0);
    uint64_t before_ms = loop_now_ms(w->loop);
    assert_true(before_ms + 50 >= now_ms && before_ms <= clock_mono_ms()); /* the same clock */
    loop_run(w->loop);
    assert_true(loop_now_ms(w->loop) >= before_ms + 10);
    loop_timer_free(w->timer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deferred_runs_without_io_in_order),
        TEST(endless_defer_starves_nobody),
        TEST(io_then_deferred_then_hooks),
        TEST(flush_now_and_not_nested),
        TEST(hooks_can_be_taken_off),
        TEST(repeating_timer_frees_itself),
        TEST(stopped_or_freed_timer_is_silent),
        TEST(timers_are_never_early),
        TEST(timer_of_zero_lets_the_loop_turn),
        TEST(signals_until_stop),
        TEST(sigpipe_is_ignored),
        TEST(free_runs_what_is_deferred),
        TEST(clock_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
