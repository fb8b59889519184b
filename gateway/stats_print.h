/* Prints the figures of /health/stats. Pure: appends to the caller's buffer. */
#ifndef GATEWAY_STATS_PRINT_H
#define GATEWAY_STATS_PRINT_H

#include "gateway/health_local.h"
#include "gateway/stats.h"

/* Parts of the JSON text, as they arrive from the store. */
void stats_print_queues(struct buf *out, const struct report_queue *queues,
                        size_t count);                                       /* [{"level",...}] */
void stats_print_fleet(struct buf *out, const struct reply *fleet);          /* [{"instanceId",...}] */
void stats_print_sockets(struct buf *out, const struct report_audit *audit); /* {"instance":n} */
void stats_print_integrity(struct buf *out, const struct report_audit *audit);
void stats_print_bad_keys(struct buf *out, const struct report_health *health); /* ["key type"] */

/* The whole of it. */
void stats_print_json(struct buf *out, const struct stats *s, const struct health_local *local,
                      uint64_t now_ms);
void stats_print_text(struct buf *out, const struct stats *s, const struct health_local *local,
                      uint64_t now_ms);

#endif
