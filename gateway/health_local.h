/* What only this process knows about itself, for /health/stats, /health/ready and /metrics. */
#ifndef GATEWAY_HEALTH_LOCAL_H
#define GATEWAY_HEALTH_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

struct estimate;
enum { HEALTH_WARNINGS_MAX = 8 };

/* Texts are static or live as long as the process. */
struct health_local {
    const char *version, *instance_id;
    uint64_t started_at_ms; /* wall clock */
    int64_t connections, sessions, rooms, queued;
    bool ready, draining;
    const struct estimate *estimate; /* borrowed; or NULL */
    const char *not_ready_reason;    /* "starting", "draining", "no lease", ...; NULL while ready */
    const char
        *warnings[HEALTH_WARNINGS_MAX]; /* sentences, e.g. about the development identity; NULL at the end */
};

#endif
