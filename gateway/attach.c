/* The hello flow: attach, welcome, then the queue place or the seat the player already had.
 *
 *   ask_attach -> read_attach -> take_up -> read_taken -> caught_up
 *
 * read_attach registers the session and welcomes a client that does not resume; take_up asks for what the
 * record says: `room` -> reseat.lua, `queued` -> join.lua with the same ticket, to keep its place, else
 * nothing. A ticket that only we know of is handed in again if there was no record at all; if the record says
 * idle, it is over (ticket.h). Who resumes is shown what he missed (catchup.c), and welcome tells whether
 * that is all of it. What can fail: the store is away (error and close 4103: come back later), another
 * connection attached later (4005), a sweep left nothing of a session (gone.h, 4202), or the room has ended
 * meanwhile (roomCleanup). The connection may close at any step: then its session is detached. */
#include "gateway/attach.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/flow.h"
#include "common/list.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/tell.h"
#include "gateway/catchup.h"
#include "gateway/closing.h"
#include "gateway/confirm.h"
#include "gateway/detach.h"
#include "gateway/inbox.h"
#include "gateway/parting.h"
#include "gateway/deliver.h"
#include "gateway/found.h"
#include "gateway/gone.h"
#include "gateway/island.h"
#include "gateway/resume.h"
#include "gateway/room.h"
#include "gateway/seat.h"
#include "gateway/session.h"
#include "gateway/ticket.h"
#include "gateway/waiting.h"
#include "gateway/welcome.h"
#include "matchmaking/presence.h"
#include "matchmaking/queue.h"

