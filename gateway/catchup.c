/* Fetches the missed events of a room for one player.
 *
 *   ask_log -> read_log (-> ask_log again while the room here is already ahead) [-> ask_record ->
 * read_record]
 *
 * The log is read behind everything this instance has asked before; meanwhile the local room goes on
 * delivering to the others. If it has delivered more than the log's answer held, the log is asked once more,
 * until both meet. */
#include "gateway/catchup.h"

#include "common/err.h"
#include "common/flow.h"
#include "common/list.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/deliver.h"
#include "gateway/inbox.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/tell.h"
#include "matchmaking/events.h"
#include "matchmaking/room_state.h"
#include "proto/messages.h"

enum { CATCHUP_ROUNDS = 20 };

struct catchup {
    struct flow flow;
    struct node *node;
    struct session *session; /* held */
    struct catchup_events events;
    struct history_position have;
    unsigned rounds;
    enum catchup_whose whose;
    bool told; /* `before` was called */
    int reply_err;
    const struct reply *reply; /* only inside the callback, as in attach.c */
    char room_id[ID_SIZE];
};

static const struct flow_step steps[];
enum { ASK_LOG, READ_LOG, ASK_RECORD, READ_RECORD };

static void on_reply(void *arg, int err, const struct reply *reply)
{
    struct catchup *c = arg;
    c->reply_err = err;
    c->reply = reply;
    flow_wake(&c->flow);
}

static void tell_before(struct catchup *c, bool recovered)
{
    if (!c->told)
        c->events.before(c->events.arg, recovered);
    c->told = true;
}

static enum flow_next ask_log(struct flow *f)
{
    struct catchup *c = OWNER(f, struct catchup, flow);
    room_state_log(c->session->realm, str_of(c->room_id), str_of(c->session->player_id), c->have.seq,
                   on_reply, c);
    return FLOW_WAIT;
}

static struct room *room_here(const struct catchup *c)
{
    struct room *r = c->session->room;
    return r && strcmp(r->room_id, c->room_id) == 0 ? r : NULL;
}

static void show(struct catchup *c, const struct reply *events)
{
    for (size_t i = 0; i < events->count; i++) {
        struct room_event e;
        const char *why;
        if (!events_parse(reply_str(events, i), &e, &why) || e.seq <= c->have.seq)
            continue;
        c->have = (struct history_position){e.epoch, e.seq};
        if (c->whose != CATCHUP_SAME_LINE || !deliver_answered(room_here(c), c->session, &e))
            deliver_replay(c->session, &e);
    }
}

/* The room here has delivered more than is known to him: once more, until both meet. */
static bool must_ask_again(struct catchup *c)
{
    struct room *r = room_here(c);
    if (!r || r->at.seq <= c->have.seq || c->rounds++ >= CATCHUP_ROUNDS)
        return false;
    if (r->at.epoch != c->have.epoch)
        inbox_fill(c->node, r); /* one of the two is on the wrong track, and it is not the store */
    return true;
}

/* By the client's word, who may be wrong. */
static void say_other(const struct catchup *c, const struct reply *log)
{
    if (c->whose != CATCHUP_SAME_LINE) /* else inbox.c says it of the room */
        metrics_add(METRIC_ROOM_STORE_OLDER, 1);
    log_limited(LOG_WARN, "session.store_older", KV("player", c->session->player_id), KV("room", c->room_id),
                KV_INT("epoch", c->have.epoch), KV_INT("seq", c->have.seq),
                KV_INT("store_epoch", reply_int(log, 4)), KV_INT("store_seq", reply_int(log, 3)),
                KV("next", "the store is right, the client gets a snapshot"));
}

