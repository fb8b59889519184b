/* Reads the messages of room_events. */
#include "matchmaking/events.h"

#include "common/err.h"
#include "common/id.h"
#include "common/json.h"

/* A member that must be a plain string if present. */
static bool text_member(const struct json_object *o, const char *key, struct str *out)
{
    struct json_value v = json_get(o, key, NULL);
    return v.type == JSON_NONE || json_as_plain(v, out);
}

static bool int_member(const struct json_object *o, const char *key, int64_t *out)
{
    struct json_value v = json_get(o, key, NULL);
    return v.type == JSON_NONE || json_as_int(v, 0, INT64_C(9007199254740991), out);
}

bool events_parse(struct str message, struct room_event *out, const char **why)
{
    struct json_object o;
    *out = (struct room_event){.text = message};
    if (!json_object_scan(message, &o, why))
        return false;
    *why = "roomId, event, originInstanceId, skip, place and requeued must be plain strings";
    if (!text_member(&o, "roomId", &out->room_id) || !text_member(&o, "event", &out->event) ||
        !text_member(&o, "originInstanceId", &out->origin_instance_id) ||
        !text_member(&o, "skip", &out->skip_player_id) || !text_member(&o, "place", &out->place) ||
        !text_member(&o, "requeued", &out->requeued))
        return false;
    *why = "timestamp, seq, epoch and from must be whole numbers";
    out->epoch = 1;
    if (!int_member(&o, "timestamp", &out->timestamp_ms) || !int_member(&o, "seq", &out->seq) ||
        !int_member(&o, "epoch", &out->epoch) || !int_member(&o, "from", &out->from_epoch))
        return false;
    *why = "event must be a name of 1-64 characters";
    if (!id_valid(out->event))
        return false;
    *why = "roomId must be an id";
    if (out->room_id.n && !id_valid(out->room_id))
        return false;
    struct json_value data = json_get(&o, "data", NULL);
    *why = "a numbered event's data must be an object";
    if (out->seq > 0 && data.type != JSON_OBJECT)
        return false;
    out->data = data.raw;
    return true;
}

/* The origin stands behind the data, so it is looked for from the end: the additions behind it are short. */
bool events_from(struct str message, const char *instance_id)
{
    static const char key[] = "\"originInstanceId\":\"";
    size_t id_bytes = strlen(instance_id), need = sizeof key - 1 + id_bytes + 1;
    if (message.n < need)
        return false;
    for (const char *p = message.p + message.n - need; p >= message.p; p--) {
        if (*p == '"' && memcmp(p, key, sizeof key - 1) == 0)
            return memcmp(p + sizeof key - 1, instance_id, id_bytes) == 0 &&
                   p[sizeof key - 1 + id_bytes] == '"';
    }
    return false;
}

bool events_next_seat(struct str *place, struct event_seat *out)
{
    if (place->n == 0)
        return false;
    struct str one = str_cut(place, ' ');
    out->player_id = str_cut(&one, '|');
    out->instance_id = str_cut(&one, '|');
    out->socket_id = one;
    return true;
}
