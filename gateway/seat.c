/* Lets players enter and leave the local view of a room after an attach. */
#include "gateway/seat.h"

#include "common/log.h"
#include "gateway/confirm.h"
#include "gateway/conn.h"
#include "gateway/deliver.h"
#include "gateway/inbox.h"
#include "gateway/island.h"
#include "gateway/parting.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/tell.h"

void seat_hand_over(struct node *n, struct session *s, char left_room_id[ID_SIZE])
{
    struct session *older = sessions_put(n->sessions, s);
    if (!older)
        return;
    island_inherit(n->island, s, older);
    if (older->room) {
        memcpy(left_room_id, older->room->room_id, ID_SIZE);
        room_leave(older);
    }
    log_info("session.replaced", KV("player", s->player_id), KV("socket", older->socket_id),
             KV("by", s->socket_id));
    tell_goodbye(older->conn, CLOSE_REPLACED, 0); /* its own detach then finds its fence stale */
}

struct room *seat_enter(struct node *n, struct session *s, const char *room_id,
                        const struct presence_reseated *seat)
{
    if (!parting_is_in(s, str_of(room_id)))
        parting_forget(n, s);
    struct room *r = rooms_find(n->rooms, str_of(room_id));
    if (!r) {
        r = rooms_get(n->rooms, str_of(room_id));
        r->at = (struct history_position){seat->epoch, seat->seq};
        r->realm = s->realm;
    }
    session_answered(s, seat->answered_id);
    s->unknown_id = 0;
    r->level = seat->level;
    deliver_renew(r, seat->status, seat->place);
    if (s->room != r) {
        room_enter(r, s);
        session_move(s, SESSION_IN_ROOM, "took the seat again");
        conn_ping_every(s->conn, (uint64_t)n->settings->ping_ms);
    }
    return r;
}

bool seat_stay(struct node *n, struct session *s, const char *room_id, const struct presence_reseated *seat)
{
    if (s->catching_up || !parting_is_in(s, str_of(room_id)))
        return false;
    (void)seat_enter(n, s, room_id, seat);
    inbox_events(n, s->realm, seat->events);
    confirm_if_waiting(n, s, str_of(room_id));
    return true;
}
