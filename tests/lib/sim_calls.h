/* What virtual gateways ask, and how the answers come back. */
#ifndef TESTS_LIB_SIM_CALLS_H
#define TESTS_LIB_SIM_CALLS_H

#include "gateway/history.h"
#include "tests/lib/sim.h"

enum sim_call_kind {
    SIM_ATTACH,
    SIM_RESEAT,
    SIM_JOIN,
    SIM_LEAVE_QUEUE,
    SIM_MATCH,
    SIM_EXPIRE,
    SIM_CONFIRM,
    SIM_MESSAGE,
    SIM_SET,
    SIM_DEADLINE,
    SIM_READ,
    SIM_LEAVE_ROOM,
    SIM_END,
    SIM_DETACH,
    SIM_LOG,
    SIM_DUE,
    SIM_FIRE,
    SIM_BEAT,
    SIM_LEFTOVERS,
    SIM_OWN,
    SIM_RETIRE,
    SIM_WHERE,
    SIM_COPY,
    SIM_RESTORE_SESSION,
    SIM_RESTORE,
    SIM_CALL_KINDS
};
const char *sim_call_name(enum sim_call_kind kind);

/* One call: first what is asked, then (err, reply) what came of it. */
struct sim_call {
    struct list link; /* in a list of its gateway: first `wire`, then `answers` */
    struct sim_gateway *gateway;
    enum sim_call_kind kind;
    uint64_t session; /* number; 0: on nobody's behalf */
    char player[ID_SIZE], socket[ID_SIZE], room[ID_SIZE], ticket[ID_SIZE], owner[ID_SIZE];
    int64_t level, fence, number; /* number: have (log), version (-1 none), known epoch (beat) */
    int64_t after_ms;             /* of a turn's deadline */
    int64_t epoch;                /* of `number`; 0: not known */
    int64_t not_after_ms;         /* beat: until when it is good */
    int64_t run, beat,
        answered;    /* beat: the store that is known, this beat's number, the last one answered */
    int64_t request; /* the client's id of it; 0: none */
    char text[160];  /* message, state, vote, deadline's entry */
    unsigned line;   /* on which line of its gateway it was asked */
    bool again, leftover, game, resume, older;
    enum queue_how how;               /* join */
    int64_t since_ms;                 /* QUEUE_ENTER: how long ago he began to wait, 0 or less */
    bool careless;                    /* message: without an id, so it is not asked again */
    uint64_t place;                   /* among the calls of its gateway that reached the store */
    bool island;                      /* it is asked on the island: carried out at once */
    bool home;                        /* of the way home from there */
    bool of_island;                   /* detach: in the store, of one who lived there */
    bool with_room;                   /* restore_session, and what was answered there: */
    struct reply *carried;            /* owned */
    struct history_position asked_at; /* what was seen of the room then */
    bool lost;                        /* ran, but the answer will not come */
    bool more;                        /* the same call of the store has answered others, which come next */
    int err;
    struct reply *reply; /* owned */
};

/* A message's data as the gateway composes it. In one of fleet_text's places. */
const char *sim_call_message(const struct sim_call *c);
/* What goes with a ticket: with every other one nothing. In one of fleet_text's places. */
const char *sim_setup(const char *ticket);

/* Puts it on the gateway's line to the store; if it has lost the store, the answer is that. `asked` is
 * copied. */
void sim_call(struct sim_gateway *g, const struct sim_call *asked);
void sim_call_free(struct sim_call *c);
/* The next call reaches the store and is answered, with a message perhaps those behind it as well, as one
 * pass of the loop sends them. false: there is none. */
bool sim_calls_run(struct sim_gateway *g);
/* The line breaks: some of the calls on it still reach the store, and no answer comes. */
void sim_calls_cut(struct sim_gateway *g);

#endif
