/* Reads what a player says about himself, and writes it for the others in the original's form.
 *
 * The object travels as it was written: players[i].setup of matchFound is the same bytes. Only opponentSetup,
 * which clients of the original system read, is composed: there playerId says who it is about, so one that
 * was given is left out, however its key is spelled, and the true one stands in its place. */
#include "proto/setup.h"

static const char NO_OBJECT[] =
    "setup (or addToQueue.playerSetup) must stand once: a JSON object of at most 64 "
    "members, nested at most 28 deep; or leave it out.";
static const char LARGE[] =
    "setup (or addToQueue.playerSetup) must have at most 1024 bytes as JSON; send the "
    "rest with updatePlayerState.";

/* Where it stands in a message of room_events, which is to be read again: event, data, players, player,
 * setup.
 */
enum { DEPTH_IN_EVENT = 5 };

static struct json_value in_original(const struct request *r, bool *bad)
{
    struct json_value outer = json_get(&r->data, "addToQueue", bad);
    struct json_object members;
    const char *why;
    if (outer.type != JSON_OBJECT)
        return (struct json_value){.type = JSON_NONE};
    if (!json_object_scan(outer.raw, &members, &why)) { /* valid by itself: it can only have too many */
        *bad = true;
        return (struct json_value){.type = JSON_NONE};
    }
    return json_get(&members, "playerSetup", bad);
}

bool setup_original(const struct request *r)
{
    return json_get(&r->data, "addToQueue", NULL).type == JSON_OBJECT;
}

enum code setup_read(const struct request *r, struct str *out, const char **why)
{
    bool bad = false;
    struct json_object members;
    const char *reason;
    struct json_value v = json_get(&r->data, "setup", &bad);
    *out = (struct str){NULL, 0};
    if (v.type == JSON_NONE && !bad)
        v = in_original(r, &bad);
    if (v.type == JSON_NONE && !bad)
        return CODE_OK;
    if (v.raw.n > SETUP_BYTES_MAX) {
        *why = LARGE;
        return CODE_TOO_LARGE;
    }
    if (v.type != JSON_OBJECT || !json_object_scan_at(v.raw, DEPTH_IN_EVENT, &members, &reason)) {
        *why = NO_OBJECT;
        return CODE_BAD_REQUEST;
    }
    *out = v.raw;
    return CODE_OK;
}

/* A key may be spelled with escapes; between its quotes it is a JSON string like any other. */
static bool is_player_id(struct str key)
{
    char text[sizeof "playerId"];
    size_t n;
    struct json_value quoted = {JSON_STRING, {key.p - 1, key.n + 2}};
    return json_as_text(quoted, text, sizeof text, &n) && str_eq((struct str){text, n}, STR("playerId"));
}

static void add_one(struct buf *out, struct str player_id, struct json_value setup)
{
    struct json_object given;
    const char *why;
    buf_add_text(out, "{\"playerId\":");
    buf_add_json(out, player_id);
    if (setup.type == JSON_OBJECT && json_object_scan(setup.raw, &given, &why))
        for (size_t i = 0; i < given.count; i++) {
            struct str key = given.members[i].key;
            if (is_player_id(key))
                continue;
            buf_add_text(out, ",\"");
            buf_add_str(out, key);
            buf_add_text(out, "\":");
            buf_add_str(out, given.members[i].value.raw);
        }
    buf_add_text(out, "}");
}

void setup_add_others(struct buf *out, struct str players, struct str viewer_id)
{
    size_t at = 0, count = 0;
    buf_add_text(out, "[");
    for (struct json_value v; (v = json_array_next(players, &at)).type == JSON_OBJECT;) {
        struct json_object player;
        struct str player_id;
        const char *why;
        if (!json_object_scan(v.raw, &player, &why) ||
            !json_as_plain(json_get(&player, "id", NULL), &player_id) || str_eq(player_id, viewer_id))
            continue;
        buf_add_text(out, count++ ? "," : "");
        add_one(out, player_id, json_get(&player, "setup", NULL));
    }
    buf_add_text(out, "]");
}
