/* The parts of the model: players, waiting lists, rooms, instances; and what its files need of each other.
 *
 *     sim_model         life, copies, the dispatch
 *     sim_model_fleet   instances, their leases, the store they find, where.lua
 *     sim_model_word    which word each script must answer
 *     sim_model_player  attach, detach, reseat: who is connected where; his record
 *     sim_model_queue   the waiting lists, entry by entry
 *     sim_model_room    rooms, event by event
 *     sim_model_state   what is in a room: versions, states, reports, the record, the log
 *     sim_model_timer   deadlines by the fleet's clock
 *     sim_model_told    who has been told
 *
 * A call is followed in three steps: its word is compared with the one that is due, what it says is carried
 * out on the parts (every event checks what it needs), and then what must hold of them is checked. */
#ifndef TESTS_LIB_SIM_MODEL_PARTS_H
#define TESTS_LIB_SIM_MODEL_PARTS_H

#include "common/map.h"
#include "gateway/room.h"
#include "tests/lib/sim_gateway.h"
#include "tests/lib/sim_model.h"

enum {
    SEATS_MAX = ROOM_SEATS_MAX,
    LEVELS_MAX = 8,
    TEXT_MAX = 160,
    HAPPENINGS_MAX = 16,
    REQUESTS_KEPT = 64 /* as lib/once.lua */
};

struct model_done { /* a request that was answered `a|b` (lib/once.lua); request 0: there is none */
    int64_t request, a, b;
};

struct model_player {
    char id[ID_SIZE], ticket[ID_SIZE];
    char socket[ID_SIZE], instance[ID_SIZE];            /* "": not connected */
    enum { ABSENT, FREE, WAITING, AWAY, SEATED } state; /* ABSENT: without a record */
    int64_t level, fence, joined_ms, away_due_ms;
    struct model_room *room; /* SEATED */
    bool lost;               /* FREE: his record was lost and made anew for who held him */
    bool session;            /* he has a session record: with the fence, socket and ticket that it had last */
    int64_t session_fence;
    char session_socket[ID_SIZE], session_ticket[ID_SIZE];
    struct model_done done[REQUESTS_KEPT]; /* the last ones, of done_count */
    size_t done_count;
    int64_t greatest, floor;                /* the greatest id; up to there another store answered */
    struct model_done later[REQUESTS_KEPT]; /* answered on an island: they count when his room is here */
    size_t later_count;
};

struct model_queue {
    struct model_player **list; /* owned; longest waiting first */
    size_t count, cap;
};

struct model_seat {
    struct model_player *player;
    char socket[ID_SIZE], instance[ID_SIZE]; /* "": in grace */
    bool confirmed, reported;
    bool unheard; /* confirmed with the match, and the answer that told of it was lost: should the store lose
                     the match as well, the ticket is handed in again */
    int64_t fence, version, grace_due_ms;
    char state[TEXT_MAX], report[TEXT_MAX];
};

struct model_room {
    char id[ID_SIZE];
    bool active, ending, ended;
    int64_t level, epoch, run, version, turn, created_ms, updated_ms, last_ms, ended_ms;
    int64_t confirm_by_ms, confirm_due_ms, idle_due_ms, turn_due_ms; /* due 0: no such deadline */
    char data[TEXT_MAX];
    char cast[SEATS_MAX * ID_SIZE]; /* who had a seat when the last script had run */
    struct model_seat *seats;       /* owned; as many as the rules say, of which seat_count are there */
    size_t seat_count;
    char **events;       /* owned texts; number n is events[n - 1]; NULL: another store's */
    int64_t log_count;   /* so many of them are in the log */
    char image[ID_SIZE]; /* as which it came home; "": it did not */
    size_t count, cap;
};

struct model_instance {
    char id[ID_SIZE];
    bool listed; /* in the fleet table */
    int64_t lease_end_ms, epoch;
    int64_t beat; /* the number of its last one */
};

struct model_socket { /* in an instance's set; mapped as long as it is its player's */
    struct model_instance *instance;
    struct model_player *player;
};

