/* Queues calls until their answer and keeps the figures of the last thousand.
 *
 * Calls that could not be sent stand in the same queue as the others: so everybody is answered in the order
 * of the calls, whatever happened to the link between them. */
#include "common/clock.h"
#include "common/err.h"
#include "common/mem.h"
#include "common/redis/pending.h"

enum { FIRST_CAPACITY = 64 };

static struct call *at(const struct pending *p, size_t i)
{
    return &p->ring[(p->head + i) & (p->capacity - 1)];
}

void pending_close(struct pending *p)
{
    mem_free(p->ring);
    *p = (struct pending){.count = 0};
}

static void grow(struct pending *p)
{
    size_t capacity = p->capacity ? p->capacity * 2 : FIRST_CAPACITY;
    struct call *ring = mem_alloc(capacity * sizeof *ring);
    for (size_t i = 0; i < p->count; i++)
        ring[i] = *at(p, i);
    mem_free(p->ring);
    p->ring = ring;
    p->capacity = capacity;
    p->head = 0;
}

struct call *pending_push(struct pending *p, redis_cb fn, void *arg, bool sent)
{
    if (p->count == p->capacity)
        grow(p);
    struct call *call = at(p, p->count++);
    *call = (struct call){.fn = fn, .arg = arg, .at_us = clock_mono_us(), .sent = sent};
    p->sent += sent;
    return call;
}

struct call *pending_unsent(const struct pending *p)
{
    for (size_t i = 0; p->sent < p->count && i < p->count; i++) {
        struct call *call = at(p, i);
        if (!call->sent)
            return call;
        if (!call->aside)
            break;
    }
    return NULL;
}

struct call *pending_head(const struct pending *p)
{
    return p->count > 0 ? at(p, 0) : NULL;
}

static void keep_time(struct pending *p, uint64_t took_us)
{
    p->times_us[p->next_time] = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
    p->next_time = (p->next_time + 1) % PENDING_TIMES;
    if (p->time_count < PENDING_TIMES)
        p->time_count++;
}

void pending_answer(struct pending *p, struct call *call, int err, const struct reply *reply)
{
    struct call c = *call;
    size_t place = ((size_t)(call - p->ring) - p->head) & (p->capacity - 1);
    for (; place > 0; place--) /* those before it that stay: write probes, one or two */
        *at(p, place) = *at(p, place - 1);
    p->head = (p->head + 1) & (p->capacity - 1);
    p->count--;
    p->sent -= c.sent;
    p->answered++;
    p->failed += err != ERR_NONE;
    if (err == ERR_NONE)
        keep_time(p, clock_mono_us() - c.at_us);
    if (c.fn != NULL)
        c.fn(c.arg, err, reply);
}

void pending_fail(struct pending *p, uint64_t late_us, const bool *closed)
{
    uint64_t now_us = clock_mono_us();
    for (size_t n = p->count; n > 0 && !*closed; n--) {
        struct call *call = pending_head(p);
        bool late = late_us > 0 && now_us - call->at_us >= late_us;
        pending_answer(p, call, !call->sent ? ERR_UNAVAILABLE : late ? ERR_TIMEOUT : ERR_UNKNOWN, NULL);
    }
}

void pending_times(const struct pending *p, double *avg_us, double *max_us)
{
    double sum = 0;
    *max_us = 0;
    for (size_t i = 0; i < p->time_count; i++) {
        sum += p->times_us[i];
        if (p->times_us[i] > *max_us)
            *max_us = p->times_us[i];
    }
    *avg_us = p->time_count ? sum / (double)p->time_count : 0;
}
