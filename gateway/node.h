/* All that one gateway process owns, as pointers: the only thing that knows every room of the house.
 *
 * Handed to handlers, flows and the clock; the objects themselves (conn, session, room) do not know it. */
#ifndef GATEWAY_NODE_H
#define GATEWAY_NODE_H

#include "common/list.h"
#include "common/loop.h"
#include "matchmaking/realm.h"

struct digest;
struct settings;
struct server;
struct room;
struct room_event;
struct session;
struct sessions;
struct rooms;
struct estimate;
struct fleet;
struct lease;
struct clockwork;
struct detaches;
struct health;
struct drain;
struct island;
struct departed;

struct node {
    struct loop *loop;
    const struct settings *settings;
    struct backend *backend;
    struct realm realm;
    struct server *server;
    struct sessions *sessions;
    struct rooms *rooms;
    struct estimate *estimate;
    struct fleet *fleet;
    struct lease *lease;
    struct clockwork *clockwork;
    struct detaches *detaches;
    struct health *health;
    struct loop_timer *surface_timer; /* surface.c's */
    struct drain *drain;
    struct island *island;
    struct departed *departed;
    struct digest *digest;
    uint64_t started_at_ms; /* wall clock */
    /* Called when players of ours were seated in a new room (confirm_members); keeps the delivery below the
     * requests. */
    void (*on_seated)(struct node *n, struct room *r);
    /* Called when an event and the local view of a player do not fit together (attach_again). */
    void (*on_doubt)(struct node *n, struct session *s);
    /* Called with every event of a room that is delivered here, before it is (adopt_event). */
    void (*on_event)(struct node *n, struct room *r, const struct room_event *e);
    /* Called when a session that was moving has arrived, or stays after all (dispatch_kept). */
    void (*on_settled)(struct node *n, struct session *s);
    /* Called when an instance is heard of that the last heartbeat did not list (lease_beat asks again). */
    void (*on_stranger)(struct node *n);
    struct list strangers; /* inbox.c's: messages that wait for that answer */
    size_t stranger_count;
    size_t attaching; /* attach flows under way: a drain waits for them */
};

#endif
