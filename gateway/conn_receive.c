/* What a connection receives: messages put together from their pieces, within limits, and handed up. */
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/conn.h"
#include "gateway/conn_internal.h"
#include "proto/codes.h"

enum {
    FLUSH_MESSAGES = 1024, /* answers of that many messages still fit the cache */
    PARTIAL_MIN = 512,
};

static void deliver(struct conn *c, struct str text)
{
    struct conn_env *env = c->env;
    c->fragments = 0;
    if (!str_is_utf8(text)) {
        conn_close(c, CLOSE_UTF8, NULL);
        return;
    }
    metrics_add(METRIC_MESSAGES_IN, 1);
    env->events.on_message(env->events.arg, c, text);
    if (++env->received >= FLUSH_MESSAGES) {
        env->received = 0;
        loop_flush(env->loop);
    }
}

static void append(struct conn *c, struct str piece)
{
    size_t size = c->partial_size + piece.n;
    if (size > c->partial_capacity || c->partial == NULL) {
        size_t capacity = c->partial_capacity ? c->partial_capacity : PARTIAL_MIN;
        while (capacity < size)
            capacity *= 2;
        c->partial = mem_resize(c->partial, capacity);
        c->partial_capacity = capacity;
    }
    if (piece.n > 0)
        memcpy(c->partial + c->partial_size, piece.p, piece.n);
    c->partial_size = size;
}

static void deliver_partial(struct conn *c)
{
    char *text = c->partial;
    size_t n = c->partial_size;
    c->partial = NULL; /* the callback may do anything with c */
    c->partial_size = c->partial_capacity = 0;
    deliver(c, (struct str){text, n});
    mem_free(text);
}

void conn_received(struct conn *c, struct str piece, uint64_t rest, bool final)
{
    const struct conn_rules *rules = &c->env->rules;
    conn_heard(c);
    if (c->state != CONN_OPEN)
        return;
    if (rest == 0) /* the end of a frame */
        c->fragments++;
    if (c->partial_size + piece.n + rest > (uint64_t)rules->message_max_bytes) {
        conn_close(c, CLOSE_TOO_BIG, NULL);
    } else if (c->fragments > rules->fragments_max) {
        conn_close(c, CLOSE_POLICY, "A message came in too many fragments.");
    } else if (final && c->partial == NULL) {
        deliver(c, piece.n > 0 ? piece : STR(""));
    } else {
        append(c, piece);
        if (final)
            deliver_partial(c);
    }
}

void conn_received_binary(struct conn *c, size_t bytes, bool final)
{
    conn_heard(c);
    if (c->state != CONN_OPEN)
        return;
    c->attachment_bytes += (int64_t)bytes;
    if (c->attachments == 0) {
        conn_close(c, CLOSE_BINARY,
                   c->dialect == DIALECT_NATIVE
                       ? NULL
                       : "Binary packets are not understood; use Socket.IO's default parser and send JSON.");
    } else if (c->attachment_bytes > c->env->rules.message_max_bytes) {
        conn_close(c, CLOSE_TOO_BIG, NULL);
    } else if (final) {
        c->attachments--;
        c->attachment_bytes = 0;
    }
}