struct model_told {   /* a message published by the script that is looked at */
    char to[ID_SIZE]; /* "": all */
    char *text;       /* owned */
    bool expected;
};

struct model_audience { /* the instances that must hear an event, each once */
    char instances[2 * SEATS_MAX][ID_SIZE];
    size_t count;
};

struct sim_model {
    struct sim *sim;
    const struct realm *realm; /* of an island; NULL: the store's */
    struct map *heard; /* texts of events that an instance has shown to its players since there are islands */
    struct map *said;  /* "player request" of the messages in its rooms */
    struct map *players, *rooms, *instances, *over_tickets;
    struct map *sockets; /* -> struct model_socket */
    /* Events that the store has lost: their texts (some may still be on their way) and their names. */
    struct map *lost, *lost_names;
    struct model_queue queues[LEVELS_MAX + 1];
    int64_t fence;
    int64_t server, run, came_with; /* the store's lineage: which process, its run, the fence it came with */
    int64_t shift_ms;               /* for so long nobody lived: the fleet's clock is behind by it */
    bool shift_kept;                /* the store keeps it, also if nothing waits for it */
    int64_t stopped_ms; /* since then no instance lives, the last one went in order, and something waits; else
                           0 */
    size_t matches, started, remote, live_rooms;
    int64_t happened[HAPPENINGS_MAX]; /* events of each kind */
    /* The call that is looked at: */
    const struct sim_call *call;
    struct model_told *told; /* owned */
    size_t told_count, told_cap;
    struct model_player *due[SEATS_MAX]; /* whom it must match, in this order */
    size_t due_count;
    struct model_room *touched; /* by its events; NULL: none */
};

#define SIM_MODEL_FAIL(m, ...) sim_fail((m)->sim, __VA_ARGS__)

static inline const struct realm_rules *sim_model_rules(const struct sim_model *m)
{
    return m->realm ? &m->realm->rules : &m->sim->rules;
}
static inline int64_t sim_model_now_ms(const struct sim_model *m)
{
    return sim_now_ms(m->sim);
}
static inline int64_t sim_model_fleet_ms(const struct sim_model *m) /* by which deadlines are due */
{
    return sim_now_ms(m->sim) - m->shift_ms;
}

/* sim_model.c */
/* The answer of the call that is looked at contradicts what the model knows of p, unless good. */
void sim_model_expect(struct sim_model *m, bool good, const struct model_player *p, const char *answer);
void sim_model_same(struct sim_model *m, int64_t got, int64_t expected, const char *what);
void sim_model_same_text(struct sim_model *m, struct str got, const char *expected, const char *what);
struct model_player *sim_model_player_of(struct sim_model *m, struct str id);  /* never NULL */
struct model_room *sim_model_room_of(struct sim_model *m, struct str id);      /* NULL: never heard of */
struct model_instance *sim_model_instance(struct sim_model *m, struct str id); /* never NULL */
bool sim_model_lives(struct sim_model *m, struct str instance_id);
const char *sim_model_origin(const struct sim_model *m); /* the instance that calls */

/* sim_model_word.c */
/* NULL: more than one is right. */
const char *sim_model_word(struct sim_model *m, const struct sim_call *c, struct model_player *p);

/* sim_model_once.c */
/* Has the request been done, and what was said? NULL: not, or too long ago. */
const struct model_done *sim_model_done(const struct model_player *p, int64_t request);
const char *sim_model_seen(const struct model_player *p, int64_t request); /* the word for it; NULL: new */
void sim_model_remember(struct model_player *p, struct model_done answered);
struct model_done sim_model_answered(const struct sim_call *c, const struct reply *reply);
void sim_model_restore_done(struct model_player *p, const struct model_done *answered);
bool sim_model_did(const struct model_done *d, int64_t number); /* an event with this number */
bool sim_model_voted_in_vain(const struct model_done *d);
const char *sim_model_done_text(const struct model_done *d); /* `a|b` */
/* In the order of their ids; the number. */
size_t sim_model_done_list(const struct model_player *p, struct model_done out[REQUESTS_KEPT]);
/* A message is in a room, or in none any more: no request may stand in two. */
void sim_model_said(struct sim_model *m, struct str text);
void sim_model_said_there(struct sim_model *m, struct str text); /* on an island; it comes home */
void sim_model_unsaid(struct sim_model *m, struct str text);

