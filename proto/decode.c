/* Reads one text frame of a client: the envelope, and typed access to its data.
 *
 * The frame is scanned strictly (common/json.h), once, and never turned into a tree; what comes out are
 * slices of the frame's own bytes, so that payloads can be relayed exactly as they were written. Nothing is
 * allocated.
 *
 * Strict where two readers could disagree: a known member that stands twice (also when one of the two is
 * spelled with escapes) is refused and not guessed at. Lenient where the future needs it: unknown members are
 * ignored.
 * The id is read before anything else is judged, so that the refusal of a bad request finds its way to the
 * caller who waits for it.
 *
 * What can fail is the client's fault only, and each refusal is a static sentence that says what to do.
 * Members are few and their names known, so the sentences stand in one table: adding a member? Give it a row.
 */
#include "proto/decode.h"

#include <stdio.h>

#include "common/id.h"

/* 2^53-1: the last integer on which all readers of JSON agree. */
static const int64_t ID_NUMBER_MAX = 9007199254740991;
enum { EVENT_BYTES_MAX = 64 };

static const struct {
    const char *key, *why;
} members[] = {
    {"level", "data.level must be an integer from 0 to the server's LEVEL_MAX (1000 unless set otherwise)."},
    {"setup", "data.setup must stand at most once: a JSON object of at most 1024 bytes; or leave it out."},
    {"addToQueue", "data.addToQueue must be an object, or left out: level alone is enough."},
    {"roomId",
     "data.roomId must be the roomId of your matchFound: a string of 1-64 characters of A-Z a-z 0-9 _ . : -"},
    {"message", "data.message must be there, once; any JSON value will do."},
    {"state", "data.state must be there, once; any JSON value will do."},
    {"gameData", "data.gameData must stand at most once; any JSON value will do."},
    {"turn", "data.turn must be an integer from 0 to 9007199254740991, or left out."},
    {"result",
     "data.result must be there, once; any JSON value will do, to the byte the same from every player."},
    {"expectedVersion",
     "data.expectedVersion must be an integer from 0 to 9007199254740991: the version you last saw."},
    {"resume",
     "data.resume must be {session, token, rooms:{roomId: last seq}} as welcome gave them, or left out."},
    {"ms", "data.ms must be an integer from 100 to 86400000: milliseconds from now."},
    {"volatile", "data.volatile must be true or false, or left out."},
    {"echo", "data.echo must be true or false, or left out."},
    {"token", "data.token must be a string without backslashes: the token as your backend issued it."},
    {"resume", "data.resume must be {session, token, rooms} as welcome gave them, or be left out."},
    {"playerId", "data.playerId must be a string of 1-64 characters of A-Z a-z 0-9 _ . : -"},
};

static const char *member_why(const char *key)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].key, key) == 0)
            return members[i].why;
    return "A member of data is missing, stands twice or has the wrong type; PROTOCOL.md lists what this "
           "event takes.";
}

/* Puts what the scanner found into a sentence for the client. */
static enum code not_json(struct request *out, const char **why)
{
    snprintf(out->sentence, sizeof out->sentence, "Send one object of strict JSON per message; this one: %s.",
             *why);
    *why = out->sentence;
    return CODE_BAD_REQUEST;
}

static bool read_id(const struct json_object *envelope, struct request *out, const char **why)
{
    bool twice = false;
    struct json_value id = json_get(envelope, "id", &twice);
    if (id.type == JSON_NONE && !twice)
        return true;
    if (!twice && json_as_int(id, 1, ID_NUMBER_MAX, &out->id))
        return true;
    *why = "id must be one integer from 1 to 9007199254740991; leave it out if you want no reply.";
    return false;
}

static bool read_event(const struct json_object *envelope, struct request *out, const char **why)
{
    bool twice = false;
    struct json_value event = json_get(envelope, "event", &twice);
    struct str name;
    if (twice || !json_as_plain(event, &name) || name.n == 0 || name.n > EVENT_BYTES_MAX) {
        *why = "event must be there, once: a string of 1-64 bytes without backslashes.";
        return false;
    }
    out->event = name;
    return true;
}

