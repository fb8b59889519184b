/* The hello flow: attach, welcome, then the queue place or the seat the player already had.
 *
 *   ask_attach -> read_attach -> take_up -> read_taken
 *
 * read_attach registers the session and says welcome (before anything else is pushed); take_up asks for what
 * the record says: `room` -> reseat.lua, `queued` -> join.lua with the same ticket (idempotent: it only
 * repairs), else nothing. What can fail: the store is away (error and close 4103: come back later), another
 * connection attached later (4005), or the room has ended meanwhile (roomCleanup). The connection may close
 * at any step: then the session is detached with the fence it got. */
#include "gateway/attach.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/flow.h"
#include "common/list.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/tell.h"
#include "gateway/closing.h"
#include "gateway/confirm.h"
#include "gateway/detach.h"
#include "gateway/inbox.h"
#include "gateway/deliver.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/waiting.h"
#include "matchmaking/events.h"
#include "matchmaking/presence.h"
#include "matchmaking/queue.h"
#include "proto/messages.h"

struct attach {
    struct flow flow;
    struct node *node;
    struct session *session; /* held */
    bool again;
    unsigned tries;
    const struct flow_step *take_up; /* the step to go back to */
    enum { TAKE_NOTHING, TAKE_SEAT, TAKE_QUEUE } take;
    char room_id[ID_SIZE], left_room_id[ID_SIZE]; /* or empty */
    /* The last answer, copied out by the callback because the reply dies with it: each step reads it at once.
     */
    int err;
    const struct reply *reply;
};

/* The reply is only valid inside the callback, and flow_wake runs the reading step inside it. */
static void on_reply(void *arg, int err, const struct reply *reply)
{
    struct attach *a = arg;
    a->err = err;
    a->reply = reply;
    flow_wake(&a->flow);
}

static void push_welcome(const struct attach *a)
{
    const struct session *s = a->session;
    const struct settings *set = a->node->settings;
    struct buf d = {0};
    buf_add_fmt(&d, "{\"sessionId\":\"%s\",\"playerId\":\"%s\",\"socketId\":\"%s\",\"instanceId\":\"%s\"",
                s->socket_id, s->player_id, s->socket_id, a->node->realm.instance_id);
    buf_add_fmt(&d, ",\"serverTime\":%llu,\"pingMs\":%lld,\"recovered\":false,\"durable\":%s",
                (unsigned long long)clock_wall_ms(), (long long)set->ping_ms,
                a->node->backend->durable ? "true" : "false");
    buf_add_fmt(&d, ",\"limits\":{\"messageMaxBytes\":%lld,\"messagesPerSecond\":%lld}",
                (long long)set->message_max_bytes, (long long)set->rate_per_second);
    if (a->take == TAKE_QUEUE)
        buf_add_fmt(&d, ",\"queue\":{\"level\":%lld,\"ticketId\":\"%s\"}", (long long)s->level, s->ticket_id);
    else
        buf_add_text(&d, ",\"queue\":null");
    if (a->take == TAKE_SEAT)
        buf_add_fmt(&d, ",\"rooms\":[{\"roomId\":\"%s\"}]}", a->room_id);
    else
        buf_add_text(&d, ",\"rooms\":[]}");
    tell_push(s->conn, PUSH_WELCOME, buf_str(&d));
    buf_close(&d);
}

/* What anybody may have written into the store is not trusted to fit. */
static bool keep_id(char dst[ID_SIZE], struct str id)
{
    return id_valid(id) && str_copy(dst, ID_SIZE, id);
}

static enum flow_next ask_attach(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    presence_attach(&a->node->realm, str_of(a->session->player_id), str_of(a->session->socket_id),
                    a->again ? a->session->fence : 0, on_reply, a);
    return FLOW_WAIT;
}

/* The player's older connection here, if any, makes room; its own detach then finds its fence stale. */
static void replace_older(struct attach *a)
{
    struct session *s = a->session;
    struct session *older = sessions_put(a->node->sessions, s);
    if (!older)
        return;
    if (older->room) { /* it stays for the seat's new holder; attach_done sees to an empty one */
        memcpy(a->left_room_id, older->room->room_id, sizeof a->left_room_id);
        room_leave(older);
    }
    log_info("session.replaced", KV("player", s->player_id), KV("socket", older->socket_id),
             KV("by", s->socket_id));
    tell_goodbye(older->conn, CLOSE_REPLACED, 0);
}

