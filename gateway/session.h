/* A player on this instance: identity, fence, and whether he waits or plays. One per open, attached
 * connection.
 *
 * Lives from the handshake until its connection is gone and nobody holds it any more (asynchronous calls hold
 * it). The registry finds the player's present session; one that was replaced is no longer found. */
#ifndef GATEWAY_SESSION_H
#define GATEWAY_SESSION_H

#include "common/digest.h"
#include "common/id.h"
#include "common/list.h"
#include "gateway/history.h"

struct conn;
struct realm;
struct room;

enum session_state {
    SESSION_NEW,       /* the connection is open, no hello yet */
    SESSION_ATTACHING, /* identity known, the store is being asked */
    SESSION_IDLE,      /* attached; neither waiting nor playing */
    SESSION_QUEUED,    /* ticket_id and level are set */
    SESSION_IN_ROOM,   /* room is set, and in_room linked */
    SESSION_CLOSED,    /* the connection is gone or replaced; conn is NULL once it is */
};

struct session_kept { /* a client's message that is dealt with once the session has moved */
    struct list link;
    size_t bytes;
    char text[];
};
enum { SESSION_KEPT_MAX = 64, SESSION_KEPT_BYTES_MAX = 65536 };

struct session {
    /* Used for every message: the first cache lines. */
    struct list in_room;
    struct conn *conn; /* held while not NULL */
    struct room *room; /* borrowed; NULL unless IN_ROOM */
    enum session_state state;
    bool welcomed;    /* welcome was pushed: requests are taken */
    bool catching_up; /* missed events of the room are being fetched: later ones wait for them (catchup.c) */
    bool moving;      /* on its way home from the island: requests are kept, and a detach is the duty of
                         whoever moves it */
    struct history_position seen; /* events of the room up to here were caught up with */
    char socket_id[ID_SIZE], player_id[ID_SIZE];
    unsigned holds;
    const struct realm *realm; /* where the player's record lives: the fleet's, or the island's; borrowed */
    int64_t fence;             /* 0 until attached */
    int64_t fleet_fence; /* while it lives on the island: what the store has given it; 0 = it never attached
                            there */
    bool inherited;      /* that was given to an older connection of the player, whose place it took there */
    int64_t answered_id; /* the greatest request id that the store is known to have answered, on this
                            connection or on one before */
    int64_t unknown_id;  /* the greatest one that it may have carried out without our knowing, 0 = none ... */
    struct history_position unknown_at; /* ... asked when the room stood there, as seen from here */
    struct list kept;                   /* struct session_kept by arrival */
    size_t kept_count, kept_bytes;
    int64_t level;
    uint64_t joined_at_ms;        /* monotonic, of the running ticket */
    int64_t fleet_since_ms;       /* the same as the fleet's store had it, by its clock; 0 = not known */
    uint64_t token_expires_at_ms; /* wall clock, 0 = never */
    bool joining;                 /* joinMatchmaking is under way */
    bool attaching;               /* an attach flow runs */
    bool doubt;              /* what we believe may not be what the store knows: attach again (clockwork) */
    bool differed;           /* the last comparison with the store found a difference */
    uint64_t compared_at_ms; /* monotonic */
    bool may_be_gone;        /* our lease had run out since it was attached, and the store has lost nothing: a
                                sweep may have taken its record (gone.h) */
    bool attach_unknown;     /* an attach was asked and its answer lost: it may have happened */
    char ticket_id[ID_SIZE];
    char *setup; /* what he says about himself with ticket_id, raw JSON, owned; NULL = nothing, or told */
    bool original_form; /* this connection has joined with addToQueue: it reads opponentSetup */
    bool confirmed;     /* only while the answer to his join is read: the match has his seat confirmed */
    bool ticket_over;   /* ticket_id has led to a game or was given up: never handed in again (ticket.h) */
    char session_id[ID_SIZE];         /* outlives the connection: resume, request ids */
    char token_hash[DIGEST_HEX_SIZE]; /* of the resume token */
};

struct sessions; /* the registry: player id -> session */
struct sessions *sessions_new(void);
void sessions_free(struct sessions *all); /* must be empty of holders */
size_t sessions_count(const struct sessions *all);
/* fn for every registered session; it may close it. */
void sessions_each(struct sessions *all, void (*fn)(void *arg, struct session *s), void *arg);
/* Those that `pick` takes, in the order in which they began to wait: an array to be freed with mem_free,
 * never NULL. */
struct session **sessions_by_arrival(struct sessions *all, bool (*pick)(void *arg, struct session *s),
                                     void *arg, size_t *count);
struct session *sessions_find(const struct sessions *all, struct str player_id);
/* Registers under its player id; returns the one that stood there before (not freed), or NULL. */
struct session *sessions_put(struct sessions *all, struct session *s);
/* Unregisters if it is the one registered. */
void sessions_remove(struct sessions *all, struct session *s);

struct session *
session_new(struct conn *c,
            int64_t began_at_ms); /* state NEW, one hold; takes a hold on c; socket id is made here
         and says when it began: ms since 1970, by the store's clock as far as it is known */
void session_hold(struct session *s);
void session_release(struct session *s); /* frees at zero; CHECKs that it is in no room */
/* The only way to change state: checks the move, keeps the gauge of waiting players, logs. reason: for the
 * log. */
void session_move(struct session *s, enum session_state next, const char *reason);
/* The store has answered this request id: up to it nothing is to be done again. */
void session_answered(struct session *s, int64_t request_id);
/* Whether the store has carried it out is not known; it was asked when the room stood there. */
void session_unknown(struct session *s, int64_t request_id, struct history_position asked_at);
/* The greatest request id of which a room at this position may hold what was done, but whose answer cannot be
 * given without the store. */
int64_t session_done_up_to(const struct session *s, struct history_position room_at);
/* Copies a message for later. false: that would be too many, or too much. */
bool session_keep(struct session *s, struct str text);
/* The oldest one, to be freed by the caller; NULL if there is none. */
struct session_kept *session_next_kept(struct session *s);
/* The connection is gone: lets go of it. */
void session_drop_conn(struct session *s);
const char *session_state_name(enum session_state state);

#endif