static bool read_data(const struct json_object *envelope, struct request *out, const char **why)
{
    bool twice = false;
    struct json_value data = json_get(envelope, "data", &twice);
    if (twice) {
        *why = "data must stand at most once.";
        return false;
    }
    out->data_raw = data;
    if (out->kind == MSG_PING || data.type == JSON_NONE)
        return true;
    if (data.type != JSON_OBJECT) {
        *why = "data must be an object; leave it out if the event needs none.";
        return false;
    }
    bool read_already = out->data.text.p == data.raw.p; /* else its key was written with escapes */
    if (read_already ? !out->data.crowded : json_object_scan(data.raw, &out->data, why))
        return true;
    *why = "data must have at most 64 members."; /* all else was checked with the envelope */
    return false;
}

static enum code read_request(const struct json_object *envelope, struct request *out, const char **why)
{
    if (!read_id(envelope, out, why) || !read_event(envelope, out, why))
        return CODE_BAD_REQUEST;
    out->kind = message_find(out->event);
    if (out->kind == MSG_UNKNOWN)
        return message_refuse(out->event, why);
    return read_data(envelope, out, why) ? CODE_OK : CODE_BAD_REQUEST;
}

enum code decode_request(struct str text, struct request *out, const char **why)
{
    struct json_object envelope; /* neither this nor out->data is cleared: each holds 2.5 KB of members */
    out->kind = MSG_UNKNOWN;
    out->event = (struct str){NULL, 0};
    out->id = 0;
    out->data_raw = (struct json_value){JSON_NONE, {NULL, 0}};
    if (!json_object_scan_with(text, &envelope, STR("data"), &out->data, why))
        return not_json(out, why);
    enum code code = read_request(&envelope, out, why);
    if (code != CODE_OK)
        out->data.count = 0;
    return code;
}

/* The member, JSON_NONE if absent; false if it stands twice. */
static bool find(const struct request *r, const char *key, struct json_value *out)
{
    bool twice = false;
    *out = json_get(&r->data, key, &twice);
    return !twice;
}

static bool refuse(const char *key, const char **why)
{
    *why = member_why(key);
    return false;
}

bool decode_int(const struct request *r, const char *key, int64_t min, int64_t max, int64_t *out,
                const char **why)
{
    struct json_value v;
    return (find(r, key, &v) && json_as_int(v, min, max, out)) || refuse(key, why);
}

bool decode_opt_int(const struct request *r, const char *key, int64_t min, int64_t max, int64_t fallback,
                    int64_t *out, const char **why)
{
    struct json_value v;
    if (!find(r, key, &v))
        return refuse(key, why);
    if (v.type == JSON_NONE) {
        *out = fallback;
        return true;
    }
    return json_as_int(v, min, max, out) || refuse(key, why);
}

bool decode_opt_bool(const struct request *r, const char *key, bool fallback, bool *out, const char **why)
{
    struct json_value v;
    if (!find(r, key, &v))
        return refuse(key, why);
    if (v.type == JSON_NONE) {
        *out = fallback;
        return true;
    }
    return json_as_bool(v, out) || refuse(key, why);
}

bool decode_id(const struct request *r, const char *key, struct str *out, const char **why)
{
    struct json_value v;
    struct str text;
    if (!find(r, key, &v) || !json_as_plain(v, &text) || !id_valid(text))
        return refuse(key, why);
    *out = text;
    return true;
}

bool decode_opt_raw(const struct request *r, const char *key, struct str *out, const char **why)
{
    struct json_value v;
    if (!find(r, key, &v))
        return refuse(key, why);
    *out = v.type == JSON_NONE ? (struct str){NULL, 0} : v.raw;
    return true;
}

bool decode_raw(const struct request *r, const char *key, struct str *out, const char **why)
{
    struct json_value v;
    if (!find(r, key, &v) || v.type == JSON_NONE)
        return refuse(key, why);
    *out = v.raw;
    return true;
}

bool decode_opt_plain(const struct request *r, const char *key, struct str *out, const char **why)
{
    struct json_value v;
    if (!find(r, key, &v))
        return refuse(key, why);
    if (v.type == JSON_NONE) {
        *out = (struct str){NULL, 0};
        return true;
    }
    return json_as_plain(v, out) || refuse(key, why);
}