static enum flow_next read_log(struct flow *f)
{
    struct catchup *c = OWNER(f, struct catchup, flow);
    struct realm_outcome o = realm_outcome(c->reply_err, c->reply);
    bool member = !realm_said(o, "NOT_IN_ROOM");
    if (member && !realm_said(o, "OK"))
        return flow_fail(f, o.err ? o.err : ERR_PROTOCOL);
    if (c->session->state == SESSION_CLOSED)
        return FLOW_DONE;
    bool ended = reply_int(c->reply, 1) < 0;
    const struct reply *events = reply_at(c->reply, 2);
    bool allowed = member && (c->whose != CATCHUP_ENDED || ended);
    enum history history = history_after(c->have, c->reply);
    if (allowed && history == HISTORY_OTHER)
        say_other(c, c->reply);
    if (!allowed || history != HISTORY_WHOLE) {
        if (allowed && !ended)
            return FLOW_NEXT; /* ask_record */
        tell_before(c, false);
        deliver_gone(c->session, c->room_id);
        return FLOW_DONE;
    }
    tell_before(c, true);
    show(c, events);
    bool ended_unseen = !ended && !room_here(c) && (c->whose != CATCHUP_ENDED);
    if (ended_unseen &&
        c->rounds++ < CATCHUP_ROUNDS) /* it ended here behind the answer: its last events are in the log */
        return flow_goto(f, &steps[ASK_LOG], FLOW_NEXT);
    return must_ask_again(c) ? flow_goto(f, &steps[ASK_LOG], FLOW_NEXT) : FLOW_DONE;
}

static enum flow_next ask_record(struct flow *f)
{
    struct catchup *c = OWNER(f, struct catchup, flow);
    const struct session *s = c->session;
    room_state_read(s->realm,
                    &(struct room_seat){.room_id = str_of(c->room_id), .player_id = str_of(s->player_id)},
                    on_reply, c);
    return FLOW_WAIT;
}

static enum flow_next read_record(struct flow *f)
{
    struct catchup *c = OWNER(f, struct catchup, flow);
    struct realm_outcome o = realm_outcome(c->reply_err, c->reply);
    if (o.err)
        return flow_fail(f, o.err);
    tell_before(c, false);
    if (!realm_said(o, "OK")) {
        deliver_gone(c->session, c->room_id);
        return FLOW_DONE;
    }
    c->have = (struct history_position){reply_int(c->reply, 5), reply_int(c->reply, 2)};
    if (must_ask_again(c))
        return flow_goto(f, &steps[ASK_RECORD], FLOW_NEXT);
    const struct room *r = room_here(c);
    if (r)
        deliver_snapshot(c->session->conn, r, reply_str(c->reply, 1), c->have);
    return FLOW_DONE;
}

static const struct flow_step steps[] = {
    {"ask_log", ask_log},         {"read_log", read_log}, {"ask_record", ask_record},
    {"read_record", read_record}, {NULL, NULL},
};

static void catchup_done(struct flow *f)
{
    struct catchup *c = OWNER(f, struct catchup, flow);
    struct session *s = c->session;
    const struct room *r = room_here(c);
    s->catching_up = false;
    if (r)
        s->seen = c->have;
    if (r && r->at.seq > c->have.seq &&
        s->conn) { /* what others were told meanwhile would be missing for ever */
        log_limited(LOG_WARN, "session.not_caught_up", KV("player", s->player_id), KV("room", c->room_id),
                    KV_INT("have", c->have.seq), KV_INT("seq", r->at.seq),
                    KV("next", "the client is told to resume again"));
        tell_goodbye(s->conn, CLOSE_STORE_UNAVAILABLE, 0);
    }
    c->events.done(c->events.arg, c->told ? 0 : f->err);
    session_release(s);
    mem_free(c);
}

void catchup_start(struct node *n, struct session *s, const char *room_id, struct history_position have,
                   enum catchup_whose whose, const struct catchup_events *events)
{
    struct catchup *c = mem_alloc(sizeof *c);
    c->node = n;
    c->session = s;
    session_hold(s);
    c->events = *events;
    c->have = have;
    c->whose = whose;
    CHECK(str_copy(c->room_id, sizeof c->room_id, str_of(room_id)));
    flow_start(&c->flow, "catchup", steps, catchup_done);
}
