/* The socket of an established connection to Redis: replies come out of it, commands go into it.
 *
 * Replies are read where they lie (resp.h). Commands are gathered in a buffer and leave with
 * link_stream_flush, once per loop pass. */
#ifndef COMMON_REDIS_LINK_STREAM_H
#define COMMON_REDIS_LINK_STREAM_H

#include <stdbool.h>
#include "common/buf.h"
#include "common/loop.h"
#include "common/reply.h"

struct link_stream;

struct link_stream_events {
    /* One reply; borrowed until return. */
    void (*on_reply)(void *arg, const struct reply *reply);
    /* The connection has failed (why: in words, borrowed) or was dropped (why: ""). At most once, from the
     * loop or from link_stream_flush, _read or _drop, never inside on_reply; the stream is invalid
     * afterwards. */
    void (*on_gone)(void *arg, const char *why);
    void *arg;
};

/* Takes the connected, non-blocking socket; NULL, and fd is closed: the loop refuses it. */
struct link_stream *link_stream_new(struct loop *l, int fd, const struct link_stream_events *events);
/* Where commands are appended in wire form; what it holds is not written yet. */
struct buf *link_stream_out(struct link_stream *s);
/* Writes what was gathered since the last time; cheap when there is nothing. What the kernel does not take
 * waits until it does. */
void link_stream_flush(struct link_stream *s);
/* Handles input that is already here, without waiting for the loop to say so. No effect inside on_reply. */
void link_stream_read(struct link_stream *s);
/* Closes it without a goodbye; on_gone follows, at once or behind the reply at hand. */
void link_stream_drop(struct link_stream *s);
/* The same without on_gone. */
void link_stream_free(struct link_stream *s);

#endif
