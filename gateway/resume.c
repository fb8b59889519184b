/* Reads hello.resume. */
#include "gateway/resume.h"

static const int64_t NUMBER_MAX = INT64_C(9007199254740991); /* what JavaScript holds */

static bool read_id(const struct json_object *o, const char *key, char out[ID_SIZE])
{
    struct str id;
    return json_as_plain(json_get(o, key, NULL), &id) && id_valid(id) && str_copy(out, ID_SIZE, id);
}

/* A number of the room's first epoch, or {"epoch":E,"seq":N}. */
static bool read_position(struct json_value v, struct history_position *out)
{
    struct json_object o;
    const char *why;
    out->epoch = 1;
    if (v.type != JSON_OBJECT)
        return json_as_int(v, 0, NUMBER_MAX, &out->seq);
    return json_object_scan(v.raw, &o, &why) &&
           json_as_int(json_get(&o, "epoch", NULL), 1, NUMBER_MAX, &out->epoch) &&
           json_as_int(json_get(&o, "seq", NULL), 0, NUMBER_MAX, &out->seq);
}

static bool read_rooms(struct json_value v, struct resume *out)
{
    struct json_object rooms;
    const char *why;
    if (v.type == JSON_NONE || v.type == JSON_NULL)
        return true;
    if (v.type != JSON_OBJECT || !json_object_scan(v.raw, &rooms, &why) || rooms.count > RESUME_ROOMS_MAX)
        return false;
    for (size_t i = 0; i < rooms.count; i++) {
        struct str id = rooms.members[i].key;
        if (!id_valid(id) || !str_copy(out->rooms[i].room_id, ID_SIZE, id) ||
            !read_position(rooms.members[i].value, &out->rooms[i].at))
            return false;
    }
    out->room_count = rooms.count;
    return true;
}

bool resume_read(const struct request *request, struct resume *out, const char **why)
{
    *out = (struct resume){0};
    struct str raw;
    if (!decode_opt_raw(request, "resume", &raw, why))
        return false;
    if (raw.n == 0 || str_eq(raw, STR("null")))
        return true;
    struct json_object o;
    bool twice = false;
    if (!json_object_scan(raw, &o, why) || !read_id(&o, "session", out->session_id) ||
        !read_id(&o, "token", out->token) || !read_rooms(json_get(&o, "rooms", &twice), out) || twice) {
        *why = "resume must be {session, token, rooms:{roomId: last seq, or {epoch, seq}}} with at most 4 "
               "rooms, as welcome "
               "gave them";
        return false;
    }
    out->wanted = true;
    out->hello_id = request->id;
    return true;
}

bool resume_at(const struct resume *r, const char *room_id, struct history_position *at)
{
    *at = (struct history_position){.epoch = 1};
    for (size_t i = 0; i < r->room_count; i++) {
        if (strcmp(r->rooms[i].room_id, room_id) == 0) {
            *at = r->rooms[i].at;
            return true;
        }
    }
    return false;
}
