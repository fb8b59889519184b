/* Prints what the workers on one port say about each other. */
#include "gateway/workers.h"

#include <stdlib.h>
#include <string.h>

#include "common/metrics.h"

/* Gauges that say how full a worker is; they add up. */
static const struct {
    const char *name;
    enum metric metric;
} loads[] = {{"connections", METRIC_CONNECTIONS},
             {"sessions", METRIC_SESSIONS},
             {"queued", METRIC_QUEUED},
             {"rooms", METRIC_ROOMS}};
enum { LOADS = sizeof loads / sizeof *loads };

bool workers_which(const char *text, int *which)
{
    char *end;
    long n = strtol(text, &end, 10);
    bool number = text[0] >= '0' && text[0] <= '9' && *end == '\0' && n < metrics_processes();
    if (number)
        *which = (int)n;
    else if (strcmp(text, "sum") == 0)
        *which = METRICS_SUM;
    else
        return false;
    return true;
}

static long long running(void)
{
    long long n = 0;
    for (int i = 0; i < metrics_processes(); i++)
        n += metrics_instance(i)[0] != '\0';
    return n;
}

static long long sum(enum metric m)
{
    long long n = 0;
    for (int i = 0; i < metrics_processes(); i++)
        n += metrics_get_of(i, m);
    return n;
}

static void add_states(struct buf *out)
{
    buf_add_fmt(out, "{\"running\":%lld,\"ready\":%lld,\"redisUp\":%lld", running(), sum(METRIC_READY),
                sum(METRIC_REDIS_UP));
}

void workers_print_counts(struct buf *out)
{
    if (metrics_processes() == 1)
        return;
    buf_add_text(out, ",\"workers\":");
    add_states(out);
    buf_add_text(out, "}");
}

static void add_worker(struct buf *out, int i)
{
    buf_add_fmt(out, "{\"worker\":%d,\"instanceId\":\"%s\",\"ready\":%s,\"redisUp\":%s", i,
                metrics_instance(i), metrics_get_of(i, METRIC_READY) ? "true" : "false",
                metrics_get_of(i, METRIC_REDIS_UP) ? "true" : "false");
    for (size_t k = 0; k < LOADS; k++)
        buf_add_fmt(out, ",\"%s\":%lld", loads[k].name, (long long)metrics_get_of(i, loads[k].metric));
    buf_add_text(out, "}");
}

void workers_print_each(struct buf *out)
{
    const char *separator = "";
    if (metrics_processes() == 1)
        return;
    buf_add_text(out, ",\"workers\":[");
    for (int i = 0; i < metrics_processes(); i++) {
        if (metrics_instance(i)[0] == '\0')
            continue;
        buf_add_text(out, separator);
        add_worker(out, i);
        separator = ",";
    }
    buf_add_text(out, "],\"workersSum\":");
    add_states(out);
    for (size_t k = 0; k < LOADS; k++)
        buf_add_fmt(out, ",\"%s\":%lld", loads[k].name, sum(loads[k].metric));
    buf_add_text(out, "}");
}
