/* How a session leaves a room that its player has no seat in any more. */
#include "gateway/parting.h"

#include "common/list.h"
#include "common/mem.h"
#include "gateway/closing.h"
#include "gateway/deliver.h"
#include "gateway/inbox.h"
#include "gateway/room.h"
#include "gateway/session.h"

struct parting {
    struct node *node;
    struct session *session; /* held */
    parting_cb done;
    void *arg;
    char room_id[ID_SIZE];
};

bool parting_is_in(const struct session *s, struct str room_id)
{
    return s->room && str_eq(str_of(s->room->room_id), room_id);
}

void parting_forget(struct node *n, struct session *s)
{
    struct room *r = s->room;
    if (!r)
        return;
    deliver_gone(s, r->room_id);
    room_leave(s);
    session_move(s, SESSION_IDLE, "room gone");
    if (list_empty(&r->members))
        closing_room(n, r, (struct str){0}, "no member left here");
}

static void on_heard(void *arg, bool answered)
{
    struct parting *p = arg;
    if (answered && parting_is_in(p->session, str_of(p->room_id)))
        parting_forget(p->node, p->session);
    p->done(p->arg, answered);
    session_release(p->session);
    mem_free(p);
}

void parting_start(struct node *n, struct session *s, parting_cb done, void *arg)
{
    struct parting *p = mem_alloc(sizeof *p);
    p->node = n;
    p->session = s;
    session_hold(s);
    p->done = done;
    p->arg = arg;
    memcpy(p->room_id, s->room->room_id, sizeof p->room_id);
    inbox_fill_then(n, s->room, on_heard, p);
}
