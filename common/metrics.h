/* Counters, gauges and histograms of this process, from one table; Prometheus text comes out.
 *
 * Adding a metric? One line in common/metrics_table.h (its help says the remedy too) and one call where it
 * happens. */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include "common/buf.h"

enum metric {
#define METRIC(id, name, kind, label, help, remedy) METRIC_##id,
#include "common/metrics_table.h"
#undef METRIC
    METRIC_COUNT
};

void metrics_add(enum metric m, int64_t n);          /* counter or gauge, may be negative for gauges */
void metrics_set(enum metric m, int64_t value);      /* gauge */
void metrics_observe(enum metric m, double seconds); /* histogram */
/* The same for metrics that have a label; value is copied; at most 64 values a metric, the rest is counted as
 * "other". */
void metrics_add_for(enum metric m, const char *label_value, int64_t n);
void metrics_set_for(enum metric m, const char *label_value, int64_t value);
void metrics_observe_for(enum metric m, const char *label_value, double seconds);
int64_t metrics_get(enum metric m); /* counter or gauge without label, or the sum over its labels */

/* --- several processes ----------------------------------------------------------------------------------
 * Processes that share a port also share these numbers: whoever of them is asked can answer for all. Each
 * writes only its own; reading a neighbour's while it counts shows an old or a new number, never half of
 * one. */

/* Before the fork: from here on the numbers live in memory that the children share. At most once. */
void metrics_share(int count);
/* In the child, or in a process that is alone (0): counts go there, and its lines say instance="<instance>"
 * (copied; at most 64 bytes) and, among several, worker="<process>". */
void metrics_use(int process, const char *instance);
/* In the parent: that process has ended. Its counters stay, so that sums never go down; its gauges are 0. */
void metrics_ended(int process);
int metrics_processes(void);                        /* 1 without metrics_share */
const char *metrics_instance(int process);          /* "" = not running, or it has not said yet */
int64_t metrics_get_of(int process, enum metric m); /* as metrics_get */

enum { METRICS_EACH = -1, METRICS_SUM = -2 };
/* Appends the exposition text (version 0.0.4) of one process, of each that runs, or the sum over all, which
 * has no label for who it is (a gauge that is 0 or 1 says there for how many it is 1). */
void metrics_print(struct buf *out, int which);

#endif
