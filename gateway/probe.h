/* The answer to /health: seed 002's JSON. Pure.
 *
 * Additions stand inside `details` only: mode ("standalone" or "degraded"), reason (why degraded), badKeys
 * ("key type" of each key that holds something foreign; the boolean of its part is then false). */
#ifndef GATEWAY_PROBE_H
#define GATEWAY_PROBE_H

#include "common/buf.h"
#include "matchmaking/report.h"

/* Appends the JSON and returns the HTTP status, 200 or 503. counts NULL: the store is away or did not answer,
 * `reason` (a word) says why; otherwise reason is not looked at. */
int probe_print(struct buf *out, bool standalone, const struct report_health *counts, const char *reason);

#endif
