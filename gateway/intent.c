/* Requests under way: allocation and the composed reply. */
#include "gateway/intent.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/err.h"
#include "common/mem.h"
#include "gateway/room.h"
#include "gateway/tell.h"
#include "gateway/session.h"

struct intent *intent_new(struct node *n, struct session *s, int64_t request_id, struct str room_id)
{
    struct intent *p = mem_take(sizeof *p);
    *p = (struct intent){.node = n, .session = s, .request_id = request_id};
    session_hold(s);
    if (s->room)
        p->asked_at = s->room->at;
    CHECK(str_copy(p->room_id, sizeof p->room_id, room_id));
    return p;
}

void intent_free(struct intent *p)
{
    session_release(p->session);
    buf_close(&p->text);
    mem_give(p, sizeof *p);
}

void intent_refused(struct session *s, int64_t request_id, struct realm_outcome o)
{
    if (realm_said(o, "REPLACED")) { /* by another connection, or by our own attach whose answer is on its
                                        way: it says */
        s->doubt = true;
        tell_retry(s->conn, request_id, CODE_BUSY, "who you are is being looked up; send this again", 200);
        return;
    }
    if (o.err == ERR_UNKNOWN || o.err == ERR_TIMEOUT || realm_said(o, "GONE") || realm_said(o, "LEASE"))
        s->doubt = true;
    tell_outcome(s->conn, request_id, o);
}

void intent_refused_in_room(const struct intent *p, struct realm_outcome o)
{
    struct session *s = p->session;
    if (realm_said(o, "NOT_IN_ROOM") && s->room && strcmp(s->room->room_id, p->room_id) == 0) {
        p->node->on_doubt(p->node, s);
        tell_retry(s->conn, p->request_id, CODE_BUSY, "your seat is being looked up; send this again", 200);
        return;
    }
    if (o.err == ERR_UNKNOWN || o.err == ERR_TIMEOUT)
        session_unknown(s, p->request_id, p->asked_at);
    intent_refused(s, p->request_id, o);
}

void intent_done(const struct intent *p)
{
    session_answered(p->session, p->request_id);
}

void intent_ok_fmt(const struct intent *p, const char *fmt, ...)
{
    char data[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(data, sizeof data, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof data) /* an id that somebody else wrote into the store */
        tell_error(p->session->conn, p->request_id, CODE_INTERNAL, NULL);
    else
        tell_ok(p->session->conn, p->request_id, (struct str){data, (size_t)n});
}
