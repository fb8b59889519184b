/* What the workers on one port say about each other: each reads the others' metrics (metrics_share).
 *
 * A process that is alone has no workers: nothing is printed. */
#ifndef GATEWAY_WORKERS_H
#define GATEWAY_WORKERS_H

#include <stdbool.h>

#include "common/buf.h"

/* What ?worker= asks of metrics_print: the number of a worker, or "sum". false: neither. */
bool workers_which(const char *text, int *which);
/* Appends ,"workers":{"running":3,"ready":3,"redisUp":3} for /health. */
void workers_print_counts(struct buf *out);
/* Appends ,"workers":[{"worker":0,"instanceId":"…","ready":true,"redisUp":true,"connections":5,"sessions":5,
 * "queued":1,"rooms":2},…],"workersSum":{"running":3,"ready":3,"redisUp":3,"connections":…,…} for
 * /health/stats. */
void workers_print_each(struct buf *out);

#endif
