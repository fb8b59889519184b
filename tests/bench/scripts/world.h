/* Two instances of a fleet without their sockets: what gateways ask of Redis, asked by a load tool.
 *
 * Each has what a gateway has towards its store: a realm, a batch, and the Redis back end with its two links
 * (so there are two subscribers of room_events). Leases are long, so that no heartbeat falls into the
 * measured time. */
#ifndef TESTS_BENCH_SCRIPTS_WORLD_H
#define TESTS_BENCH_SCRIPTS_WORLD_H

#include "matchmaking/realm.h"

enum { WORLD_INSTANCES = 2, WORLD_WAIT_MS = 600000 /* under valgrind everything takes long */ };

struct world_instance {
    struct world *world;
    struct backend *backend;
    struct batch *batch;
    struct realm realm;
    bool up;
    int beats;      /* heartbeats answered */
    uint64_t heard; /* numbered messages, published by whomever */
};
/* Players come in pairs: the first (even) one of a pair waits on a level of their own, the second is matched
 * with him. */
struct world_player {
    struct world_instance *home;
    struct world_player *partner;
    char player_id[ID_SIZE], socket_id[ID_SIZE], session_id[ID_SIZE], ticket_id[ID_SIZE], room_id[ID_SIZE];
    int64_t level, fence;
    int64_t request_id; /* of his last request */
    int64_t seq;        /* of the last message he said */
};
struct world {
    struct loop *loop;
    struct world_instance instances[WORLD_INSTANCES];
    struct world_player *players; /* owned */
    size_t count;
    uint64_t said;      /* numbered messages that Redis has answered */
    uint64_t published; /* of these, how many every instance must hear */
};
struct world_options {
    const char *redis_socket; /* path; borrowed for the call */
    size_t players;           /* even */
    bool same;                /* both players of a pair on one instance; else on two */
    bool confirm_auto;        /* CONFIRM */
};
/* Gives up (report.h) when Redis does not take both instances in. */
void world_open(struct world *w, const struct world_options *o);
void world_close(struct world *w);
/* Until every instance has heard all messages that were published; gives up when one is missing, and when
 * there are more. */
void world_hear(struct world *w);

#endif
