/* Counts outcomes and decides whether the next call may be made. */
#include "common/redis/breaker.h"

static void enter(struct breaker *b, enum breaker_state state, uint64_t now_ms)
{
    b->state = state;
    b->since_ms = now_ms;
    b->requests = b->failures = b->let_through = b->passed = 0;
}

void breaker_init(struct breaker *b, const struct breaker_options *options, uint64_t now_ms)
{
    *b = (struct breaker){.options = *options};
    enter(b, BREAKER_CLOSED, now_ms);
}

bool breaker_allow(struct breaker *b, uint64_t now_ms)
{
    if (b->state == BREAKER_OPEN && now_ms - b->since_ms >= b->options.open_ms)
        enter(b, BREAKER_HALF_OPEN, now_ms);
    if (b->state == BREAKER_OPEN)
        return false;
    if (b->state == BREAKER_CLOSED)
        return true;
    /* Probes whose outcome never came must not lock it for ever. */
    if (b->let_through == b->options.probes && now_ms - b->since_ms >= b->options.open_ms)
        enter(b, BREAKER_HALF_OPEN, now_ms);
    if (b->let_through == b->options.probes)
        return false;
    b->let_through++;
    return true;
}

static bool count_closed(struct breaker *b, bool success, uint64_t now_ms)
{
    if (now_ms - b->since_ms >= b->options.interval_ms)
        enter(b, BREAKER_CLOSED, now_ms);
    b->requests++;
    b->failures += !success;
    if (success || b->options.requests_min == 0 || b->requests < b->options.requests_min ||
        b->failures * 100 < b->requests * b->options.failures_percent)
        return false;
    enter(b, BREAKER_OPEN, now_ms);
    return true;
}

bool breaker_count(struct breaker *b, bool success, uint64_t now_ms)
{
    if (b->state == BREAKER_CLOSED)
        return count_closed(b, success, now_ms);
    if (b->state == BREAKER_OPEN)
        return false;
    if (success && ++b->passed < b->options.probes)
        return false;
    enter(b, success ? BREAKER_CLOSED : BREAKER_OPEN, now_ms);
    return true;
}

bool breaker_close(struct breaker *b, uint64_t now_ms)
{
    if (b->state == BREAKER_CLOSED)
        return false;
    enter(b, BREAKER_CLOSED, now_ms);
    return true;
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[] = {"closed", "open", "half_open"};
    return names[state];
}
