/* Composes the welcome push; with it the session begins. */
#include "gateway/welcome.h"

#include "common/clock.h"
#include "common/log.h"
#include "gateway/resume.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/tell.h"

enum { COMPOSE_BYTES = 1024 /* nearly every welcome fits */ };

/* head, value, a quote. */
static void add_text(struct buf *d, const char *head, const char *value)
{
    buf_add_text(d, head);
    buf_add_text(d, value);
    buf_add_text(d, "\"");
}

static void add_int(struct buf *d, const char *head, int64_t value)
{
    buf_add_text(d, head);
    buf_add_int(d, value);
}

/* The rooms he sits in, and those of the client's list that have ended. */
static void add_rooms(struct buf *d, const struct welcome *w)
{
    buf_add_text(d, ",\"rooms\":[");
    if (w->room_id) {
        add_text(d, "{\"roomId\":\"", w->room_id);
        buf_add_text(d, "}");
    }
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
    char space[COMPOSE_BYTES];
    struct buf d = buf_on(space, sizeof space);
    add_text(&d, "{\"sessionId\":\"", s->session_id);
    add_text(&d, ",\"playerId\":\"", s->player_id);
    add_text(&d, ",\"socketId\":\"", s->socket_id);
    add_text(&d, ",\"instanceId\":\"", n->realm.instance_id);
    add_text(&d, ",\"resumeToken\":\"", w->resume->token);
    add_int(&d, ",\"resumeTtlMs\":", set->session_ttl_ms);
    add_int(&d, ",\"serverTime\":", (int64_t)clock_wall_ms());
    add_int(&d, ",\"pingMs\":", set->ping_ms);
    buf_add_text(&d, w->recovered ? ",\"recovered\":true" : ",\"recovered\":false");
    buf_add_text(&d, s->realm->backend->durable ? ",\"durable\":true" : ",\"durable\":false");
    add_int(&d, ",\"limits\":{\"messageMaxBytes\":", set->message_max_bytes);
    add_int(&d, ",\"messagesPerSecond\":", set->rate_per_second);
    if (w->queued) {
        add_int(&d, "},\"queue\":{\"level\":", s->level);
        add_text(&d, ",\"ticketId\":\"", s->ticket_id);
        buf_add_text(&d, "}");
    } else {
        buf_add_text(&d, "},\"queue\":null");
    }
    add_rooms(&d, w);
    tell_welcome(s->conn, s->socket_id, w->resume, w->recovered, buf_str(&d));
    buf_close(&d);
    log_info("session.attached", KV("player", s->player_id), KV("socket", s->socket_id),
             KV("state", session_state_name(s->state)), KV("address", conn_address(s->conn)),
             KV("recovered", w->recovered ? "true" : "false"));
}
