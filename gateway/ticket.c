/* Keeps what is known of a player's ticket, and tells him when it is over. */
#include "gateway/ticket.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/conn.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/tell.h"
#include "matchmaking/presence.h"
#include "proto/messages.h"

void ticket_take(struct session *s, struct str ticket_id)
{
    if (str_eq(ticket_id, str_of(s->ticket_id)))
        return;
    CHECK(str_copy(s->ticket_id, sizeof s->ticket_id, ticket_id));
    s->ticket_over = false;
    s->fleet_since_ms = 0;
    ticket_setup(s, (struct str){0});
}

void ticket_setup(struct session *s, struct str setup)
{
    mem_free(s->setup);
    s->setup = setup.n ? mem_copy(setup.p, setup.n) : NULL;
}

static uint64_t less(uint64_t at_ms, int64_t waited_ms)
{
    uint64_t waited = waited_ms > 0 ? (uint64_t)waited_ms : 0; /* below 0: the store's clock was set back */
    return at_ms > waited ? at_ms - waited : 0;
}

/* The store read its clock somewhere between question and answer. What we know better stays; else he has
 * joined as late as may be, so that no ticket expires early. */
static uint64_t joined_at_ms(const struct session *s, bool known, int64_t waited_ms, uint64_t asked_at_ms)
{
    uint64_t latest = less(clock_mono_ms(), waited_ms);
    bool fits = s->joined_at_ms >= less(asked_at_ms, waited_ms) && s->joined_at_ms <= latest;
    return known && fits ? s->joined_at_ms : latest;
}

void ticket_read(struct session *s, struct str ticket_id, const struct presence_attached *record,
                 uint64_t asked_at_ms)
{
    bool known = str_eq(ticket_id, str_of(s->ticket_id));
    s->level = record->level;
    s->joined_at_ms = joined_at_ms(s, known, record->waited_ms, asked_at_ms);
    ticket_take(s, ticket_id);
    ticket_setup(s, record->setup);
}

void ticket_read_fleet(struct session *s, struct str record)
{
    struct presence_record now;
    if (presence_record(record, &now) && now.ticket_id.n && str_eq(now.ticket_id, str_of(s->ticket_id)))
        s->fleet_since_ms = now.joined_at_ms;
}

/* As queue.h wants it. The island's memory has a clock of its own. */
static int64_t since_ms(const struct session *s)
{
    if (s->fleet_since_ms && s->realm->backend->durable)
        return s->fleet_since_ms;
    return -(int64_t)(clock_mono_ms() - s->joined_at_ms);
}

void ticket_end(struct session *s)
{
    s->ticket_over = true;
    ticket_setup(s, (struct str){0});
}

bool ticket_may_enter(const struct session *s)
{
    uint64_t ttl_ms = (uint64_t)s->realm->rules.ticket_ttl_ms;
    return s->ticket_id[0] && !s->ticket_over && clock_mono_ms() < s->joined_at_ms + ttl_ms;
}

bool ticket_read_idle(struct node *n, struct session *s, bool lost)
{
    if (s->state == SESSION_QUEUED && lost && ticket_may_enter(s))
        return true;
    if (s->state == SESSION_QUEUED)
        ticket_expire(n, s, "ended");
    else if (s->state != SESSION_ATTACHING)
        session_move(s, SESSION_IDLE, "neither waits nor plays");
    return false;
}

void ticket_hand_in(const struct session *s, const char *ticket_id, int64_t level, enum queue_how how,
                    backend_cb fn, void *arg)
{
    queue_hand_in(s->realm,
                  &(struct queue_ticket){.player_id = str_of(s->player_id),
                                         .ticket_id = str_of(ticket_id),
                                         .session_id = str_of(s->session_id),
                                         .setup = str_of(s->setup),
                                         .fence = s->fence,
                                         .level = level,
                                         .how = how,
                                         .since_ms = how == QUEUE_ENTER ? since_ms(s) : 0},
                  fn, arg);
}

void ticket_expire(struct node *n, struct session *s, const char *why)
{
    ticket_end(s);
    session_move(s, SESSION_IDLE, "ticket over");
    if (!s->conn)
        return;
    conn_ping_every(s->conn, (uint64_t)n->settings->ping_ms);
    if (!s->ticket_id[0])
        return;
    metrics_add_for(METRIC_TICKETS_EXPIRED, why, 1);
    log_info("ticket.expired", KV("player", s->player_id), KV("ticket", s->ticket_id), KV("why", why));
    struct buf d = {0};
    buf_add_fmt(&d, "{\"ticketId\":\"%s\",\"level\":%lld,\"reason\":\"%s\"}", s->ticket_id,
                (long long)s->level, why);
    tell_push(s->conn, PUSH_TICKET_EXPIRED, buf_str(&d));
    buf_close(&d);
}
