/* Reads the messages of room_events.
 *
 * Nearly all are written by instances, in one form: roomId, event, data, origin, then short members of known
 * names. What stands before the data is compared, what stands behind it is found from the end; the data,
 * which is most of the message, is never looked at. Text members hold ids, so that a quote ends them. A
 * message that deviates in anything goes the long way, which takes any JSON. */
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

static const char ORIGIN[] = ",\"originInstanceId\":\"";

/* What stands behind the data, found from the end: the last origin. Empty if there is none. */
static struct str tail_of(struct str message)
{
    const char *end = message.n ? message.p + message.n : message.p;
    for (const char *p = end; p > message.p;) {
        p = memrchr(message.p, ',', (size_t)(p - message.p));
        if (p == NULL)
            break;
        if ((size_t)(end - p) >= sizeof ORIGIN - 1 && memcmp(p, ORIGIN, sizeof ORIGIN - 1) == 0)
            return (struct str){p, (size_t)(end - p)};
    }
    return (struct str){0};
}

/* Cuts `literal` off the front of rest. */
static bool cut(struct str *rest, struct str literal)
{
    if (rest->n < literal.n || memcmp(rest->p, literal.p, literal.n) != 0)
        return false;
    *rest = (struct str){rest->p + literal.n, rest->n - literal.n};
    return true;
}

/* Cuts text up to a quote, and the quote, off the front of rest. */
static bool cut_text(struct str *rest, struct str *out)
{
    const char *quote = rest->n ? memchr(rest->p, '"', rest->n) : NULL;
    if (quote == NULL)
        return false;
    *out = (struct str){rest->p, (size_t)(quote - rest->p)};
    *rest = (struct str){quote + 1, rest->n - out->n - 1};
    return true;
}

static bool cut_int(struct str *rest, int64_t *out)
{
    enum { DIGITS_MAX = 15 }; /* fewer than 2^53-1 has */
    size_t n = 0;
    int64_t value = 0;
    while (n < rest->n && n < DIGITS_MAX && rest->p[n] >= '0' && rest->p[n] <= '9')
        value = value * 10 + (rest->p[n++] - '0');
    *out = value;
    *rest = (struct str){rest->p + n, rest->n - n};
    return n > 0;
}

static bool split_member(struct str *rest, struct str key, struct room_event *out)
{
    struct str ignored;
    if (cut(rest, STR("\""))) {
        struct str *text = str_eq(key, STR("skip"))       ? &out->skip_player_id
                           : str_eq(key, STR("place"))    ? &out->place
                           : str_eq(key, STR("requeued")) ? &out->requeued
                           : str_eq(key, STR("members"))  ? &ignored
                                                          : NULL;
        return text && cut_text(rest, text) && !memchr(text->p, '\\', text->n);
    }
    int64_t *number = str_eq(key, STR("timestamp")) ? &out->timestamp_ms
                      : str_eq(key, STR("seq"))     ? &out->seq
                      : str_eq(key, STR("epoch"))   ? &out->epoch
                      : str_eq(key, STR("from"))    ? &out->from_epoch
                                                    : NULL;
    return number && cut_int(rest, number);
}

bool events_split(struct str message, struct room_event *out)
{
    *out = (struct room_event){.text = message, .epoch = 1};
    struct str tail = tail_of(message), rest = {message.p, message.n - tail.n}, key;
    if (tail.n == 0 || !cut(&rest, STR("{\"roomId\":\"")) || !cut_text(&rest, &out->room_id) ||
        !cut(&rest, STR(",\"event\":\"")) || !cut_text(&rest, &out->event) || !cut(&rest, STR(",\"data\":")))
        return false;
    out->data = rest;
    (void)cut(&tail, STR(ORIGIN));
    bool good = cut_text(&tail, &out->origin_instance_id);
    while (good && cut(&tail, STR(",\"")))
        good = cut_text(&tail, &key) && cut(&tail, STR(":")) && split_member(&tail, key, out);
    if (!good || !str_eq(tail, STR("}")) || !id_valid(out->event) || rest.n == 0 ||
        (out->room_id.n > 0 && !id_valid(out->room_id)))
        return false;
    return out->seq == 0 || (rest.n > 1 && rest.p[0] == '{' && rest.p[rest.n - 1] == '}');
}

bool events_from(struct str message, const char *instance_id)
{
    struct str tail = tail_of(message), origin;
    return cut(&tail, STR(ORIGIN)) && cut_text(&tail, &origin) && str_eq(origin, str_of(instance_id));
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
