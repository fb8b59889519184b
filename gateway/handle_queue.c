/* joinMatchmaking and leaveMatchmaking. */
#include "gateway/handle.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/err.h"
#include "gateway/tell.h"
#include "gateway/intent.h"
#include "gateway/resume.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/ticket.h"
#include "gateway/waiting.h"
#include "matchmaking/queue.h"
#include "proto/setup.h"

static const char TICKET_OVER[] = "this request's ticket has come to its end; join with a new id";

/* The store knows of no such ticket: it is over, and the reply is how the client hears of it. */
static void not_queued(struct node *n, struct session *s, const char *ticket_id, const char *reason)
{
    if (strcmp(ticket_id, s->ticket_id) != 0) /* he has joined anew meanwhile */
        return;
    ticket_end(s);
    if (s->state == SESSION_QUEUED)
        session_move(s, SESSION_IDLE, reason);
    if (s->conn)
        conn_ping_every(s->conn, (uint64_t)n->settings->ping_ms);
}

static void on_joined(void *arg, int err, const struct reply *reply)
{
    struct intent *i = arg;
    struct session *s = i->session;
    struct realm_outcome o = realm_outcome(err, reply);
    s->joining = false;
    if (realm_said(o, "WAITING") || realm_said(o, "MATCHED"))
        s->level = i->level;
    if (realm_said(o, "NOT_QUEUED")) {
        not_queued(i->node, s, i->ticket_id, "its ticket was over");
        tell_error(s->conn, i->request_id, CODE_NOT_QUEUED, TICKET_OVER);
    } else {
        waiting_read_join(i->node, s, o, reply, i->request_id);
    }
    intent_free(i);
}

/* {level}, or the original's {addToQueue:{playerId, playerSetup:{...}}}, whose players all have level 0. */
static bool read_level(struct node *n, const struct request *request, int64_t *level, const char **why)
{
    if (setup_original(request))
        return decode_opt_int(request, "level", 0, n->settings->level_max, 0, level, why);
    if (decode_int(request, "level", 0, n->settings->level_max, level, why))
        return true;
    *why = "level must be a whole number from 0 to LEVEL_MAX, as in {\"level\":2}";
    return false;
}

/* The same request of the same session has the same ticket, so that asking again is not joining again. */
static void ticket_for(struct intent *i)
{
    if (i->request_id == 0) {
        id_random(i->ticket_id, "t_");
        return;
    }
    char text[ID_SIZE + 24], hash[DIGEST_HEX_SIZE];
    int n = snprintf(text, sizeof text, "%s %lld", i->session->session_id, (long long)i->request_id);
    digest_hex(i->node->digest, (struct str){text, (size_t)n}, hash);
    (void)snprintf(i->ticket_id, sizeof i->ticket_id, "t_%.22s", hash);
}

/* While the session attaches again its fence is not known here: the request would be taken for a replaced
 * one's. */
static bool busy(struct session *s, const struct request *request)
{
    if (s->attaching)
        tell_retry(s->conn, request->id, CODE_BUSY, "who you are is being looked up; send this again", 200);
    return s->attaching;
}

void handle_join(struct node *n, struct session *s, const struct request *request)
{
    const char *why = NULL;
    int64_t level = 0;
    if (!read_level(n, request, &level, &why)) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
        return;
    }
    struct str setup;
    enum code code = setup_read(request, &setup, &why);
    if (code != CODE_OK) {
        tell_error(s->conn, request->id, code, why);
        return;
    }
    struct intent *i = intent_new(n, s, request->id, (struct str){0});
    i->level = level;
    ticket_for(i);
    bool repeated = request->id && strcmp(i->ticket_id, s->ticket_id) == 0; /* the script answers again */
    bool waits = s->joining || (s->state == SESSION_QUEUED && !repeated);
    if (waits || (s->state == SESSION_IN_ROOM && !repeated)) {
        tell_error(s->conn, request->id, waits ? CODE_ALREADY_QUEUED : CODE_ALREADY_IN_MATCH, NULL);
        intent_free(i);
        return;
    }
    if (s->state == SESSION_IDLE && repeated && s->ticket_over) {
        tell_error(s->conn, request->id, CODE_NOT_QUEUED, TICKET_OVER);
        intent_free(i);
        return;
    }
    s->joining = true;
    if (s->state == SESSION_IDLE) { /* now: the match, even its end, may be faster than the answer */
        s->joined_at_ms = clock_mono_ms();
        ticket_take(s, str_of(i->ticket_id));
        ticket_setup(s, setup);
        s->original_form = s->original_form || setup_original(request);
    }
    ticket_hand_in(s, i->ticket_id, level, QUEUE_ASK, on_joined, i);
}

static void on_left(void *arg, int err, const struct reply *reply)
{
    struct intent *i = arg;
    struct session *s = i->session;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "AGAIN") && i->tries++ < 4) {
        queue_leave(s->realm, str_of(s->player_id), s->fence, reply_int(reply, 1), on_left, i);
        return;
    }
    if (realm_said(o, "LEFT")) {
        not_queued(i->node, s, i->ticket_id, "left the queue");
        intent_ok_fmt(i, "{\"left\":true}");
    } else if (realm_said(o, "NOT_QUEUED")) {
        not_queued(i->node, s, i->ticket_id, "was not in the queue");
        intent_ok_fmt(i, "{\"left\":false,\"reason\":\"not_queued\"}");
    } else if (realm_said(o, "MATCHED")) { /* its matchFound is on its way, or compare.c finds the room */
        intent_ok_fmt(i, "{\"left\":false,\"reason\":\"matched\",\"roomId\":\"%.*s\"}",
                      (int)reply_str(reply, 1).n, reply_str(reply, 1).p);
    } else {
        bool unknown = o.err == ERR_UNKNOWN || o.err == ERR_TIMEOUT;
        if (unknown && strcmp(i->ticket_id, s->ticket_id) == 0)
            s->ticket_id[0] = 0; /* he may have left: the ticket is not handed in again */
        intent_refused(s, i->request_id, o);
    }
    intent_free(i);
}

void handle_leave_queue(struct node *n, struct session *s, const struct request *request)
{
    if (busy(s, request))
        return;
    struct intent *i = intent_new(n, s, request->id, (struct str){0});
    memcpy(i->ticket_id, s->ticket_id, sizeof i->ticket_id);
    queue_leave(s->realm, str_of(s->player_id), s->fence, s->level, on_left, i);
}
