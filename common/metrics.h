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
/* Appends the exposition text (version 0.0.4), `extra_labels` like instance="..." on every line (may be
 * NULL). */
void metrics_print(struct buf *out, const char *extra_labels);

#endif
