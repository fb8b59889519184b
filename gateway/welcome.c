/* Composes the welcome push; with it the session begins. */
#include "gateway/welcome.h"

#include "common/clock.h"
#include "common/log.h"
#include "gateway/resume.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/tell.h"
#include "proto/messages.h"

/* The rooms he sits in, and those of the client's list that have ended. */
static void add_rooms(struct buf *d, const struct welcome *w)
{
    buf_add_text(d, ",\"rooms\":[");
    if (w->room_id)
        buf_add_fmt(d, "{\"roomId\":\"%s\"}", w->room_id);
    for (size_t i = 0, listed = w->room_id != NULL; i < w->resume->room_count; i++) {
        if (w->room_id && strcmp(w->resume->rooms[i].room_id, w->room_id) == 0)
            continue;
        buf_add_fmt(d, "%s{\"roomId\":\"%s\",\"ended\":true}", listed++ ? "," : "",
                    w->resume->rooms[i].room_id);
    }
    buf_add_text(d, "]}");
}

void welcome_push(const struct node *n, struct session *s, const struct welcome *w)
{
    const struct settings *set = n->settings;
    s->welcomed = true;
    if (s->state == SESSION_ATTACHING)
        session_move(s, w->queued ? SESSION_QUEUED : SESSION_IDLE, "attached");
    conn_ready(s->conn);
    struct buf d = {0};
    buf_add_fmt(&d, "{\"sessionId\":\"%s\",\"playerId\":\"%s\",\"socketId\":\"%s\",\"instanceId\":\"%s\"",
                s->session_id, s->player_id, s->socket_id, n->realm.instance_id);
    buf_add_fmt(&d, ",\"resumeToken\":\"%s\",\"resumeTtlMs\":%lld", w->resume->token,
                (long long)set->session_ttl_ms);
    buf_add_fmt(&d, ",\"serverTime\":%llu,\"pingMs\":%lld,\"recovered\":%s,\"durable\":%s",
                (unsigned long long)clock_wall_ms(), (long long)set->ping_ms, w->recovered ? "true" : "false",
                s->realm->backend->durable ? "true" : "false");
    buf_add_fmt(&d, ",\"limits\":{\"messageMaxBytes\":%lld,\"messagesPerSecond\":%lld}",
                (long long)set->message_max_bytes, (long long)set->rate_per_second);
    if (w->queued)
        buf_add_fmt(&d, ",\"queue\":{\"level\":%lld,\"ticketId\":\"%s\"}", (long long)s->level, s->ticket_id);
    else
        buf_add_text(&d, ",\"queue\":null");
    add_rooms(&d, w);
    tell_push(s->conn, PUSH_WELCOME, buf_str(&d));
    buf_close(&d);
    log_info("session.attached", KV("player", s->player_id), KV("socket", s->socket_id),
             KV("state", session_state_name(s->state)), KV("address", conn_address(s->conn)),
             KV("recovered", w->recovered ? "true" : "false"));
}
