/* This instance as an island: while the store is away it has a realm of its own, in memory, for the rooms
 * whose players all sit here, and, once its own lease has surely run out, for whoever wants to play here.
 *
 * This file knows what lives there and with what it left the store; how rooms and players come there stands
 * in adopt.h, how they go home in homecoming.h, journey.h and passage.h. A session or room lives on the
 * island if its `realm` is the island's, and stays there until the store has it. */
#ifndef GATEWAY_ISLAND_H
#define GATEWAY_ISLAND_H

#include "common/buf.h"
#include "gateway/node.h"
#include "matchmaking/transfer.h"

struct journey;
struct map;
struct room_event;
struct rounds;
struct session;

struct island_room {
    char room_id[ID_SIZE];
    bool born;            /* the store never had it */
    int64_t seq;          /* the store's when it went */
    struct buf states;    /* owned: how the store may have it (transfer.h) */
    size_t session_count; /* of those who sat there in the store when it went */
    struct island_session {
        char player_id[ID_SIZE], session_id[ID_SIZE];
    } * sessions;            /* owned */
    struct journey *journey; /* it is on its way home; NULL: it is not */
    bool ended;              /* here; the store does not know yet */
    bool ending;             /* it is being told */
    char *reason, *result;   /* owned, if ended; result is raw JSON */
    unsigned refusals;       /* by the store, with an error that does not pass */
};

struct island {
    struct node *node;
    struct backend *backend; /* NULL: there is no island */
    struct realm realm;
    struct rounds *rounds; /* owned; adopt.c's */
    struct map *rooms;     /* room id -> struct island_room */
    bool open;             /* the lease has surely run out: whoever is here may play here */
    bool leaving;          /* the store is back: nobody comes here any more, nobody is matched here */
    bool opened;           /* it was open: tickets in the store may be of players who play here by now */
    bool failed;           /* one of them was not withdrawn: all are tried again */
    size_t withdrawing;    /* such tickets being taken out of the store */
    /* All monotonic: */
    uint64_t away_since_ms;        /* 0 = the store is not away */
    uint64_t cut_off_at_ms;        /* the last time it was seen to be away */
    uint64_t clock_ahead_us;       /* its wall clock less the monotonic one */
    uint64_t since_ms;             /* when the island came to be */
    uint64_t queues_at_ms;         /* the last rounds_queues */
    size_t travelling, passengers; /* rooms, and players without a room, on their way home */
    size_t attaching;              /* attach flows in this realm */
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
size_t island_rooms(const struct island *i);
/* In which realm is a new connection attached? Its realm stays as it is unless that is the island. resumes:
 * it may be somebody who plays there. false: nowhere now, for only the store knows where the player is, or
 * that is just being written back. */
bool island_receive(const struct island *i, struct session *s, bool resumes);
/* s has taken the place of `older`: what the store has given that one is its own. */
void island_inherit(const struct island *i, struct session *s, const struct session *older);
/* The session that was to be resumed is not known in `realm`: may the player begin anew? names_rooms: he says
 * he sits somewhere; if the store is away only it knows. */
bool island_may_begin(const struct island *i, const struct realm *realm, bool names_rooms);

/* s is, or is about to be, on its way home: what its client sends is kept for so long. */
bool island_holds(const struct island *i, const struct session *s);

/* A room is here now. base->states is copied. */
struct island_room *island_add(struct island *i, struct str room_id, const struct transfer_base *base);
/* As it was in the store when it went; borrowed. */
struct transfer_base island_base(const struct island_room *room);
/* One of those who sat in it in the store. Copied. */
void island_add_session(struct island_room *room, const char *player_id, const char *session_id);
/* An image of it was sent to the store, which may or may not have restored it. */
void island_may_be_home(struct island_room *room, const struct transfer_image *image);
struct island_room *island_find(const struct island *i, struct str room_id);
void island_remove(struct island *i, struct island_room *room);
/* Something has happened on the island: a match began there, a room ended. */
void island_note(struct island *i, const struct room_event *e);

#endif
