/* POST /health/cleanup: walks the whole realm in small pages and removes orphans
 * (matchmaking/scripts/cleanup.lua). */
#ifndef GATEWAY_CLEANUP_H
#define GATEWAY_CLEANUP_H

#include "common/buf.h"
#include "common/loop.h"
#include "matchmaking/report.h"

enum { CLEANUP_PAGES_MAX = 5000, CLEANUP_MS_MAX = 2000, CLEANUP_KINDS_MAX = 16 };

struct cleanup_result {
    int err; /* the first failure; what was cleaned before it counts */
    int64_t cleaned, errors;
    bool dry_run;
    bool more; /* the bound on pages or time was hit: call again */
    size_t kind_count;
    struct {
        char name[32];
        int64_t count;
    } kinds[CLEANUP_KINDS_MAX];
};
/* done is called once, maybe before return; the result is borrowed until it returns. The realm must live
 * until then. */
typedef void (*cleanup_cb)(void *arg, const struct cleanup_result *result);
void cleanup_start(const struct realm *r, struct loop *l, bool dry_run, cleanup_cb done, void *arg);

/* {"cleaned":n,"errors":n,"details":{kind:n,...,"dryRun":b,"more":b}} */
void cleanup_print(struct buf *out, const struct cleanup_result *result);

#endif
