/* A virtual gateway: what a real one believes and does, without sockets. */
#ifndef TESTS_LIB_SIM_GATEWAY_H
#define TESTS_LIB_SIM_GATEWAY_H

#include "gateway/history.h"
#include "tests/lib/sim_calls.h"

struct copy;
struct sim_island;
struct sim_message { /* heard, not yet read */
    struct list link;
    struct str text; /* owned */
};

struct sim_view { /* a room as this gateway sees it */
    struct list link;
    char room[ID_SIZE];
    struct history_position at;
    int64_t level;
    bool active, filling, fill_again, gap;
    bool island;       /* it goes on there */
    struct copy *copy; /* owned; NULL: none. From it the room can go there */
    /* What it was told without a break: from there, and a hash of it. */
    struct history_position from;
    uint64_t told;
};

enum sim_passage { SIM_FAILED, SIM_THERE, SIM_REPLACED };
enum sim_session_state { SIM_ATTACHING, SIM_IDLE, SIM_QUEUED, SIM_SEATED };
struct sim_session {
    struct list link;
    uint64_t number;
    struct sim_client *client;
    char socket[ID_SIZE], ticket[ID_SIZE];
    bool over;         /* the ticket has led to a game, or has ended otherwise: it is not handed in again */
    int64_t joined_ms; /* with this ticket */
    int64_t fence, level;
    enum sim_session_state state;
    struct sim_view *view; /* SEATED */
    bool resume;           /* its client wants its old session back */
    unsigned busy;         /* so many requests of the client are under way */
    bool attaching;        /* an attach is under way */
    bool doubt;            /* attach again */
    bool differed;         /* the last comparison with the store did not agree */
    bool island;           /* it lives there; fleet_fence: what the store gave it, 0 if it began there */
    bool moving;           /* on the way home */
    bool closed;           /* its connection ended on the way */
    int64_t fleet_fence;
    bool inherited;           /* that was given to an older one of the player */
    enum sim_passage passage; /* how the way home ended; what the store says he is: */
    bool home_room, home_queued, home_same;
    int64_t home_level;
    int64_t answered_id, unknown_id; /* requests, as gateway/session.h */
    struct history_position unknown_at;
};

struct sim_gateway {
    struct sim *sim;
    unsigned index;
    struct realm realm;
    struct batch *batch;              /* owned: calls of one script go together */
    enum sim_call_kind last_kind;     /* of the last call */
    size_t collected[SIM_CALL_KINDS]; /* calls in it that have not been answered */
    uint64_t reached, carried_out;    /* calls that were handed to the store, and that it has answered */
    bool alive, draining, retiring, retired; /* in this order; a retired one is replaced */
    bool stalled; /* frozen before its last calls were written to the line: they go out when it thaws */
    uint64_t frozen_until_us, away_until_us; /* away: the store cannot be reached */
    int64_t epoch, fence;                    /* fence: the highest one it was given */
    int64_t run, beats, answered; /* which store it was, its last beat, and the last that was answered */
    unsigned line;                /* to the store: the first, the second, ... */
    bool trusts;                  /* the store has said who it is since the line was made */
    bool beating, polling;
    struct sim_island *island; /* owned; NULL: there is none */
    bool on_island;            /* what is being read was said there */
    bool held;                 /* it renews no lease */
    uint64_t lost_since_us, beat_sent_us, renewed_us, data_lost_us;
    uint64_t beat_at_us, poll_at_us, sweep_at_us;
    struct list sessions, views, messages;
    struct list wire, answers; /* struct sim_call: not yet at the store; answered, and not yet read */
    struct list put_off;       /* struct sim_call: detaches to be tried again */
    char sweeping[ID_SIZE];    /* "": nobody */
    unsigned sweep_waiting;    /* detaches under way */
    unsigned of_island;        /* detaches in the store of sessions that lived on an island: not yet done */
    unsigned calls_under_way;  /* answers that have not been read */
};

struct sim_gateway *sim_gateway_new(struct sim *s, unsigned index);
void sim_gateway_free(struct sim_gateway *g);
bool sim_gateway_works(const struct sim_gateway *g); /* alive and not frozen */

void sim_gateway_tick(struct sim_gateway *g); /* what its timers do now */
bool sim_gateway_read(struct sim_gateway *g); /* one answer or message; false: there is none */
void sim_gateway_hear(struct sim_gateway *g, struct str text);

/* A client connects, or its connection goes away. */
void sim_gateway_connect(struct sim_gateway *g, struct sim_client *c);
void sim_gateway_drop(struct sim_gateway *g, struct sim_session *s);
struct sim_session *sim_gateway_session(struct sim_gateway *g, uint64_t number); /* NULL: gone */
/* A request of the client of s. */
void sim_gateway_ask(struct sim_gateway *g, struct sim_session *s, struct sim_call c);

void sim_gateway_kill(struct sim_gateway *g);
void sim_gateway_freeze(struct sim_gateway *g, uint64_t until_us);
void sim_gateway_lose_store(struct sim_gateway *g, uint64_t until_us);
void sim_gateway_thaw(struct sim_gateway *g); /* first thing after a freeze */
void sim_gateway_back(struct sim_gateway *g); /* the store is back */

void sim_gateway_match(struct sim_gateway *g, int64_t level);

#endif
