/* Prints the figures of /health/stats. Pure: appends to the caller's buffer. */
#ifndef GATEWAY_STATS_PRINT_H
#define GATEWAY_STATS_PRINT_H

#include "gateway/health_local.h"
#include "gateway/stats.h"

void stats_print_json(struct buf *out, const struct stats *s, const struct health_local *local,
                      uint64_t now_ms);
void stats_print_text(struct buf *out, const struct stats *s, const struct health_local *local,
                      uint64_t now_ms);

#endif