/* sim_model_home.c, sim_model_return.c */
void sim_model_restore_session(const struct sim_model *m, struct model_player *p);
/* The room whose end is told ended on the island like that; raw JSON. */
bool sim_model_ended_there(struct sim_model *m, struct str reason, struct str result);
const char *sim_model_word_of_restore(struct sim_model *m);
void sim_model_restored(struct sim_model *m, struct str word, const struct reply *reply);

/* sim_model_fleet.c */
void sim_model_fleet_ran(struct sim_model *m, struct model_player *p, struct str word,
                         const struct reply *reply);

/* sim_model_player.c */
void sim_model_player_ran(struct sim_model *m, struct model_player *p, struct str word,
                          const struct reply *reply);
const char *sim_model_setup(const struct model_player *p); /* in his record */
void sim_model_idle(struct model_player *p);               /* out of queue or room */

/* sim_model_queue.c */
void sim_model_queue_ran(struct sim_model *m, struct model_player *p, struct str word,
                         const struct reply *reply);
void sim_model_queue_remove(struct sim_model *m, struct model_player *p); /* if he is in it */
void sim_model_queue_head(struct sim_model *m, struct model_player *p);   /* at its head */
/* What a look for `want` players at the level finds: fills m->due, and drops what it met on the way. */
bool sim_model_queue_take(struct sim_model *m, int64_t level, size_t want, const struct model_player *except);

/* sim_model_room.c */
const char *sim_model_name(const struct model_room *r, int64_t epoch, int64_t seq); /* of an event */
void sim_model_event(struct sim_model *m, struct str text); /* a script has written it */
void sim_model_events(struct sim_model *m, const struct reply *events);
void sim_model_room_free(struct model_room *r);
void sim_model_cast(struct model_room *r); /* a script has run: who has a seat now */
/* How many events are due when n things happen: one more if they are the first under another store. */
int64_t sim_model_due_events(const struct sim_model *m, const struct model_room *r, int64_t n);
/* They are listed with their setups, as far as `told` ("": not at all). */
void sim_model_listed(struct sim_model *m, const struct model_room *r, struct str told);
struct model_seat *sim_model_seat(struct model_room *r, const struct model_player *p); /* NULL: none */

/* sim_model_state.c */
void sim_model_room_ran(struct sim_model *m, struct model_player *p, struct str word,
                        const struct reply *reply);
void sim_model_reports(struct sim_model *m, struct model_room *r); /* nothing is undecided */
void sim_model_record(struct sim_model *m, const struct model_room *r, struct str record);
void sim_model_log(struct sim_model *m, const struct reply *reply);

/* sim_model_timer.c */
struct model_due { /* of one entry of `deadlines` */
    struct timer_entry entry;
    struct model_room *room;
    struct model_seat *seat;
    struct model_player *player;
    int64_t *due_ms; /* NULL: there is no such entry */
};
void sim_model_due(struct sim_model *m, struct str text, struct model_due *out);
void sim_model_timer_ran(struct sim_model *m, struct str word, const struct reply *reply);
bool sim_model_nothing_waits(struct sim_model *m); /* there are no deadlines at all */
void sim_model_beat_shift(struct sim_model *m, int64_t moved_ms, bool nobody_lived);

/* sim_model_told.c */
/* Adds where its seats are, but for this player (NULL: all). */
void sim_model_audience(struct model_audience *a, const struct model_room *r, const char *but);
void sim_model_told_event(struct sim_model *m, struct str text, const struct model_audience *a);
/* Only that instance is told, if any, that this connection is not the player's any more. */
void sim_model_told_replaced(struct sim_model *m, const char *instance_id, const char *socket_id);
void sim_model_told_all(struct sim_model *m); /* nobody was told anything else; forgets it all */

#endif