static void push_room_gone(struct session *s, const char *room_id)
{
    struct buf d = {0};
    buf_add_fmt(&d, "{\"roomId\":\"%s\",\"reason\":\"gone\"}", room_id);
    tell_push(s->conn, PUSH_ROOM_CLEANUP, buf_str(&d));
    buf_close(&d);
}

/* The room was left behind: by the record, or because the store lost it. */
static void forget_room(struct node *n, struct session *s)
{
    struct room *r = s->room;
    if (!r)
        return;
    push_room_gone(s, r->room_id);
    room_leave(s);
    session_move(s, SESSION_IDLE, "room gone");
    if (list_empty(&r->members))
        closing_room(n, r, (struct str){0}, "no member left here");
}

static void read_record(struct attach *a, const struct presence_attached *now)
{
    struct session *s = a->session;
    char ticket_id[ID_SIZE] = "";
    bool good = keep_id(ticket_id, now->ticket_id);
    if (str_eq(now->state, STR("room")) && good && keep_id(a->room_id, now->room_id)) {
        a->take = TAKE_SEAT;
        if (s->room && strcmp(s->room->room_id, a->room_id) != 0)
            forget_room(a->node, s);
        if (s->state == SESSION_ATTACHING)
            session_move(s, SESSION_IDLE, "attached, has a seat");
    } else if (str_eq(now->state, STR("queued")) && good) {
        a->take = TAKE_QUEUE;
        forget_room(a->node, s);
        session_move(s, SESSION_QUEUED, "attached, was waiting");
    } else {
        forget_room(a->node, s);
        if (s->state == SESSION_QUEUED)
            a->take = TAKE_QUEUE; /* the store lost the ticket: hand it in again */
        else
            session_move(s, SESSION_IDLE, "attached");
        return;
    }
    s->level = now->level;
    memcpy(s->ticket_id, ticket_id, sizeof s->ticket_id);
    if (!s->joined_at_ms)
        s->joined_at_ms = clock_mono_ms();
}

/* The first attach failed: the client is sent away. What the store may have done all the same is undone by
 * the detach that follows the close, or here if that has been. */
static enum flow_next refuse(struct attach *a, struct realm_outcome o)
{
    struct session *s = a->session;
    s->attach_unknown = o.err == ERR_UNKNOWN || o.err == ERR_TIMEOUT;
    if (s->state == SESSION_CLOSED)
        detach_start(a->node, s);
    tell_outcome(s->conn, 0, o);
    tell_goodbye(s->conn, CLOSE_STORE_UNAVAILABLE, TELL_RETRY_MS);
    return flow_fail(&a->flow, o.err ? o.err : ERR_PROTOCOL);
}

static enum flow_next read_attach(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    struct realm_outcome o = realm_outcome(a->err, a->reply);
    if (realm_said(o, "REPLACED")) {
        tell_goodbye(s->conn, CLOSE_REPLACED, 0);
        return FLOW_DONE;
    }
    if (!realm_said(o, "OK"))
        return a->again ? flow_fail(f, o.err ? o.err : ERR_PROTOCOL) : refuse(a, o);
    struct presence_attached now;
    presence_attached(a->reply, &now);
    s->fence = now.fence;
    if (s->state == SESSION_CLOSED) { /* the client left while we asked */
        detach_start(a->node, s);
        return FLOW_DONE;
    }
    if (!a->again)
        replace_older(a);
    read_record(a, &now);
    if (!a->again) {
        conn_ready(s->conn);
        push_welcome(a);
        log_info("session.attached", KV("player", s->player_id), KV("socket", s->socket_id),
                 KV("state", session_state_name(s->state)), KV("address", conn_address(s->conn)));
    }
    return FLOW_NEXT;
}

static enum flow_next take_up(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    if (a->take == TAKE_NOTHING)
        return FLOW_DONE;
    if (a->take == TAKE_SEAT)
        presence_reseat(&a->node->realm, str_of(a->room_id), str_of(s->player_id), s->fence, on_reply, a);
    else
        queue_join(&a->node->realm, str_of(s->player_id), s->fence, s->level, str_of(s->ticket_id), on_reply,
                   a);
    return FLOW_WAIT;
}

