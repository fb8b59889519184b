/* Closes the sessions of which a sweep has left nothing, while this instance was taken for dead.
 *
 * How is that known? Our lease had run out since this session was attached, and the store has not lost any
 * data (lease.c: may_be_gone). The attach found no record of the player (`lost`), and made one just now (no
 * old socket stands in it): so the record was there, and a sweep has taken it away. It does so with those who
 * were idle, whose queue place was not taken back in time, or whose seat's grace is over. Who has a seat or a
 * place left has a record, and stays.
 *
 * Why not go on as if nothing had happened? The player may have been told nothing of what became of his
 * ticket or room. The way back through `hello.resume` tells him all of it, and is the way that every client
 * knows; the record just made goes with the connection. */
#include "gateway/gone.h"

#include "common/log.h"
#include "gateway/conn.h"
#include "gateway/session.h"
#include "gateway/tell.h"
#include "matchmaking/presence.h"
#include "proto/codes.h"

enum {
    SPREAD_MS = 500 /* a whole instance's players may be gone: they do not all come back at one moment */
};

bool gone_send_away(struct session *s, const struct presence_attached *now)
{
    bool gone = s->may_be_gone && now->lost && now->old_socket_id.n == 0;
    s->may_be_gone = false;
    if (!gone || !s->conn)
        return false;
    log_info("session.gone", KV("player", s->player_id), KV("socket", s->socket_id),
             KV("state", session_state_name(s->state)),
             KV("reason", "swept while this instance's lease was over"),
             KV("next", "closed with 4202, the client resumes"));
    tell_goodbye(s->conn, CLOSE_LEASE_LOST, 1 + (int64_t)(conn_number(s->conn) % SPREAD_MS));
    return true;
}
