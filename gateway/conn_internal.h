/* The inside of a connection, and what the connections of one server share: for conn.c, ws.c and server.c
 * only.
 *
 * conn.c decides (states, deadlines, limits) and never touches a socket: it puts a connection that has
 * something to send or to end on a list. ws.c empties the lists at the end of each loop pass, outside of all
 * callbacks of libwebsockets. */
#ifndef GATEWAY_CONN_INTERNAL_H
#define GATEWAY_CONN_INTERNAL_H

#include "common/list.h"
#include "common/loop.h"
#include "gateway/addresses.h"
#include "gateway/outbox.h"
#include "gateway/ratelimit.h"
#include "gateway/wheel.h"

struct lws; /* libwebsockets' connection; only ws.c looks inside */
struct conn_handshake;

struct conn {
    /* Used for every message: the first cache lines. */
    struct lws *wsi; /* NULL when CLOSED */
    struct conn_env *env;
    void *user;
    struct outbox outbox;
    size_t replay_bytes; /* of what waits, missed events: beyond the limit */
    struct list flush;   /* in env->dirty (OPEN) or env->ending (CLOSING), or nowhere */
    uint64_t heard_at_ms;
    unsigned char state;    /* enum conn_state of conn.h */
    unsigned char dialect;  /* enum dialect */
    bool pinged;            /* and nothing was heard since */
    bool ready;             /* conn_ready was called */
    bool overdue;           /* at the last look something was missing; since then its socket had a turn */
    bool transport_closing; /* libwebsockets is closing: nothing may be written any more */
    bool kill;              /* end it at once, without waiting for the peer */
    bool outbox_used;       /* since the clock last looked */
    bool over_capacity;     /* beyond the limits, only to be told so */

    /* A message that arrives in pieces; NULL between messages. */
    char *partial;
    size_t partial_size, partial_capacity;
    int64_t fragments; /* frames of the present message so far */
    struct ratelimit limit;

    /* The clock. */
    struct wheel_entry timer;
    uint64_t opened_at_ms, pinged_at_ms, ping_ms;

    struct list all; /* in env->all */
    struct sio *sio; /* see conn_sio */
    uint64_t number;
    uint32_t holds;
    uint32_t attachments;     /* binary messages to throw away ... */
    int64_t attachment_bytes; /* ... the present one so far */
    int close_code;           /* 0 until known */
    char *close_reason;       /* owned; NULL: the code's own sentence, or none from the peer */
    char address[ADDRESSES_TEXT_SIZE];
};

struct conn_rules { /* see struct server_options */
    int64_t message_max_bytes, fragments_max, outbox_max_bytes, rate_burst;
    uint64_t hello_ms, ping_ms, pong_wait_ms;
};

struct conn_events { /* see struct server_events */
    void *arg;
    void (*on_open)(void *arg, struct conn *c, const struct conn_handshake *h);
    void (*on_message)(void *arg, struct conn *c, struct str text);
    void (*on_close)(void *arg, struct conn *c, int code, const char *reason);
};

struct conn_env {
    struct loop *loop;
    struct conn_rules rules;
    struct conn_events events;
    /* Writes as much of c's outbox as the socket takes now; called when an outbox is full, before c is judged
     * too slow. */
    void (*write_now)(struct conn *c);
    struct list all; /* every connection that is not CLOSED */
    size_t count;
    struct list dirty;  /* OPEN, with something to send */
    struct list ending; /* CLOSING, with something to do about it now */
    struct wheel wheel;
    struct frame *ping, *socketio_ping;
    uint64_t ticked_at_ms, grace_until_ms;
    bool stalled;      /* the present tick came late: the process was frozen or starved */
    uint64_t numbers;  /* given out so far */
    unsigned received; /* messages since the last flush */
};

void conn_env_init(struct conn_env *env, struct loop *loop, const struct conn_rules *rules,
                   const struct conn_events *events, void (*write_now)(struct conn *c));
void conn_env_close(struct conn_env *env); /* all connections must be CLOSED */
/* How often conn_env_tick should be called. */
uint64_t conn_env_tick_ms(const struct conn_env *env);
/* Carries out what has become due: pings, missing hellos and pongs, closes that linger. */
void conn_env_tick(struct conn_env *env, uint64_t now_ms);

/* The transport's life, as ws.c reports it. */
struct conn *conn_opened(struct conn_env *env, struct lws *wsi,
                         const struct conn_handshake *h); /* fires on_open */
void conn_heard(struct conn *c);                          /* anything came from the peer */
/* A piece of a text message: `rest` bytes of its frame are still to come, `final` with the last piece of the
 * message. */
void conn_received(struct conn *c, struct str piece, uint64_t rest, bool final);
/* A piece of a binary message of `bytes`. */
void conn_received_binary(struct conn *c, size_t bytes, bool final);
void conn_writable(struct conn *c); /* a write that was stuck has gone out */
/* libwebsockets or the peer ends the connection; code 0 = without saying why. Our own earlier code and reason
 * stand. */
void conn_ends(struct conn *c, int code, struct str reason);
void conn_closed(struct conn *c); /* fires on_close, gives up the transport's hold */
/* The sentence for the Close frame, at most 123 bytes. */
struct str conn_close_sentence(const struct conn *c);

#endif
