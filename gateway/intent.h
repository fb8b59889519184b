/* A client's request while the store is being asked: who asked, under which id, about which room. */
#ifndef GATEWAY_INTENT_H
#define GATEWAY_INTENT_H

#include "common/buf.h"
#include "gateway/history.h"
#include "gateway/node.h"

struct session;

struct intent {
    struct node *node;
    struct session *session; /* held; its conn may be gone meanwhile */
    int64_t request_id;      /* 0 = no reply wanted */
    int64_t level;           /* join: the wanted one */
    int64_t after_ms;        /* setTurnDeadline: the limit */
    unsigned tries;
    struct history_position asked_at; /* where the player's room stood; 0, 0 = in none */
    struct buf text;                  /* endGame: the result, for the room's copy */
    char room_id[ID_SIZE];            /* or empty */
    char ticket_id[ID_SIZE];          /* join, leave */
};
struct intent *intent_new(struct node *n, struct session *s, int64_t request_id, struct str room_id);
void intent_free(struct intent *p);
/* Any outcome but "OK", told to the client. REPLACED, GONE and LEASE, and what may or may not have happened,
 * put the session in doubt: it is attached again, and that says who holds the player. request_id 0 = an error
 * is pushed. */
void intent_refused(struct session *s, int64_t request_id, struct realm_outcome o);
/* The same for a request about a room: if the store does not know of a seat that we know of, we are the one
 * who errs (a frozen process, a lost event): the player is attached again, and may ask again. */
void intent_refused_in_room(const struct intent *p, struct realm_outcome o);
/* The store has carried it out, now or before: up to this id nothing is to be done again. */
void intent_done(const struct intent *p);
/* Replies ok with composed data. */
__attribute__((format(printf, 2, 3))) void intent_ok_fmt(const struct intent *p, const char *fmt, ...);

#endif
