/* Queues calls until their answer and keeps the figures of the last thousand.
 *
 * Calls that could not be sent stand in the same queue as the others: so everybody is answered in the order
 * of the calls, whatever happened to the link between them. */
#include "common/clock.h"
#include "common/err.h"
#include "common/mem.h"
#include "common/redis/pending.h"

void pending_init(struct pending *p)
{
    *p = (struct pending){.count = 0};
    list_init(&p->calls);
}

struct call *pending_push(struct pending *p, redis_cb fn, void *arg, bool sent)
{
    struct call *call = mem_alloc(sizeof *call);
    call->fn = fn;
    call->arg = arg;
    call->at_us = clock_mono_us();
    call->sent = sent;
    list_push(&p->calls, &call->node);
    p->count++;
    p->sent += sent;
    return call;
}

struct call *pending_unsent(const struct pending *p)
{
    LIST_EACH(it, &p->calls)
    {
        struct call *call = OWNER(it, struct call, node);
        if (!call->sent)
            return call;
        if (!call->aside)
            break;
    }
    return NULL;
}

struct call *pending_head(const struct pending *p)
{
    return list_empty(&p->calls) ? NULL : OWNER(p->calls.next, struct call, node);
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
    list_remove(&call->node);
    mem_free(call);
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
