/* Connects the HTTP answers (gateway/health.h) with the node.
 *
 * Whether this instance is ready is asked for by probes; a timer asks too, so that the gauges which the other
 * workers on this port read (gateway/workers.h) are never older than a second. */
#include "gateway/surface.h"

#include "common/metrics.h"
#include "gateway/demo_page.h"
#include "gateway/handshake.h"
#include "gateway/health.h"
#include "gateway/http_text.h"
#include "gateway/lease.h"
#include "gateway/room.h"
#include "gateway/server.h"
#include "gateway/session.h"
#include "gateway/settings.h"

enum { REFRESH_MS = 1000 };

static void fill_local(void *arg, struct health_local *out)
{
    const struct node *n = arg;
    *out = (struct health_local){.version = MG_VERSION,
                                 .instance_id = n->realm.instance_id,
                                 .started_at_ms = n->started_at_ms,
                                 .connections = (int64_t)server_connections(n->server),
                                 .sessions = (int64_t)sessions_count(n->sessions),
                                 .rooms = (int64_t)rooms_count(n->rooms),
                                 .queued = metrics_get(METRIC_QUEUED),
                                 .draining = n->drain != NULL,
                                 .estimate = n->estimate};
    /* While Redis is away the instance stays in rotation, unless told otherwise: if all left at once, nobody
     * could be told anything. */
    bool up = n->backend && n->backend->ops->up(n->backend), refusing = !n->settings->degraded_local && !up;
    out->ready = lease_ready(n->lease) && !out->draining && !refusing;
    out->not_ready_reason = out->draining            ? "draining"
                            : !lease_ready(n->lease) ? "starting"
                            : refusing               ? "store away, DEGRADED_MATCHMAKING=refuse"
                                                     : NULL;
    metrics_set(METRIC_READY, out->ready);
    metrics_set(METRIC_REDIS_UP, up && n->backend->durable);
    size_t count = 0;
    if (lease_data_lost_at_ms(n->lease))
        out->warnings[count++] =
            "The store came back without data that it had confirmed: players were registered again, "
            "lost rooms were ended (store.data_lost in the log).";
    if (!n->settings->auth_jwt_secret)
        out->warnings[count++] =
            "AUTH_JWT_SECRET is not set: everybody is who he says he is (development identity)";
}

static void refresh(void *arg)
{
    struct health_local unused;
    fill_local(arg, &unused);
}

void surface_open(struct node *n)
{
    struct str page = n->settings->demo ? (struct str){demo_page, demo_page_bytes} : (struct str){0};
    n->health = health_new(&(struct health_options){.loop = n->loop,
                                                    .realm = &n->realm,
                                                    .admin_token = n->settings->admin_token,
                                                    .demo_page = page,
                                                    .local = fill_local,
                                                    .arg = n});
    n->surface_timer = loop_timer_new(n->loop, refresh, n);
    loop_timer_start(n->surface_timer, REFRESH_MS, REFRESH_MS);
}

void surface_ready(struct node *n)
{
    health_store_ready(n->health);
}

void surface_close(struct node *n)
{
    loop_timer_free(n->surface_timer);
    health_free(n->health);
    n->health = NULL;
}

/* Engine.IO's other transports, and all else that is asked of Socket.IO's path without a WebSocket. */
static void refuse_socketio(struct http_request *r)
{
    char eio[16] = "", transport[32] = "", sid[128] = "";
    (void)http_query(r, "EIO", eio, sizeof eio);
    (void)http_query(r, "transport", transport, sizeof transport);
    (void)http_query(r, "sid", sid, sizeof sid);
    const struct handshake_refusal *refusal =
        handshake_engine(str_of(eio), str_of(transport), str_of(sid), false);
    struct buf body = {0};
    http_text_add_engine_body(&body, handshake_engine_error(refusal), refusal->message);
    metrics_add_for(METRIC_HANDSHAKES_REFUSED, refusal->reason, 1);
    http_respond(r, &(struct http_response){.status = refusal->status,
                                            .content_type = "application/json",
                                            .body = buf_str(&body),
                                            .headers = HTTP_TEXT_ANY_ORIGIN});
    buf_close(&body);
}

void surface_http(void *arg, struct http_request *r)
{
    struct node *n = arg;
    if (n->settings->socket_io && handshake_is_socketio(http_path(r)))
        refuse_socketio(r);
    else if (n->health)
        health_http(n->health, r);
    else /* the process is ending */
        http_respond(
            r, &(struct http_response){.status = 503, .content_type = "application/json", .body = STR("{}")});
}
