/* Carries bytes between one socket and its link: all replies of a read, all commands of a loop pass at once.
 *
 * hiredis makes the connection (dial.c); from then on this file does, since per reply hiredis' asynchronous
 * side allocates a tree and a callback and looks its channel up in a dictionary: together more than all else
 * that a relayed message costs.
 *
 * Output gathers in `out`, and the owner's flush hook writes it once per loop pass. Only if the kernel takes
 * less is the socket watched for room; until there is some, nothing is tried.
 *
 * Input is read in large pieces. One read per pass falls behind a busy fleet for ever, so it is repeated
 * while it fills the buffer, up to a bound that leaves the other sockets their turn. Replies borrow from the
 * buffer; what is left of one that is not complete moves to its front.
 *
 * Death: on_reply may drop or free the stream. `depth` counts the frames that still need it; when the last
 * one leaves, the owner is told and the handle closed. */
#include "common/redis/link_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "common/mem.h"
#include "common/redis/resp.h"

enum { READS_MAX = 64, IN_BYTES = 64 << 10, ROOM_MIN = 16 << 10, KEEP_BYTES = 1 << 20 };

struct link_stream {
    uv_poll_t poll;
    int fd, armed; /* UV_READABLE | UV_WRITABLE: what libuv watches */
    struct link_stream_events events;
    struct resp resp;
    char *in; /* IN_BYTES or more, the first in_bytes are filled */
    size_t in_bytes, in_capacity;
    size_t in_need; /* fewer bytes hold no complete reply */
    struct buf out;
    unsigned depth;
    bool dropped;
    char why[128];
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void arm(struct link_stream *s, int events)
{
    if (s->armed == events)
        return;
    s->armed = events;
    uv_poll_start(&s->poll, events, on_poll);
}

static void fail(struct link_stream *s, const char *why)
{
    if (s->dropped)
        return; /* the first cause is the cause */
    s->dropped = true;
    snprintf(s->why, sizeof s->why, "%s", why);
}

static void on_closed(uv_handle_t *handle)
{
    struct link_stream *s = handle->data;
    resp_close(&s->resp);
    buf_close(&s->out);
    mem_free(s->in);
    mem_free(s);
}

static void leave(struct link_stream *s)
{
    if (--s->depth > 0 || !s->dropped)
        return;
    struct link_stream_events events = s->events;
    char why[sizeof s->why];
    memcpy(why, s->why, sizeof why);
    s->depth++; /* nothing may come back to it */
    uv_close((uv_handle_t *)&s->poll, on_closed);
    close(s->fd);
    if (events.on_gone != NULL)
        events.on_gone(events.arg, why);
}

/* ---- input ---- */

/* Hands over all replies that are complete, and moves the rest to the front. */
static void hand_over(struct link_stream *s)
{
    size_t at = 0;
    while (s->in_bytes - at >= s->in_need && s->in_bytes > at && !s->dropped) {
        struct reply reply;
        size_t bytes = 0;
        enum resp_said said = resp_read(&s->resp, (struct str){s->in + at, s->in_bytes - at}, &reply, &bytes);
        if (said == RESP_BROKEN) {
            fail(s, "what the server says is no reply");
        } else if (said == RESP_MORE) {
            s->in_need = bytes;
        } else {
            s->in_need = 0;
            at += bytes;
            s->events.on_reply(s->events.arg, &reply);
        }
    }
    s->in_bytes -= at;
    if (at > 0 && s->in_bytes > 0)
        memmove(s->in, s->in + at, s->in_bytes);
}

/* Room for the next read: for all that is known to come, within reason. */
static void make_room(struct link_stream *s)
{
    size_t capacity = s->in_capacity;
    if (capacity > KEEP_BYTES && s->in_bytes == 0)
        capacity = IN_BYTES;
    while (capacity - s->in_bytes < ROOM_MIN)
        capacity *= 2;
    if (capacity != s->in_capacity)
        s->in = mem_resize(s->in, capacity);
    s->in_capacity = capacity;
}

static void read_all(struct link_stream *s)
{
    for (int i = 0; i < READS_MAX && !s->dropped; i++) {
        make_room(s);
        size_t room = s->in_capacity - s->in_bytes;
        ssize_t n = recv(s->fd, s->in + s->in_bytes, room, 0);
        if (n == 0)
            fail(s, "Server closed the connection");
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            fail(s, strerror(errno));
        if (n <= 0)
            return;
        s->in_bytes += (size_t)n;
        hand_over(s);
        if ((size_t)n < room)
            return;
    }
}

/* ---- output ---- */

static void write_out(struct link_stream *s)
{
    ssize_t n = send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        fail(s, strerror(errno));
    size_t rest = s->out.len - (n > 0 ? (size_t)n : 0);
    arm(s, rest == 0 ? UV_READABLE : UV_READABLE | UV_WRITABLE);
    if (rest > 0)
        memmove(s->out.data, s->out.data + s->out.len - rest, rest);
    s->out.len = rest;
    if (rest == 0 && s->out.cap > KEEP_BYTES)
        buf_close(&s->out);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct link_stream *s = poll->data;
    if (status < 0) { /* libuv has stopped the handle; reading finds the error */
        s->armed = 0;
        events = UV_READABLE;
    }
    s->depth++;
    if (events & UV_READABLE)
        read_all(s);
    if ((events & UV_WRITABLE) && !s->dropped)
        write_out(s);
    if (!s->dropped && s->armed == 0)
        arm(s, UV_READABLE);
    leave(s);
}

void link_stream_flush(struct link_stream *s)
{
    if (s->out.len == 0 || s->dropped || (s->armed & UV_WRITABLE))
        return;
    s->depth++;
    write_out(s);
    leave(s);
}

void link_stream_read(struct link_stream *s)
{
    if (s->depth > 0)
        return;
    s->depth++;
    read_all(s);
    leave(s);
}

struct buf *link_stream_out(struct link_stream *s)
{
    return &s->out;
}

/* ---- life ---- */

struct link_stream *link_stream_new(struct loop *l, int fd, const struct link_stream_events *events)
{
    struct link_stream *s = mem_alloc(sizeof *s);
    if (uv_poll_init(loop_uv(l), &s->poll, fd) != 0) {
        close(fd);
        mem_free(s);
        return NULL;
    }
    s->poll.data = s;
    s->fd = fd;
    s->events = *events;
    s->in_capacity = IN_BYTES;
    s->in = mem_resize(NULL, IN_BYTES);
    arm(s, UV_READABLE);
    return s;
}

void link_stream_drop(struct link_stream *s)
{
    s->depth++;
    fail(s, "");
    leave(s);
}

void link_stream_free(struct link_stream *s)
{
    s->events.on_gone = NULL;
    link_stream_drop(s);
}
