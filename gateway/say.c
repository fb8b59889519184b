/* Composes what players say, and relays volatile messages. */
#include "gateway/say.h"

#include <stdio.h>

#include "common/clock.h"
#include "gateway/cast.h"
#include "gateway/deliver.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/tell.h"
#include "proto/messages.h"

/* The hottest path there is. The message is copied twice and looked at by nobody: into the frame that all
 * local members share, and, if a member sits elsewhere, into the PUBLISH. Both are put together from the same
 * pieces, on the stack. */

enum {
    DATA_HEAD_BYTES = sizeof "{\"roomId\":\"\",\"sender\":\"\",\"playerId\":\"\",\"message\":" + 3 * ID_MAX,
    PUBLISH_BYTES = 2048, /* a longer one is composed in memory of its own */
};

static void compose_head(struct buf *out, const struct session *s, struct str room_id)
{
    buf_add_text(out, "{\"roomId\":\"");
    buf_add_str(out, room_id);
    buf_add_text(out, "\",\"sender\":\"");
    buf_add_text(out, s->socket_id);
    buf_add_text(out, "\",\"playerId\":\"");
    buf_add_text(out, s->player_id);
    buf_add_text(out, "\",\"message\":");
}

void say_compose(struct buf *out, const struct session *s, struct str room_id, struct str message)
{
    compose_head(out, s, room_id);
    buf_add_str(out, message);
    buf_add_text(out, "}");
}

/* To the channels of the instances with members of the room, or to the one that all listen to. */
static void publish(struct node *n, const struct room *r, struct str json)
{
    const struct realm *realm = &n->realm;
    struct backend *b = n->backend;
    if (strcmp(realm->rules.events_mode, "direct") != 0) {
        b->ops->publish(b, str_of(realm->channel), json);
        return;
    }
    for (size_t i = 0; i < r->place_count; i++) {
        const char *to = r->places[i].instance_id;
        bool told = !*to || strcmp(to, realm->instance_id) == 0;
        for (size_t k = 0; k < i && !told; k++)
            told = strcmp(r->places[k].instance_id, to) == 0;
        if (told)
            continue;
        char channel[sizeof realm->channel + 1 + ID_SIZE];
        int bytes = snprintf(channel, sizeof channel, "%s:%s", realm->channel, to);
        b->ops->publish(b, (struct str){channel, (size_t)bytes}, json);
    }
}

/* As room_events has it (matchmaking/events.h), without a number. */
static void tell_others(struct node *n, const struct room *r, struct str data_head, struct str message,
                        int64_t now_ms)
{
    if (strcmp(n->realm.rules.events_mode, "all") != 0 && !room_has_remote(r))
        return;
    char space[PUBLISH_BYTES];
    struct buf json = buf_on(space, sizeof space);
    buf_add_text(&json, "{\"roomId\":\"");
    buf_add_str(&json, str_of(r->room_id));
    buf_add_text(&json, "\",\"event\":\"" PUSH_GAME_MESSAGE "\",\"data\":");
    buf_add_str(&json, data_head);
    buf_add_str(&json, message);
    buf_add_text(&json, "},\"originInstanceId\":\"");
    buf_add_text(&json, n->realm.instance_id);
    buf_add_text(&json, "\",\"timestamp\":");
    buf_add_int(&json, now_ms);
    buf_add_text(&json, "}");
    publish(n, r, buf_str(&json));
    buf_close(&json);
}

void say_at_once(struct node *n, struct session *s, int64_t request_id, struct str message, bool echo)
{
    struct room *r = s->room;
    int64_t now_ms = (int64_t)clock_wall_ms();
    char space[DATA_HEAD_BYTES];
    struct buf data_head = buf_on(space, sizeof space);
    compose_head(&data_head, s, str_of(r->room_id));
    const struct str parts[] = {buf_str(&data_head), message, STR("}")};
    struct cast x = {.push = {.event = STR(PUSH_GAME_MESSAGE), .room = str_of(r->room_id), .ts = now_ms},
                     .parts = parts,
                     .count = sizeof parts / sizeof *parts};
    deliver_volatile(r, &x, echo ? NULL : s);
    cast_close(&x);
    tell_others(n, r, buf_str(&data_head), message, now_ms);
    buf_close(&data_head);
    tell_ok(s->conn, request_id, (struct str){0});
}
