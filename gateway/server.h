/* The listening edge: accepts sockets, speaks WebSocket and HTTP through libwebsockets, hands up connections
 * and requests.
 *
 * lws_ names stand only in server.c, ws.c and http.c. One port serves WebSocket upgrades (path /ws) and plain
 * HTTP. */
#ifndef GATEWAY_SERVER_H
#define GATEWAY_SERVER_H

#include "common/loop.h"
#include "gateway/conn.h"
#include "gateway/http.h"

struct server;

struct server_events { /* called from the loop; arg is the same for all */
    void *arg;
    /* A WebSocket is open. May send or close. */
    void (*on_open)(void *arg, struct conn *c, const struct conn_handshake *h);
    /* One whole text message, valid UTF-8, within limits; borrowed until return. May close. */
    void (*on_message)(void *arg, struct conn *c, struct str text);
    /* The end of an opened connection, exactly once: our close code if we closed, else the peer's, else 1006.
     */
    void (*on_close)(void *arg, struct conn *c, int code, const char *reason);
    /* An HTTP request (GET, HEAD or POST with its body); answer now or later with http_respond, exactly once.
     */
    void (*on_http)(void *arg, struct http_request *r);
};

struct server_options {
    const char *host;                    /* "0.0.0.0", "::", "127.0.0.1" */
    int port;                            /* 0 = any free one, see server_port */
    int64_t message_max_bytes;           /* close 1009 above */
    int64_t fragments_max;               /* close 1008 above */
    int64_t outbox_max_bytes;            /* per connection */
    int64_t connections_max;             /* over_capacity or 503 above; checked at the handshake */
    int64_t connections_per_address_max; /* so or 429 above; IPv6 per /64; 0 = no limit */
    uint64_t hello_ms;                   /* close 4004 unless conn_ready by then */
    uint64_t ping_ms,
        pong_wait_ms; /* ping after this much silence; close 4201 when still silent so much later */
    /* Comma list, "*" or NULL = any; else 403 and a sentence naming ALLOWED_ORIGINS, also when there is no
     * Origin. */
    const char *allowed_origins;
    enum dialect socketio;       /* for Socket.IO's path; DIALECT_NATIVE: 404 there */
    int64_t rate_burst;          /* initial tokens of conn_ratelimit */
    int64_t http_body_max_bytes; /* 413 above */
    bool permessage_deflate;     /* offered to clients; only if server_can_inflate */
};

/* Does the libwebsockets we were built with survive compressed messages? */
bool server_can_inflate(void);

/* Listens; NULL with err (one clear line naming setting and value) on failure. options, strings included, are
 * borrowed for the server's life. */
struct server *server_new(struct loop *l, const struct server_options *options,
                          const struct server_events *events, char *err, size_t err_size);
int server_port(const struct server *s);
size_t server_connections(const struct server *s);
/* fn for every OPEN connection; fn may close it. */
void server_each(struct server *s, void (*fn)(void *arg, struct conn *c), void *arg);
/* The listening socket is closed (peers with SO_REUSEPORT take over); open connections stay. New upgrades on
 * kept-alive HTTP connections get 503. */
void server_stop_accepting(struct server *s);
/* Closes everything; on_closed when the last socket is gone or after 3 s. Then server_free after loop_run has
 * returned. */
void server_close(struct server *s, void (*on_closed)(void *arg), void *arg);
void server_free(struct server *s); /* NULL is fine */

#endif