struct attach {
    struct flow flow;
    struct node *node;
    struct session *session;        /* held */
    bool again, on_island, unheard; /* the match of a ticket that waits here */
    bool welcomed;
    bool recovered;
    bool enter; /* TAKE_QUEUE: the store has lost the ticket */
    struct resume resume;
    size_t looked_at; /* rooms of `resume` whose end was asked for */
    unsigned tries;
    uint64_t asked_at_ms;                                /* monotonic */
    const struct flow_step *first, *take_up, *caught_up; /* the steps to go back to */
    enum { TAKE_NOTHING, TAKE_SEAT, TAKE_QUEUE, TAKE_LEAVE } take;
    char room_id[ID_SIZE], left_room_id[ID_SIZE]; /* or empty */
    enum session_state asked_state;               /* what we believed when we asked */
    char asked_room_id[ID_SIZE];
    /* The last answer; the reply is borrowed: each step reads it at once. */
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

/* Once, and before any other push: from here on the client may send. */
static void welcome(struct attach *a)
{
    struct session *s = a->session;
    if (a->again || a->welcomed || s->state == SESSION_CLOSED)
        return;
    a->welcomed = true;
    welcome_push(a->node, s,
                 &(struct welcome){.resume = &a->resume,
                                   .recovered = a->recovered,
                                   .queued = a->take == TAKE_QUEUE,
                                   .room_id = a->take == TAKE_SEAT ? a->room_id : NULL});
}

/* What the store holds is not trusted to fit. */
static bool keep_id(char dst[ID_SIZE], struct str id)
{
    return id_valid(id) && str_copy(dst, ID_SIZE, id);
}

static enum flow_next ask_attach(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    if (a->err) /* his room could not be asked: again later, not at once */
        return flow_fail(f, a->err);
    a->asked_at_ms = clock_mono_ms();
    a->asked_state = s->state;
    a->asked_room_id[0] = 0;
    if (s->room)
        memcpy(a->asked_room_id, s->room->room_id, sizeof a->asked_room_id);
    if (!a->again && !a->resume.wanted) { /* a new session, or the old one is not to be had */
        id_random(a->resume.session_id, "n_");
        id_random(a->resume.token, "k_");
    }
    if (!a->again) {
        memcpy(s->session_id, a->resume.session_id, sizeof s->session_id);
        digest_hex(a->node->digest, str_of(a->resume.token), s->token_hash); /* the store holds no token */
    }
    presence_attach(s->realm,
                    &(struct presence_hello){.player_id = str_of(s->player_id),
                                             .socket_id = str_of(s->socket_id),
                                             .held_fence = a->again ? s->fence : 0,
                                             .session_id = str_of(s->session_id),
                                             .token_hash = str_of(s->token_hash),
                                             .resume = a->resume.wanted,
                                             .hello_id = a->resume.hello_id},
                    on_reply, a);
    return FLOW_WAIT;
}

static void on_parted(void *arg, bool answered)
{
    struct attach *a = arg;
    a->err = answered ? ERR_NONE : ERR_UNAVAILABLE;
    flow_wake(&a->flow);
}

/* The store does not know him in the room he is in here: first it says all it still has to say, then he is
 * looked up anew. */
static enum flow_next part(struct attach *a)
{
    parting_start(a->node, a->session, on_parted, a);
    return flow_goto(&a->flow, a->first, FLOW_WAIT);
}

static void read_record(struct attach *a, const struct presence_attached *now)
{
    struct session *s = a->session;
    char ticket_id[ID_SIZE] = "";
    bool good = keep_id(ticket_id, now->ticket_id);
    if (str_eq(now->state, STR("room")) && good && keep_id(a->room_id, now->room_id)) {
        a->take = TAKE_SEAT;
        a->unheard = a->again && !s->room && !s->ticket_over && strcmp(ticket_id, s->ticket_id) == 0;
        s->ticket_over = false; /* the room's status says whether it is */
    } else if (str_eq(now->state, STR("queued")) && good) {
        a->take = s->ticket_over && strcmp(ticket_id, s->ticket_id) == 0 ? TAKE_LEAVE : TAKE_QUEUE;
        if (a->take == TAKE_QUEUE && s->state != SESSION_ATTACHING)
            session_move(s, SESSION_QUEUED, "was waiting");
    } else {
        a->enter = ticket_read_idle(a->node, s, now->lost);
        a->take = a->enter ? TAKE_QUEUE : TAKE_NOTHING;
        return;
    }
    ticket_read(s, str_of(ticket_id), now, a->asked_at_ms);
}

/* Another connection of the player attached behind us. */
static enum flow_next replaced(struct attach *a)
{
    tell_goodbye(a->session->conn, CLOSE_REPLACED, 0);
    return FLOW_DONE;
}

/* The first attach failed: the client is sent away. What the store may have done all the same is undone by
 * the detach that follows the close, or here if that has been. */
static enum flow_next refuse(struct attach *a, struct realm_outcome o)
{
    struct session *s = a->session;
    s->attach_unknown = o.err == ERR_UNKNOWN || o.err == ERR_TIMEOUT;
    if (s->state == SESSION_CLOSED)
        detach_start(a->node, s);
    if (o.err)
        tell_outcome(s->conn, 0, o);
    else
        tell_retry(s->conn, 0, CODE_SERVICE_DEGRADED, NULL, TELL_RETRY_MS);
    tell_goodbye(s->conn, CLOSE_STORE_UNAVAILABLE, TELL_RETRY_MS);
    return flow_fail(&a->flow, o.err ? o.err : ERR_PROTOCOL);
}

/* Did an event tell us more than the answer that is being read can know? */
static bool overtaken(const struct attach *a)
{
    const struct session *s = a->session;
    const char *room_id = s->room ? s->room->room_id : "";
    return a->again && (s->state != a->asked_state || strcmp(room_id, a->asked_room_id) != 0);
}

static enum flow_next read_attach(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    struct realm_outcome o = realm_outcome(a->err, a->reply);
    if (realm_said(o, "REPLACED"))
        return replaced(a);
    if (realm_said(o, "NO_SESSION") && a->resume.wanted &&
        !island_may_begin(a->node->island, s->realm, a->resume.room_count > 0))
        return refuse(a, o);
    if (realm_said(o, "NO_SESSION") && a->resume.wanted) { /* expired, or not this player's: a new one */
        a->resume = (struct resume){0};
        return flow_goto(f, a->first, FLOW_NEXT);
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
    if (a->again && gone_send_away(s, &now))
        return FLOW_DONE;
    if (overtaken(a)) {
        s->doubt = true; /* asked anew */
        return FLOW_DONE;
    }
    if (!a->again)
        seat_hand_over(a->node, s, a->left_room_id);
    bool parted = s->room && !(str_eq(now.state, STR("room")) && parting_is_in(s, now.room_id));
    if (parted && s->room->realm == &a->node->realm)
        return part(a);
    if (parted) /* the island's rooms have nothing more to say */
        parting_forget(a->node, s);
    read_record(a, &now);
    a->recovered = a->resume.wanted;
    if (!a->resume.wanted) /* else it is not known yet whether all can be shown that was missed */
        welcome(a);
    return FLOW_NEXT;
}

static void on_catchup_before(void *arg, bool recovered)
{
    struct attach *a = arg;
    a->recovered = recovered;
    welcome(a);
}

static void on_catchup_done(void *arg, int err)
{
    struct attach *a = arg;
    a->err = err;
    a->reply = NULL;
    flow_wake(&a->flow);
}

/* The player knows the room's events up to `have`: he is shown the rest before anything new. */
static enum flow_next catch_up(struct attach *a, const char *room_id, struct history_position have,
                               bool seated)
{
    a->session->catching_up = seated;
    catchup_start(a->node, a->session, room_id, have,
                  seated ? a->again ? CATCHUP_SAME_LINE : CATCHUP_SEATED : CATCHUP_ENDED,
                  &(struct catchup_events){a, on_catchup_before, on_catchup_done});
    return FLOW_WAIT;
}

/* The next room the client was in and sits in no more: how it ended may still be in its log. DONE: there is
 * none. */
static enum flow_next show_ended(struct attach *a)
{
    while (a->looked_at < a->resume.room_count) {
        size_t i = a->looked_at++;
        const char *room_id = a->resume.rooms[i].room_id;
        if (a->take != TAKE_SEAT || strcmp(room_id, a->room_id) != 0)
            return catch_up(a, room_id, a->resume.rooms[i].at, false);
    }
    return FLOW_DONE;
}

static enum flow_next take_up(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    if (a->err)
        return flow_fail(f, a->err);
    if (s->state == SESSION_CLOSED)
        return FLOW_DONE;
    if (a->take == TAKE_SEAT) {
        presence_reseat(s->realm, str_of(a->room_id), str_of(s->player_id), str_of(s->session_id), s->fence,
                        on_reply, a);
        return FLOW_WAIT;
    }
    if (a->take == TAKE_LEAVE) {
        queue_leave(s->realm, str_of(s->player_id), s->fence, s->level, on_reply, a);
        return FLOW_WAIT;
    }
    if (show_ended(a) == FLOW_WAIT)
        return flow_goto(f, a->take_up, FLOW_WAIT);
    if (a->take == TAKE_NOTHING)
        return FLOW_NEXT;
    if (a->welcomed &&
        s->state != SESSION_QUEUED) /* he left, or was matched, while the ended rooms were shown */
        return FLOW_DONE;
    ticket_hand_in(s, s->ticket_id, s->level, a->enter ? QUEUE_ENTER : QUEUE_KEEP, on_reply, a);
    return FLOW_WAIT;
}

/* Up to where does the client know the room's events? false: he starts with the record. */
static bool seen_of(const struct attach *a, struct str status, struct history_position *have)
{
    bool unheard = a->unheard && str_eq(status, STR("active"));             /* it began without us */
    bool ahead = a->again && parting_is_in(a->session, str_of(a->room_id)); /* of the room here */
    (void)resume_at(&a->resume, a->room_id, have); /* a room it never heard of: all of it */
    if (ahead)
        *have = a->session->seen;
    return ahead || unheard || a->resume.wanted;
}

static enum flow_next read_seat(struct attach *a, const struct presence_reseated *seat)
{
    struct node *n = a->node;
    struct session *s = a->session;
    struct history_position have;
    if (a->again && seat_stay(n, s, a->room_id, seat)) /* his line never broke */
        return FLOW_DONE;
    if (seen_of(a, seat->status, &have)) {
        /* welcome comes with the missed events; until then the session takes part, but is told nothing. */
        if (s->state == SESSION_ATTACHING)
            session_move(s, SESSION_IDLE, "has a seat");
        s->catching_up = true;
        (void)seat_enter(n, s, a->room_id, seat);
        inbox_events(n, s->realm, seat->events);
        return catch_up(a, a->room_id, have, true);
    }
    a->recovered = false;
    welcome(a);
    bool entered = !s->room || strcmp(s->room->room_id, a->room_id) != 0;
    struct room *r = seat_enter(n, s, a->room_id, seat);
    if (r->status == ROOM_WAITING && entered)
        found_again(s, r, seat->players, seat->confirm_by_ms);
    s->seen = (struct history_position){seat->epoch, seat->seq};
    deliver_snapshot(s->conn, r, seat->record, s->seen);
    inbox_events(n, s->realm, seat->events);
    confirm_if_waiting(n, s, str_of(a->room_id));
    return FLOW_DONE;
}

static enum flow_next read_queue(struct attach *a, struct realm_outcome o)
{
    struct session *s = a->session;
    bool in_match =
        realm_said(o, "ALREADY_IN_MATCH") ||
        (realm_said(o, "MATCHED") && reply_at(a->reply, 2)->count == 0); /* this very ticket was */
    if (in_match && keep_id(a->room_id, reply_str(a->reply, 1)) && a->tries++ == 0) {
        a->take = TAKE_SEAT; /* matched between the two questions */
        return flow_goto(&a->flow, a->take_up, FLOW_NEXT);
    }
    if (realm_said(o, "REPLACED"))
        return replaced(a);
    if (o.err)
        return flow_fail(&a->flow, o.err);
    if (realm_said(o, "NOT_QUEUED")) { /* ended between the two questions */
        a->take = TAKE_NOTHING;
        if (s->state == SESSION_QUEUED)
            ticket_expire(a->node, s, "ended");
        welcome(a);
        return FLOW_DONE;
    }
    welcome(a);
    if (realm_said(o, "WAITING") || realm_said(o, "MATCHED")) {
        metrics_add(METRIC_TICKETS_ENTERED_AGAIN, a->enter);
        waiting_read_join(a->node, s, o, a->reply, 0);
    } else { /* our lease is over, or we were swept: asked again */
        s->doubt = true;
    }
    return FLOW_DONE;
}

/* The room ended between the two questions. How, its log still tells: as of any other that ended unseen. */
static enum flow_next seat_gone(struct attach *a)
{
    struct session *s = a->session;
    if (parting_is_in(s, str_of(a->room_id)))
        return part(a);
    a->take = TAKE_NOTHING;
    if (!a->again && !a->welcomed)
        return flow_goto(&a->flow, a->take_up, FLOW_NEXT);
    deliver_gone(s, a->room_id);
    return FLOW_DONE;
}

/* The store kept a ticket that is over: it came back with older data, or the player was told of the end too
 * late. */
static enum flow_next read_left(struct attach *a, struct realm_outcome o)
{
    if (o.err)
        return flow_fail(&a->flow, o.err);
    log_info("ticket.left", KV("player", a->session->player_id), KV("ticket", a->session->ticket_id),
             KV_STR("answer", o.word), KV("reason", "it is over"));
    a->session->doubt = realm_said(o, "MATCHED");
    return FLOW_DONE;
}

static enum flow_next read_taken(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    struct realm_outcome o = realm_outcome(a->err, a->reply);
    if (s->state == SESSION_CLOSED) /* its detach is under way, behind this call */
        return FLOW_DONE;
    if (a->take == TAKE_NOTHING) {
        welcome(a);
        return FLOW_DONE;
    }
    if (a->take == TAKE_QUEUE)
        return read_queue(a, o);
    if (a->take == TAKE_LEAVE)
        return read_left(a, o);
    if (realm_said(o, "ROOM_NOT_FOUND"))
        return seat_gone(a);
    if (realm_said(o, "REPLACED"))
        return replaced(a);
    if (!realm_said(o, "OK")) /* no answer, or GONE: asked again */
        return flow_fail(f, o.err ? o.err : ERR_PROTOCOL);
    struct presence_reseated seat;
    presence_reseated(a->reply, &seat);
    return read_seat(a, &seat);
}

static enum flow_next caught_up(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    if (a->err)
        return flow_fail(f, a->err);
    if (s->state == SESSION_CLOSED)
        return FLOW_DONE;
    confirm_if_waiting(a->node, s, str_of(a->room_id));
    return show_ended(a) == FLOW_WAIT ? flow_goto(f, a->caught_up, FLOW_WAIT) : FLOW_DONE;
}

static void attach_done(struct flow *f)
{
    struct attach *a = OWNER(f, struct attach, flow);
    struct session *s = a->session;
    closing_if_empty(a->node, a->room_id);
    closing_if_empty(a->node, a->left_room_id);
    a->node->attaching--;
    a->node->island->attaching -= a->on_island;
    s->attaching = false;
    if (f->err && !a->again && !a->welcomed && s->fence && s->state != SESSION_CLOSED) {
        /* attached, but where he is could not be read: nobody is left without an answer */
        tell_retry(s->conn, 0, CODE_SERVICE_DEGRADED, NULL, TELL_RETRY_MS);
        tell_goodbye(s->conn, CLOSE_STORE_UNAVAILABLE, TELL_RETRY_MS);
    }
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
    {"ask_attach", ask_attach}, {"read_attach", read_attach}, {"take_up", take_up},
    {"read_taken", read_taken}, {"caught_up", caught_up},     {NULL, NULL},
};

static void start(struct node *n, struct session *s, bool again, const struct resume *resume)
{
    struct attach *a = mem_alloc(sizeof *a);
    *a = (struct attach){.node = n, .session = s, .again = again, .on_island = s->realm != &n->realm};
    if (resume)
        a->resume = *resume;
    a->first = &attach_steps[0];
    a->take_up = &attach_steps[2];
    a->caught_up = &attach_steps[4];
    session_hold(s);
    s->attaching = true;
    s->doubt = s->differed = false;
    n->attaching++;
    n->island->attaching += a->on_island;
    flow_start(&a->flow, "attach", attach_steps, attach_done);
}

void attach_start(struct node *n, struct session *s, const struct resume *resume)
{
    if (!island_receive(n->island, s, resume && resume->wanted)) {
        tell_retry(s->conn, 0, CODE_SERVICE_DEGRADED, NULL, TELL_RETRY_MS);
        tell_goodbye(s->conn, CLOSE_STORE_UNAVAILABLE, TELL_RETRY_MS);
        return;
    }
    start(n, s, false, resume);
}

void attach_again(struct node *n, struct session *s)
{
    if (s->attaching || s->joining || s->fence == 0 || !s->welcomed || s->state == SESSION_CLOSED) {
        s->doubt = true; /* clockwork comes back to it; who was never welcomed has been told to go */
        return;
    }
    if (s->room) /* what the room said meanwhile goes first: else one that has ended would merely be gone */
        inbox_fill(n, s->room);
    start(n, s, true, NULL);
}
