/* Composes matchFound, the one push that differs per player.
 *
 * The event in the room's log lists all players, each with the setup he gave; that goes out as it is, with
 * opponentId behind it. Clients of the system that this one replaces look for opponentSetup instead: it is
 * added for those who speak its dialect, and on a connection that has joined with its call. */
#include "gateway/found.h"

#include "gateway/cast.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "proto/messages.h"
#include "proto/setup.h"

static void add_opponent_setup(struct buf *out, const struct session *s, struct str found)
{
    struct json_object data;
    const char *why;
    if (conn_dialect(s->conn) == DIALECT_NATIVE && !s->original_form)
        return;
    buf_add_text(out, ",\"opponentSetup\":");
    setup_add_others(out,
                     json_object_scan(found, &data, &why) ? json_get(&data, "players", NULL).raw : STR("[]"),
                     str_of(s->player_id));
}

void found_push(struct session *s, const struct room_event *e, const char *opponent)
{
    if (!s->conn)
        return;
    char space[512];
    struct buf data = buf_on(space, sizeof space);
    buf_add(&data, e->data.p, e->data.n - 1); /* without the closing brace; it is an object with members */
    buf_add_text(&data, ",\"opponentId\":");
    if (opponent)
        buf_add_json(&data, str_of(opponent));
    else
        buf_add_text(&data, "null");
    add_opponent_setup(&data, s, e->data);
    buf_add_text(&data, "}");
    struct str text = buf_str(&data);
    struct cast x = cast_event(e, &text);
    cast_send(&x, s->conn, CONN_RELIABLE);
    cast_close(&x);
    buf_close(&data);
}

void found_again(struct session *s, const struct room *r, struct str players, int64_t confirm_by_ms)
{
    struct buf base = {0};
    buf_add_fmt(&base, "{\"roomId\":\"%s\",\"level\":%lld,\"players\":", r->room_id, (long long)r->level);
    buf_add_str(&base, players.n ? players : STR("[]"));
    buf_add_fmt(&base, ",\"confirmByMs\":%lld}", (long long)confirm_by_ms);
    found_push(s,
               &(struct room_event){
                   .event = STR(PUSH_MATCH_FOUND), .room_id = str_of(r->room_id), .data = buf_str(&base)},
               room_opponent(r, s->player_id));
    buf_close(&base);
}
