/* Turns a loop until a condition holds, with a deadline instead of a sleep. */
#include <stddef.h>
#include "common/clock.h"
#include "tests/lib/loop_wait.h"

static void tick(void *arg)
{
    (void)arg; /* it only makes loop_turn return */
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

bool loop_wait(struct loop *l, bool (*cond)(void *arg), void *arg, uint64_t deadline_ms)
{
    uint64_t end_ms = clock_mono_ms() + deadline_ms;
    struct loop_timer *t = loop_timer_new(l, tick, NULL);
    bool is_true;
    loop_timer_start(t, 5, 5);
    while (!(is_true = cond(arg)) && clock_mono_ms() < end_ms)
        loop_turn(l);
    loop_timer_free(t);
    return is_true;
}

void loop_wait_idle(struct loop *l, uint64_t ms)
{
    loop_wait(l, never, NULL, ms);
}
