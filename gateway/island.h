/* This instance as an island: while the store is away it has a realm of its own, in memory, for the rooms
 * whose players all sit here, and, once its own lease has surely run out, for whoever wants to play here.
 *
 * This file knows what lives there and with what it left the store; how rooms and players come there stands
 * in adopt.h, how they go home in homecoming.h. A session or room lives on the island if its `realm` is the
 * island's. */
#ifndef GATEWAY_ISLAND_H
#define GATEWAY_ISLAND_H

#include "gateway/node.h"
#include "matchmaking/transfer.h"

struct map;
struct room_event;
struct rounds;

struct island_room {
    char room_id[ID_SIZE];
    struct transfer_base base;    /* its `seats` is owned */
    bool ended;                   /* here; the store does not know yet */
    char *reason, *result;        /* owned, if ended; result is raw JSON */
    bool travelling;              /* homecoming.c is at work on it */
    size_t movers;                /* members who are being attached to the store */
    bool failed;                  /* one of them was not: tried again */
    struct transfer_image *image; /* owned; it has left the island */
};

struct island {
    struct node *node;
    struct backend *backend; /* NULL: there is no island */
    struct realm realm;
    struct rounds *rounds;     /* owned; adopt.c's */
    struct map *rooms;         /* room id -> struct island_room */
    bool opened;               /* it was open: tickets in the store may be of players who play here by now */
    bool failed;               /* one of them was not: all are tried again */
    size_t withdrawing;        /* such tickets being taken out of the store */
    bool open;                 /* the lease has surely run out: whoever is here may play here */
    bool leaving;              /* the store is back */
    uint64_t away_since_ms;    /* monotonic; 0 = the store is not away */
    uint64_t since_ms;         /* wall clock: when the island came to be */
    uint64_t queues_at_ms;     /* monotonic: the last rounds_queues */
    size_t travelling, movers; /* rooms and players on their way home */
};
struct island *island_new(struct node *n);
void island_free(struct island *i);
/* At the end of the process: answers what is pending there. */
void island_close(struct island *i);
/* Makes the realm: empty, with this instance alive in it. */
void island_begin(struct island *i);
/* Nothing lives there any more: the realm goes. */
void island_end(struct island *i);
bool island_is(const struct island *i); /* is there one now? */
/* In which realm is a new connection attached? It stays as it is unless that is the island. resumes: it may
 * be somebody who plays there. false: nowhere now, for where the player is, is just being written back. */
bool island_receive(const struct island *i, bool resumes, const struct realm **realm);
/* The session that was to be resumed is not known in `realm`: may the player begin anew? names_rooms: he says
 * he sits somewhere; if the store is away only it knows. */
bool island_may_begin(const struct island *i, const struct realm *realm, bool names_rooms);

/* A room is here now. The base's seats are copied. */
struct island_room *island_add(struct island *i, struct str room_id, const struct transfer_base *base);
struct island_room *island_find(const struct island *i, struct str room_id);
void island_remove(struct island *i, struct island_room *room);
/* Something has happened on the island: a match began there, a room ended. */
void island_note(struct island *i, const struct room_event *e);

#endif
