/* A virtual gateway's island: while the store is away it has one of its own, in memory, under a model of its
 * own.
 *
 * It follows gateway/adopt.c, homecoming.c, journey.c, passage.c and departed.c in what they ask and when;
 * the copies of rooms are gateway/copy.c itself, what is known of a room there gateway/island.c. A call there
 * is carried out and followed by the model at once; its answer is read later, like all others. */
#ifndef TESTS_LIB_SIM_ISLAND_H
#define TESTS_LIB_SIM_ISLAND_H

#include "common/map.h"
#include "gateway/island.h"
#include "gateway/room.h"
#include "tests/lib/sim_gateway.h"

struct sim_away { /* a room on the island */
    struct list link;
    struct island_room book;      /* its journey is not used */
    bool travelling, failed;      /* its image is on its way; a passage of its journey has failed */
    unsigned waiting;             /* passages under way */
    struct transfer_image *image; /* owned; NULL unless travelling; what it was made of: */
    struct reply *said;           /* owned */
    char image_id[ID_SIZE];
    size_t member_count; /* sessions that travel with it, by their numbers */
    uint64_t members[ROOM_SEATS_MAX];
    size_t session_count; /* whose sessions go with it */
    char players[ROOM_SEATS_MAX][ID_SIZE];
};

struct sim_island {
    struct sim_gateway *gateway;
    struct backend *backend;
    struct realm realm;
    struct sim_model *model;
    struct list rooms;    /* struct sim_away */
    struct map *departed; /* player id -> struct sim_departed */
    bool open;            /* the lease is surely over: whoever is here may play here */
    bool opened;          /* it was: tickets of players here may wait in the store */
    bool leaving, failed; /* the store is back; a ticket was not withdrawn */
    unsigned withdrawing; /* tickets that are being taken out of the store */
    uint64_t since_us, cut_off_us, poll_at_us, look_at_us;
};
struct sim_departed {
    bool carried; /* on its way */
};

void sim_island_tick(struct sim_gateway *g);
void sim_island_free(struct sim_gateway *g); /* with all that lives there, if there is one */
/* In which store is s attached, a new connection? false: nowhere now. */
bool sim_island_receive(struct sim_gateway *g, struct sim_session *s);
/* s, which lives there, loses its connection. */
void sim_island_drop(struct sim_gateway *g, const struct sim_session *s);
void sim_island_note(struct sim_gateway *g, const struct room_event *e);           /* it has happened there */
struct sim_away *sim_island_find(const struct sim_gateway *g, struct str room_id); /* NULL: not there */
void sim_island_remove(struct sim_away *away);

__attribute__((noreturn)) void sim_island_fail(const struct sim_gateway *g); /* it should be none any more */

/* The way home, in sim_home.c. */
void sim_home_tick(struct sim_gateway *g);
void sim_home_answer(struct sim_gateway *g, const struct sim_call *c); /* whose `home` is set */

/* Its journeys, in sim_journey.c: of a room with its players, of a player alone, of what was answered to
 * somebody whose line is lost (session 0). room_id "": without a room. */
void sim_journey_start(struct sim_gateway *g, struct sim_away *away);
void sim_journey_passage(struct sim_gateway *g, struct sim_session *s, const char *room_id);
void sim_journey_carry(struct sim_gateway *g, const char *player_id, uint64_t session, const char *room_id);
void sim_journey_attached(const struct sim_call *c, struct sim_session *s, struct realm_outcome o);
void sim_journey_goes_on(struct sim_gateway *g, struct sim_away *away); /* one passage has ended */
void sim_journey_restored(struct sim_gateway *g, const struct sim_call *c, struct sim_away *away,
                          struct realm_outcome o);
void sim_journey_arrive(struct sim_gateway *g, struct sim_session *s);
void sim_journey_stay(struct sim_gateway *g, struct sim_session *s);
bool sim_journey_lives_here(const struct sim_gateway *g, const char *player_id);
void sim_journey_forget(struct sim_gateway *g, const char *player_id); /* his answers are at home */

/* For sim_calls.c: the scripts of a homecoming. */
void sim_home_run(struct sim_call *c, backend_cb fn);

#endif
