/* Confirms seats of local players, by script. */
#include "gateway/confirm.h"

#include "common/log.h"
#include "gateway/tell.h"
#include "gateway/inbox.h"
#include "gateway/intent.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "matchmaking/room_state.h"

static void on_confirmed(void *arg, int err, const struct reply *reply)
{
    struct intent *p = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (realm_said(o, "OK"))
        inbox_events(p->node, p->session->realm, reply_at(reply, 2));
    /* What was published before the room was known here has passed by unseen: the log has it. */
    struct room *r = rooms_find(p->node->rooms, str_of(p->room_id));
    if (r && !o.err && (!realm_said(o, "OK") || r->at.seq < reply_int(reply, 3)))
        inbox_fill(p->node, r);
    if (realm_said(o, "OK")) {
        intent_ok_fmt(p, "{\"status\":\"%.*s\"}", (int)reply_str(reply, 1).n, reply_str(reply, 1).p);
    } else if (p->request_id) {
        intent_refused_in_room(p, o);
    } else if (err) { /* the confirm deadline dissolves the match if this was not carried out */
        log_limited(LOG_WARN, "match.confirm_failed", KV("player", p->session->player_id),
                    KV("room", p->room_id), KV("next", "the confirm deadline decides"));
    }
    intent_free(p);
}

void confirm_seat(struct node *n, struct session *s, struct str room_id, int64_t request_id)
{
    struct intent *p = intent_new(n, s, request_id, room_id);
    room_state_confirm(s->realm,
                       &(struct room_seat){.room_id = room_id,
                                           .player_id = str_of(s->player_id),
                                           .socket_id = str_of(s->socket_id)},
                       on_confirmed, p);
}

void confirm_members(struct node *n, struct room *r)
{
    if (!n->settings->confirm_auto)
        return;
    LIST_EACH(it, &r->members)
    {
        struct session *s = OWNER(it, struct session, in_room);
        if (!s->confirmed)
            confirm_seat(n, s, str_of(r->room_id), 0);
    }
}

void confirm_if_waiting(struct node *n, struct session *s, struct str room_id)
{
    struct room *r = rooms_find(n->rooms, room_id);
    if (!r)
        return;
    if (r->status == ROOM_WAITING && n->settings->confirm_auto)
        confirm_seat(n, s, room_id, 0);
    inbox_fill(n, r); /* what was published before the room was known here has passed by unseen */
}