/* The local view takes over what the store says of the room, and the player is shown it. */
static void read_seat(struct attach *a, const struct presence_reseated *seat)
{
    struct node *n = a->node;
    struct session *s = a->session;
    if (s->room && strcmp(s->room->room_id, a->room_id) != 0)
        forget_room(n, s);
    struct room *r = rooms_find(n->rooms, str_of(a->room_id));
    if (!r) {
        r = rooms_get(n->rooms, str_of(a->room_id));
        r->seq = seat->seq;
    }
    r->level = seat->level;
    deliver_renew(r, seat->status, seat->place);
    if (s->room != r) {
        room_enter(r, s);
        session_move(s, SESSION_IN_ROOM, "took the seat again");
        conn_ping_every(s->conn, (uint64_t)n->settings->ping_ms);
        if (r->status == ROOM_WAITING)
            deliver_match_again(s, r, seat->confirm_by_ms);
    }
    deliver_snapshot(s->conn, r, seat->record, seat->seq);
    inbox_events(n, seat->events);
    r = rooms_find(n->rooms, str_of(a->room_id));
    if (!r)
        return;
    if (r->status == ROOM_WAITING && n->settings->confirm_auto)
        confirm_seat(n, s, str_of(a->room_id), 0);
    inbox_fill(n, r); /* what was published before the room was known here has passed by unseen */
}

static enum flow_next read_queue(struct attach *a, struct realm_outcome o)
{
    if (realm_said(o, "ALREADY_IN_MATCH") && keep_id(a->room_id, reply_str(a->reply, 1)) && a->tries++ == 0) {
        a->take = TAKE_SEAT; /* matched between the two questions */
        return flow_goto(&a->flow, a->take_up, FLOW_NEXT);
    }
    if (o.err)
        return flow_fail(&a->flow, o.err);
    waiting_read_join(a->node, a->session, o, a->reply, 0);
    return FLOW_DONE;
}

static enum flow_next read_taken(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    struct realm_outcome o = realm_outcome(a->err, a->reply);
    if (s->state == SESSION_CLOSED) /* its detach is under way, behind this call */
        return FLOW_DONE;
    if (a->take == TAKE_QUEUE)
        return read_queue(a, o);
    if (realm_said(o, "ROOM_NOT_FOUND")) {
        if (s->room && strcmp(s->room->room_id, a->room_id) == 0)
            forget_room(a->node, s);
        else
            push_room_gone(s, a->room_id);
        return FLOW_DONE;
    }
    if (!realm_said(o, "OK")) /* no answer, or GONE or REPLACED: asked again */
        return flow_fail(f, o.err ? o.err : ERR_PROTOCOL);
    struct presence_reseated seat;
    presence_reseated(a->reply, &seat);
    read_seat(a, &seat);
    return FLOW_DONE;
}

static void close_if_empty(struct node *n, const char *room_id)
{
    struct room *r = *room_id ? rooms_find(n->rooms, str_of(room_id)) : NULL;
    if (r && list_empty(&r->members))
        closing_room(n, r, (struct str){0}, "no member left here");
}

static void attach_done(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    close_if_empty(a->node, a->room_id);
    close_if_empty(a->node, a->left_room_id);
    a->node->attaching--;
    s->attaching = false;
    if (f->err) {
        s->doubt = s->fence != 0;
        log_limited(LOG_WARN, "session.attach_failed", KV("player", s->player_id),
                    KV("reason", err_name(f->err)),
                    KV("next", s->doubt ? "tried again" : "the client is told to come back"));
    }
    session_release(s);
    mem_free(a);
}

static const struct flow_step attach_steps[] = {
    {"ask_attach", ask_attach},
    {"read_attach", read_attach},
    {"take_up", take_up},
    {"read_taken", read_taken},
    {NULL, NULL},
};

static void start(struct node *n, struct session *s, bool again)
{
    struct attach *a = mem_alloc(sizeof *a);
    a->node = n;
    a->session = s;
    a->again = again;
    a->take_up = &attach_steps[2];
    session_hold(s);
    s->attaching = true;
    s->doubt = false;
    s->differed = false;
    n->attaching++;
    flow_start(&a->flow, "attach", attach_steps, attach_done);
}

void attach_start(struct node *n, struct session *s)
{
    start(n, s, false);
}

void attach_again(struct node *n, struct session *s)
{
    if (s->attaching || s->joining || s->fence == 0 || s->state == SESSION_CLOSED) {
        s->doubt = true; /* clockwork comes back to it */
        return;
    }
    if (s->room) /* what the room said meanwhile goes first: else one that has ended would merely be gone */
        inbox_fill(n, s->room);
    start(n, s, true);
}
