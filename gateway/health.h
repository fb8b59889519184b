/* Everything the gateway answers over plain HTTP: health for load balancers and operators, figures, the demo
 * page.
 *
 * GET  /health, /api/health             seed 002's JSON; 200 when good, 503 when not
 * GET  /health/stats, /api/health/detailed  figures; ?format=text prints a box
 * POST /health/cleanup[?dryRun=1]       removes orphans; needs Authorization: Bearer <ADMIN_TOKEN>
 * GET  /health/live, /health/ready      the process is there; it takes players
 * GET  /metrics[?worker=N|sum]           Prometheus text, of all workers on this port unless one is asked for
 * GET  /                                the demo page, if there is one
 * Anything else is a 404 in JSON that names /ws and /health; a wrong method is a 405.
 *
 * No probe hangs and no number of probes loads the store: see gateway/shared.h. While the store is away,
 * /health answers at once from what is known. */
#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

#include "gateway/health_local.h"
#include "gateway/http.h"
#include "gateway/stats.h"

struct health;

struct health_options { /* strings and realm are borrowed for the health's life */
    struct loop *loop;
    const struct realm *realm;
    const char *admin_token;                            /* NULL or empty: admin calls are refused */
    struct str demo_page;                               /* HTML; empty = there is none */
    void (*local)(void *arg, struct health_local *out); /* fills in what only the node knows */
    void *arg;
};
struct health *health_new(const struct health_options *options);
/* Whoever waits is answered 503. Questions under way still hold a part of it: it goes with the last of them,
 * so the back end must be freed later (and the realm lives as long). NULL is fine. */
void health_free(struct health *h);

void health_http(struct health *h, struct http_request *r); /* takes r: it will be answered */

/* The store answers for the first time (or again): asks what kind of server it is, logs a line for each thing
 * that is wrong with it (no persistence, a policy that evicts, memory nearly full), and goes on looking every
 * 30 s. */
void health_store_ready(struct health *h);
/* The last answer; NULL before the first and when there is no such server. */
const struct store_info *health_store(const struct health *h);

#endif
