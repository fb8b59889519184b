/* Composes replies, errors and pushes of the native dialect as JSON text.
 *
 * Every message is envelope + payload. The payload (`data`) is raw JSON that was checked when it came in and
 * is copied untouched, so that a client reads back the very bytes another one wrote. The envelope is short
 * and of bounded length: it is put together in a buffer on the stack and appended in one go, so that
 * a push is three pieces: its head, its data, a brace.
 *
 * What can fail: nothing. Names of events and codes are ours or valid ids, a room is a valid id (id_valid):
 * they need no escaping. What others wrote, the message of an error, is escaped. */
#include "proto/encode.h"

#include "common/err.h"

static inline void put(struct encode_head *h, const char *bytes, size_t n)
{
    CHECK(n <= sizeof h->text - h->n);
    memcpy(h->text + h->n, bytes, n);
    h->n += n;
}
#define PUT(h, literal) put(h, literal, sizeof(literal) - 1)

static void put_int(struct encode_head *h, int64_t value)
{
    CHECK(sizeof h->text - h->n >= STR_INT_BYTES);
    h->n += str_from_int(h->text + h->n, value);
}

static void put_code(struct encode_head *h, enum code code)
{
    const char *name = code_name(code);
    PUT(h, "{\"code\":\"");
    put(h, name, strlen(name));
    PUT(h, "\",\"message\":");
}

static void finish(struct buf *out, const struct encode_head *h, struct str data)
{
    buf_add(out, h->text, h->n);
    if (data.n > 0)
        buf_add(out, data.p, data.n);
    else
        buf_add(out, "{}", 2);
    buf_add(out, "}", 1);
}

void encode_ok(struct buf *out, int64_t id, struct str data)
{
    struct encode_head h;
    h.n = 0;
    PUT(&h, "{\"id\":");
    put_int(&h, id);
    PUT(&h, ",\"ok\":true,\"data\":");
    finish(out, &h, data);
}

void encode_error_object(struct buf *out, const struct encode_error *e)
{
    struct encode_head h;
    h.n = 0;
    put_code(&h, e->code);
    buf_add(out, h.text, h.n);
    buf_add_json(out, str_of(e->message ? e->message : code_text(e->code)));
    h.n = 0;
    if (code_retryable(e->code))
        PUT(&h, ",\"retryable\":true");
    else
        PUT(&h, ",\"retryable\":false");
    if (e->retry_after_ms > 0) {
        PUT(&h, ",\"retryAfterMs\":");
        put_int(&h, e->retry_after_ms);
    }
    if (e->extra.n > 0)
        PUT(&h, ",");
    buf_add(out, h.text, h.n);
    buf_add_str(out, e->extra);
    buf_add(out, "}", 1);
}

void encode_error(struct buf *out, int64_t id, const struct encode_error *e)
{
    struct encode_head h;
    h.n = 0;
    if (id != 0) {
        PUT(&h, "{\"id\":");
        put_int(&h, id);
        PUT(&h, ",\"ok\":false,\"error\":");
    } else {
        PUT(&h, "{\"event\":\"error\",\"data\":");
    }
    buf_add(out, h.text, h.n);
    encode_error_object(out, e);
    buf_add(out, "}", 1);
}

void encode_error_body(struct buf *out, const struct encode_error *e)
{
    buf_add_text(out, "{\"error\":");
    encode_error_object(out, e);
    buf_add(out, "}", 1);
}

/* What stands between the event's name and the data. */
static void put_place(struct encode_head *h, struct str room, int64_t seq, int64_t ts)
{
    if (room.n > 0) {
        CHECK(room.n <= ID_MAX);
        PUT(h, ",\"room\":\"");
        put(h, room.p, room.n);
        PUT(h, "\"");
    }
    if (seq != 0) {
        PUT(h, ",\"seq\":");
        put_int(h, seq);
    }
    if (ts != 0) {
        PUT(h, ",\"ts\":");
        put_int(h, ts);
    }
    PUT(h, ",\"data\":");
}

struct str encode_push_head(struct encode_head *h, struct str event, struct str room, int64_t seq, int64_t ts)
{
    h->n = 0;
    CHECK(event.n <= ENCODE_EVENT_MAX);
    PUT(h, "{\"event\":\"");
    put(h, event.p, event.n);
    PUT(h, "\"");
    put_place(h, room, seq, ts);
    return (struct str){h->text, h->n};
}

void encode_push(struct buf *out, struct str event, struct str room, int64_t seq, int64_t ts, struct str data)
{
    struct encode_head h;
    (void)encode_push_head(&h, event, room, seq, ts);
    finish(out, &h, data);
}
