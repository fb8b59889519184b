/* A room as this instance sees it: its local members, where the other seats are, and the order of its events.
 *
 * The truth is in the store; this object exists while a member sits here. It never delivers an event out of
 * order: the next number is delivered, lower ones are dropped, higher ones wait (at most ROOM_HELD_MAX) for
 * the gap to be filled. */
#ifndef GATEWAY_ROOM_H
#define GATEWAY_ROOM_H

#include "common/id.h"
#include "common/list.h"
#include "common/loop.h"
#include "gateway/history.h"

struct copy;
struct realm;
struct session;

enum { ROOM_HELD_MAX = 256, ROOM_SEATS_MAX = 64, ROOM_GAP_MS = 50 };
enum room_status { ROOM_WAITING, ROOM_ACTIVE };

struct room_place {                                /* where a seat is */
    char player_id[ID_SIZE], instance_id[ID_SIZE]; /* instance empty: in grace */
};
struct room_held { /* an event that came too early */
    struct list link;
    int64_t seq;
    size_t bytes;
    char text[];
};
struct room_waiter { /* a reply that goes out once this event has been delivered */
    struct list link;
    struct history_position at;
    int64_t request_id;
    struct session *session; /* held */
    size_t bytes;
    char data[];
};

struct room {
    /* Used for every message: the first cache lines. */
    struct list members; /* struct session.in_room */
    enum room_status status;
    unsigned remote_count; /* places on other instances */
    struct rooms *all;     /* the registry it stands in */
    char room_id[ID_SIZE];
    struct history_position at; /* the last event delivered here */
    const struct realm *realm;  /* where its truth lives; borrowed */
    int64_t level;
    struct list held; /* struct room_held by seq */
    size_t held_count;
    struct list waiters; /* struct room_waiter by arrival */
    bool filling;        /* the log is being read */
    bool fill_again;     /* ... and once more then */
    /* An event of this epoch came that does not continue ours: replies wait until the log has been read. 0 =
     * no. */
    int64_t astray_epoch;
    uint64_t compared_at_ms;      /* monotonic: when its number was last compared with the store's */
    struct copy *copy;            /* owned; NULL unless the room may go on without the store (adopt.h) */
    struct loop_timer *gap_timer; /* NULL until the first gap */
    size_t place_count;
    struct room_place *places; /* place_count */
};

struct rooms; /* the registry: room id -> room */
/* on_gap: a gap has stood for ROOM_GAP_MS (see room_gap). It may free the room. */
typedef void (*rooms_gap_cb)(void *arg, struct room *r);
struct rooms *rooms_new(struct loop *l, const char *own_instance_id /* copied */, rooms_gap_cb on_gap,
                        void *arg);
void rooms_free(struct rooms *all); /* with all its rooms; their members must be gone */
size_t rooms_count(const struct rooms *all);
/* How many were removed so far: as long as this stays, pointers to rooms are good. */
uint64_t rooms_removed(const struct rooms *all);
struct room *rooms_find(const struct rooms *all, struct str room_id);
struct room *rooms_get(struct rooms *all,
                       struct str room_id); /* makes it if needed: seq 0, waiting, no members */
void rooms_each(struct rooms *all, void (*fn)(void *arg, struct room *r), void *arg);
/* Frees it; all members and waiters must be gone (room_leave, room_waiters_take). */
void rooms_remove(struct rooms *all, struct room *r);

void room_enter(struct room *r,
                struct session *s); /* links and points; leaving another room first is the caller's duty */
void room_leave(struct session *s); /* no-op if in none */
void room_place_set(struct room *r, struct str player_id, struct str instance_id);
void room_place_drop(struct room *r, struct str player_id);
void room_places_clear(struct room *r);
/* The first player of its places who is not this one; NULL: there is none. */
const char *room_opponent(const struct room *r, const char *player_id);
static inline bool room_has_remote(const struct room *r) /* does somebody sit on another instance? */
{
    return r->remote_count > 0;
}

enum room_order {
    ROOM_DELIVER,
    ROOM_DROP,
    ROOM_HOLD,
    ROOM_OVERFLOW /* too many held: fill the gap from the log now */
};
enum room_order room_order(const struct room *r, int64_t seq);
void room_hold(struct room *r, int64_t seq, struct str text);
struct room_held *
room_next_held(struct room *r); /* the held event seq + 1, unlinked, to be freed by the caller; or NULL */
int64_t room_held_last(const struct room *r); /* the highest number that waits; 0 = none */
/* An event came too early: unless the timer runs already, on_gap is called in ROOM_GAP_MS. */
void room_gap(struct room *r);
void room_drop_held(struct room *r, int64_t up_to_seq);
/* at: not delivered yet; of the present epoch, of the one that made the room go astray, or of a later one. */
void room_wait(struct room *r, struct history_position at, struct session *s, int64_t request_id,
               struct str data);
/* Does a reply to s wait for this number? */
bool room_waits(const struct room *r, const struct session *s, struct history_position at);
/* The first waiter whose event has been delivered (or any, with `all`), unlinked; or NULL. */
struct room_waiter *room_next_waiter(struct room *r, bool all);

#endif
