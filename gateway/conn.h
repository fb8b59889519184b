/* A client's connection as the rest of the gateway sees it: send, close, and nothing of libwebsockets.
 *
 * States: OPEN (messages flow both ways) -> CLOSING (our Close frame is out or the peer's came in; sends are
 * dropped) -> CLOSED (the transport is gone; the memory lives while somebody holds it). Sends are queued by
 * reference and leave in one write per loop pass. A full outbox drops volatile messages first; a numbered
 * stream is never thinned: the connection closes with CLOSE_TOO_SLOW instead. */
#ifndef GATEWAY_CONN_H
#define GATEWAY_CONN_H

#include "common/id.h"
#include "gateway/frame.h"
#include "gateway/ratelimit.h"
#include "proto/dialect.h"

struct conn;
struct sio;

enum conn_state { CONN_OPEN, CONN_CLOSING, CONN_CLOSED };
enum conn_send_mode {
    CONN_RELIABLE,
    CONN_VOLATILE,
    CONN_REPLAY, /* a missed event, bounded by its room's log: does not count towards the outbox's limit */
};

/* What the handshake said; borrowed until on_open returns. Query values are percent-decoded; empty if absent.
 */
struct conn_handshake {
    struct str path;      /* "/ws" */
    enum dialect dialect; /* by the path */
    struct str token;     /* ?token= */
    struct str player_id; /* ?playerId= (not yet checked) */
    bool wait_for_hello;  /* ?hello=1 */
    struct str address;   /* the peer's address as text */
    bool over_capacity;   /* accepted only to be told so: to be closed with 4100 */
};

enum conn_state conn_state(const struct conn *c);
uint64_t conn_number(const struct conn *c); /* unique in this process, for logs */
const char *conn_address(const struct conn *c);

/* The owner's pointer (the session); not touched here. NULL at first. */
void *conn_user(const struct conn *c);
void conn_set_user(struct conn *c, void *user);
/* The language of its client, and (dispatch's, NULL for native ones) what is to be known of a Socket.IO
 * client. */
enum dialect conn_dialect(const struct conn *c);
struct sio *conn_sio(const struct conn *c);
void conn_set_sio(struct conn *c, struct sio *sio);

/* Queues a frame (takes its own reference; the caller keeps his). Dropped silently unless OPEN. */
void conn_send(struct conn *c, struct frame *f, enum conn_send_mode mode);
/* conn_send of a new frame made from text. */
void conn_send_text(struct conn *c, struct str text);
/* Sends what is queued, then a Close frame with the code and its sentence (or `reason` if not NULL, <= 123
 * bytes), and ends the connection within 2 s whatever the peer does. on_close follows later, never before
 * return. May be called in any callback, more than once (the first code counts). */
void conn_close(struct conn *c, int code, const char *reason);

/* The client has said who he is: the deadline for hello no longer applies. How long he waits for his answer
 * is up to the store, and no fault of his. conn_await_hello: it applies once more, from now. */
void conn_ready(struct conn *c);
void conn_await_hello(struct conn *c);
/* So many binary messages may come now, and are thrown away; any other ends the connection with 1003. */
void conn_skip_binary(struct conn *c, uint32_t count);
/* How often to ping from now on (a queued player is watched more closely). */
void conn_ping_every(struct conn *c, uint64_t ms);
struct ratelimit *conn_ratelimit(struct conn *c);

/* Keeps the struct alive over asynchronous work; CLOSED connections may still be held. */
void conn_hold(struct conn *c);
void conn_release(struct conn *c);

#endif
