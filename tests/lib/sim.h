/* A fleet in one process: virtual gateways and players on either back end, under virtual time and a seeded
 * chance.
 *
 *     sim_model    the truth: what each script did, in the order in which it ran; every rule is checked
 *     sim_gateway  a virtual gateway: its sessions and its clock
 *     sim_view     rooms as it sees them, event by event
 *     sim_answers  what it does when an answer reaches it
 *     sim_island   its island: what it plays in its own memory while the store is away; sim_home: the way
 * home sim_calls    the scripts it calls; answers and messages reach it late, in any order, or not at all
 *     sim_store    the store, by itself and on its bad days
 *     sim_life     what players do, and what goes wrong
 *     sim_calm     the reckoning when all is calm
 *     sim          the world: clock, chance, gateways, clients
 *
 * A script runs at once and the model sees its answer at once. The gateway gets the answer later: it waits in
 * a queue, like the messages in another one, and both are read at random. So between two steps of one gateway
 * anything may happen: players change, instances die, freeze for longer than their lease and come back, lose
 * the store for a while, lose answers.
 *
 * A broken rule ends the process with status 1 after printing it, the seed, and the last calls. The same seed
 * with the same options gives the same run (link with -Wl,--wrap=id_random). */
#ifndef TESTS_LIB_SIM_H
#define TESTS_LIB_SIM_H

#include <stdio.h>

#include "common/list.h"
#include "matchmaking/events.h"
#include "matchmaking/presence.h"
#include "matchmaking/queue.h"
#include "matchmaking/report.h"
#include "matchmaking/room_state.h"
#include "matchmaking/timers.h"
#include "tests/lib/sim_store.h"

enum { SIM_GATEWAYS = 6, SIM_CLIENTS_MAX = 1000, SIM_TRACE_LINES = 400, SIM_TRACE_BYTES = 200 };

struct sim_options {
    uint64_t seed;
    int64_t tickets; /* joins to see */
    int64_t seats, levels;
    unsigned clients;
    const char *events_mode;
    bool redis;
    bool loses_data, fails_over; /* the store, now and then */
    bool confirm_auto;           /* whose join makes a match need not confirm it */
    bool islands;                /* a gateway without the store plays on in its own memory */
    bool verbose;                /* every call as a line on standard error */
};

struct sim_call;
struct sim_client {
    char id[ID_SIZE];
    unsigned gateway; /* where its session is */
    uint64_t session; /* 0: not connected */
    uint64_t sockets; /* opened so far */
    int64_t requests; /* asked so far */
    /* struct sim_call, owned: requests that no answer has come to, with kind, text and so on as they were;
     * asked again under the same ids, in the same order. */
    struct list unanswered;
};

struct sim_model;
struct sim_gateway;

struct sim {
    struct sim_options o;
    struct realm_rules rules;
    uint64_t random, now_us, next_session, next_id;
    struct sim_store *store;
    struct loop *loop;       /* for batches of messages alone */
    struct backend *backend; /* of the store */
    struct sim_model *model;
    struct reply *saved; /* owned: the store as a replica has it that will take over; NULL: none will */
    struct sim_model *saved_model; /* owned */
    uint64_t failover_at_us;
    uint64_t away_until_us;    /* the store, for all */
    uint64_t stopped_until_us; /* nobody starts an instance */
    struct sim_gateway
        *gateways[SIM_GATEWAYS]; /* never NULL; a dead one is replaced by the next generation */
    struct sim_client clients[SIM_CLIENTS_MAX];
    unsigned instances_made, islands;
    bool calm;    /* no chaos: answers are not lost */
    bool closing; /* nothing is sent any more */
    struct {
        int64_t calls, tickets, kills, freezes, outages, drains, stops, cut_offs, losses, failovers,
            takeovers, repeats, together, entered_again, strays, idle_ends, expired, gaps, snapshots, older,
            calms, islands, opened, adopted, born, came_home, ended_away, given_up;
    } count;
    struct buf text;     /* of the answer that is traced */
    uint64_t trace_hash; /* of all lines so far: two runs went the same way */
    unsigned trace_at;
    char trace[SIM_TRACE_LINES][SIM_TRACE_BYTES];
};

void sim_open(struct sim *s, const struct sim_options *o);
void sim_close(struct sim *s);

uint32_t sim_random(struct sim *s, uint32_t below); /* 0 .. below-1 */
bool sim_chance(struct sim *s, uint32_t per_10000);
#define SIM_START_US UINT64_C(1700000000000000)
static inline double sim_elapsed_s(const struct sim *s)
{
    return (double)(s->now_us - SIM_START_US) / 1e6;
}
static inline int64_t sim_now_ms(const struct sim *s)
{
    return (int64_t)(s->now_us / 1000);
}
void sim_id(struct sim *s, char out[ID_SIZE], const char *prefix); /* repeatable, unlike id_random */

__attribute__((format(printf, 2, 3))) void sim_trace(struct sim *s, const char *fmt, ...);
/* A rule is broken. */
__attribute__((noreturn, format(printf, 2, 3))) void sim_fail(struct sim *s, const char *fmt, ...);

struct sim_gateway *sim_some_gateway(struct sim *s);
void sim_replace(struct sim *s, unsigned i); /* gateway i dies, and the next one comes */

/* One step of the world: time, timers of the gateways, some deliveries. */
void sim_step(struct sim *s, uint32_t at_most_us);
void sim_client_act(struct sim *s, struct sim_client *c); /* something a player may do now */
void sim_chaos(struct sim *s);                            /* perhaps a death, a freeze, an outage */
void sim_failover(struct sim *s); /* if there is a replica that is to take over: now */

void sim_audit(struct sim *s, bool settled); /* no violation; settled: no leftover either */
/* No chaos and no players' actions until everything under way has come to its end; then all must agree:
 * audit, model, what each gateway believes, what each has seen of its rooms. */
void sim_calm(struct sim *s);
void sim_leave_all(struct sim *s); /* every client drops; after a calm nothing may be left in the store */

#endif
