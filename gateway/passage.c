/* Attaches players of the island to the store.
 *
 *   read_session (island) -> attach (store) + restore_session (store)
 *
 * The last two are sent together: the session's record must be there before anything is written into it.
 * What can fail: the store is away again; then the island still has everything. */
#include "gateway/passage.h"

#include "common/err.h"
#include "common/mem.h"
#include "gateway/detach.h"
#include "gateway/island.h"
#include "gateway/session.h"
#include "gateway/tell.h"
#include "matchmaking/presence.h"

static void end(struct passage *p)
{
    if (p->end == PASSAGE_REPLACED)
        tell_goodbye(p->session->conn, CLOSE_REPLACED, 0);
    p->done(p->arg, p);
    session_release(p->session);
    mem_free(p);
}

static void on_restored(void *arg, int err, const struct reply *reply)
{
    struct passage *p = arg;
    if (err && !transfer_hopeless(err, reply)) /* else no request of his is ever remembered */
        p->end = PASSAGE_FAILED;
    end(p);
}

static void on_attached(void *arg, int err, const struct reply *reply)
{
    struct passage *p = arg;
    struct session *s = p->session;
    struct realm_outcome o = realm_outcome(err, reply);
    p->end = realm_said(o, "OK")         ? PASSAGE_THERE
             : realm_said(o, "REPLACED") ? PASSAGE_REPLACED
                                         : PASSAGE_FAILED;
    s->attach_unknown = s->attach_unknown || o.err == ERR_UNKNOWN || o.err == ERR_TIMEOUT;
    if (p->end != PASSAGE_THERE)
        return;
    struct presence_attached now;
    presence_attached(reply, &now);
    s->fleet_fence = now.fence;
    s->inherited = false;
    p->in_room = str_eq(now.state, STR("room"));
    p->queued = str_eq(now.state, STR("queued"));
    p->level = now.level;
    p->same_ticket = now.level == s->level && str_eq(now.ticket_id, str_of(s->ticket_id));
}

static void on_read(void *arg, int err, const struct reply *reply)
{
    struct passage *p = arg;
    const struct session *s = p->session;
    if (err) {
        end(p);
        return;
    }
    bool attached = s->fleet_fence && !s->inherited;
    presence_attach(&p->node->realm,
                    &(struct presence_hello){.player_id = str_of(s->player_id),
                                             .socket_id = str_of(s->socket_id),
                                             .held_fence = attached ? s->fleet_fence : PRESENCE_NEVER_HELD,
                                             .session_id = str_of(s->session_id),
                                             .token_hash = str_of(s->token_hash)},
                    on_attached, p);
    transfer_restore_session(&p->node->realm, str_of(s->session_id), p->with_room, reply, on_restored, p);
}

void passage_start(struct node *n, struct session *s, bool with_room,
                   void (*done)(void *arg, const struct passage *p), void *arg)
{
    struct passage *p = mem_alloc(sizeof *p);
    *p = (struct passage){
        .node = n, .session = s, .with_room = with_room, .end = PASSAGE_FAILED, .done = done, .arg = arg};
    session_hold(s);
    s->moving = true;
    transfer_read_session(&n->island->realm, str_of(s->session_id), on_read, p);
}

void passage_arrive(struct node *n, struct session *s)
{
    transfer_release_session(&n->island->realm, str_of(s->session_id), str_of(s->player_id),
                             str_of(s->socket_id), s->level, NULL, NULL);
    s->realm = &n->realm;
    s->fence = s->fleet_fence;
    s->moving = s->may_be_gone = false;
    if (s->state == SESSION_CLOSED)
        detach_start(n, s);
}

void passage_stay(struct node *n, struct session *s)
{
    s->moving = false;
    if (s->state == SESSION_CLOSED)
        detach_start(n, s);
}
