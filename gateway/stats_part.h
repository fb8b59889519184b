/* Parts of the JSON of /health/stats, made from the store's answers as they arrive. Pure: appends to the
 * caller's buffer. */
#ifndef GATEWAY_STATS_PART_H
#define GATEWAY_STATS_PART_H

#include "common/buf.h"
#include "matchmaking/report.h"

void stats_part_queues(struct buf *out, const struct report_queue *queues,
                       size_t count);                                          /* [{"level",...}] */
void stats_part_fleet(struct buf *out, const struct reply *fleet);             /* [{"instanceId",...}] */
void stats_part_sockets(struct buf *out, const struct report_audit *audit);    /* {"instance":n} */
void stats_part_integrity(struct buf *out, const struct report_audit *audit);  /* {"complete",...} */
void stats_part_bad_keys(struct buf *out, const struct report_health *health); /* ["key type"] */

#endif
