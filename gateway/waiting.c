/* Reads the answers of the queue's scripts and keeps the waiting informed. */
#include "gateway/waiting.h"

#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/tell.h"
#include "gateway/estimate.h"
#include "gateway/inbox.h"
#include "gateway/intent.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/ticket.h"
#include "matchmaking/queue.h"
#include "matchmaking/report.h"
#include "proto/messages.h"

static void say_waiting(struct node *n, struct session *s, int64_t position, int64_t request_id)
{
    if (s->state == SESSION_IDLE &&
        !s->ticket_over) /* else its match, or its end, was faster than this answer */
        session_move(s, SESSION_QUEUED, "joined");
    if (!s->conn)
        return;
    struct buf d = {0};
    buf_add_fmt(&d, "{\"status\":\"waiting\",\"ticketId\":\"%s\",\"level\":%lld,\"position\":%lld}",
                s->ticket_id, (long long)s->level, (long long)position);
    tell_ok(s->conn, request_id, buf_str(&d));
    buf_clear(&d);
    if (s->state != SESSION_QUEUED) { /* the match was faster than this answer */
        buf_close(&d);
        return;
    }
    conn_ping_every(s->conn, (uint64_t)n->settings->ping_queued_ms);
    buf_add_fmt(&d, "{\"level\":%lld,\"position\":%lld,\"message\":\"Waiting for an opponent\"}",
                (long long)s->level, (long long)position);
    tell_push(s->conn, PUSH_WAITING, buf_str(&d));
    buf_close(&d);
}

static void say_matched(struct session *s, int64_t request_id)
{
    struct buf d = {0};
    buf_add_fmt(&d, "{\"status\":\"matched\",\"ticketId\":\"%s\",\"level\":%lld}", s->ticket_id,
                (long long)s->level);
    tell_ok(s->conn, request_id, buf_str(&d));
    buf_close(&d);
}

/* The store came back with older data, and has a ticket of his that we took for over. He is told that he
 * waits, so he does, till the store says what has become of it. */
static void wait_with(struct session *s, struct str ticket_id)
{
    if (!id_valid(ticket_id))
        return;
    ticket_take(s, ticket_id);
    session_move(s, SESSION_QUEUED, "waits with another ticket");
}

void waiting_read_join(struct node *n, struct session *s, struct realm_outcome o, const struct reply *reply,
                       int64_t request_id)
{
    if (realm_said(o, "WAITING")) {
        if (s->state != SESSION_CLOSED)
            say_waiting(n, s, reply_int(reply, 1), request_id);
        if (reply_int(reply, 2))
            waiting_match(n, s->realm, s->level);
        return;
    }
    if (realm_said(o, "MATCHED")) {
        metrics_add(METRIC_MATCHES, reply_at(reply, 2)->count > 0);
        say_matched(s, request_id);
        s->confirmed = n->settings->confirm_auto;
        inbox_events(n, s->realm, reply_at(reply, 2));
        s->confirmed = false;
        if (!s->room && s->conn && reply_at(reply, 2)->count == 0)
            n->on_doubt(n, s); /* matched before, and we do not know the room */
        return;
    }
    if (s->state == SESSION_IDLE && realm_said(o, "ALREADY_QUEUED"))
        wait_with(s, reply_str(reply, 1));
    bool in_match = s->state == SESSION_IDLE && realm_said(o, "ALREADY_IN_MATCH");
    if (!o.err && (s->state == SESSION_QUEUED || in_match)) /* what is true, the record says */
        s->doubt = true;
    intent_refused(s, request_id, o);
}

struct level_run { /* what is done for one level; matching: one after the other until NONE */
    struct node *node;
    const struct realm *realm;
    int64_t level;
};

static struct level_run *run_new(struct node *n, const struct realm *realm, int64_t level)
{
    struct level_run *m = mem_alloc(sizeof *m);
    *m = (struct level_run){n, realm, level};
    return m;
}

static void on_match(void *arg, int err, const struct reply *reply)
{
    struct level_run *m = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    bool matched = realm_said(o, "MATCHED");
    if (matched) {
        metrics_add(METRIC_MATCHES, 1);
        inbox_events(m->node, m->realm, reply_at(reply, 2));
    }
    if (matched || (realm_said(o, "NONE") && reply_int(reply, 1))) {
        queue_match(m->realm, m->level, on_match, m);
        return;
    }
    mem_free(m);
}

void waiting_match(struct node *n, const struct realm *realm, int64_t level)
{
    if (level < 0)
        return;
    queue_match(realm, level, on_match, run_new(n, realm, level));
}

void waiting_match_text(struct node *n, const struct realm *realm, struct str level)
{
    int64_t value = -1;
    if (level.n && str_to_int(level, &value))
        waiting_match(n, realm, value);
}

static void on_expired(void *arg, int err, const struct reply *reply)
{
    struct level_run *m = arg;
    if (!err)
        inbox_events(m->node, m->realm, reply_at(reply, 1));
    mem_free(m);
}

void waiting_expire(struct node *n, const struct realm *realm, int64_t level)
{
    queue_expire(realm, level, on_expired, run_new(n, realm, level));
}

struct update {
    struct node *node;
    const struct realm *realm;
    const struct report_queue *queues;
    size_t count;
};

static int64_t length_at(const struct update *u, int64_t level)
{
    size_t low = 0, high = u->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (u->queues[mid].level < level)
            low = mid + 1;
        else
            high = mid;
    }
    return low < u->count && u->queues[low].level == level ? u->queues[low].length : 0;
}

static void tell_one(void *arg, struct session *s)
{
    const struct update *u = arg;
    if (s->state != SESSION_QUEUED || !s->conn || s->realm != u->realm)
        return;
    int64_t estimate = estimate_get(u->node->estimate, s->level);
    struct buf d = {0};
    buf_add_fmt(&d, "{\"level\":%lld,\"playersAmount\":%lld,\"estimatedTimeMs\":", (long long)s->level,
                (long long)length_at(u, s->level));
    if (estimate < 0)
        buf_add_text(&d, "null");
    else
        buf_add_int(&d, estimate);
    buf_add_text(&d, "}");
    tell_push(s->conn, PUSH_QUEUE_UPDATE, buf_str(&d));
    buf_close(&d);
}

void waiting_update(struct node *n, const struct realm *realm, const struct report_queue *queues,
                    size_t count)
{
    sessions_each(n->sessions, tell_one, &(struct update){n, realm, queues, count});
}
