/* Ends the local view of a room: members move on, waiting replies go out. */
#include "gateway/closing.h"

#include "common/mem.h"
#include "gateway/tell.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"

void closing_reply(const struct room *r, struct session *s, int64_t request_id, int64_t seq, struct str data)
{
    tell_ok(s->conn, request_id, data);
    /* Behind a later number the offset stands there already; who catches up has not been shown all before it.
     */
    if (r && s->room == r && r->at.seq == seq && request_id != 0 && !s->catching_up)
        tell_seen(s->conn, r->room_id, r->at.epoch, seq);
}

void closing_waiters(struct room *r, bool all)
{
    for (struct room_waiter *w; (w = room_next_waiter(r, all));) {
        closing_reply(r, w->session, w->request_id, w->at.seq, (struct str){w->data, w->bytes});
        session_release(w->session);
        mem_free(w);
    }
}

void closing_lost(struct room *r, int64_t former)
{
    LIST_EACH_SAFE(it, next, &r->waiters)
    {
        struct room_waiter *w = OWNER(it, struct room_waiter, link);
        if (w->at.epoch != former || (r->at.epoch == former && w->at.seq <= r->at.seq))
            continue;
        list_remove(it);
        tell_error(w->session->conn, w->request_id, CODE_OUTCOME_UNKNOWN, NULL);
        session_release(w->session);
        mem_free(w);
    }
}

void closing_room(struct node *n, struct room *r, struct str requeued, const char *reason)
{
    closing_waiters(r, true);
    while (!list_empty(&r->members)) {
        struct session *s = OWNER(r->members.next, struct session, in_room);
        bool queued_again = false;
        for (struct str rest = requeued; rest.n && !queued_again;)
            queued_again = str_eq(str_cut(&rest, ' '), str_of(s->player_id));
        room_leave(s);
        session_move(s, queued_again ? SESSION_QUEUED : SESSION_IDLE, reason);
        if (s->conn)
            conn_ping_every(s->conn,
                            (uint64_t)(queued_again ? n->settings->ping_queued_ms : n->settings->ping_ms));
    }
    rooms_remove(n->rooms, r);
}

void closing_if_empty(struct node *n, const char *room_id)
{
    struct room *r = *room_id ? rooms_find(n->rooms, str_of(room_id)) : NULL;
    if (r && list_empty(&r->members))
        closing_room(n, r, (struct str){0}, "no member left here");
}
