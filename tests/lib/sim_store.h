/* The store under a simulation: the in-memory back end, or a redis-server; and its bad days.
 *
 * Both run the very same scripts, at once (the answer comes before run returns). A few lines stand in front
 * of a script, between it and `redis.call`. Over both stores INFO names the server of the simulation, so that
 * a failover can be played, and SSCAN goes through a set in the order of its members. A redis-server knows
 * only the real time, so there TIME says the virtual one, PEXPIRE is written down and carried out by the next
 * script after that time, and PUBLISH is collected and comes with the answer. So a run can be repeated by its
 * seed over Redis, too, and is the same over both. */
#ifndef TESTS_LIB_SIM_STORE_H
#define TESTS_LIB_SIM_STORE_H

#include "matchmaking/backend.h"

struct sim_store_options {
    bool redis;
    uint64_t (*now_us)(void *arg);
    /* What a script publishes, before its answer. */
    void (*on_message)(void *arg, struct str channel, struct str message);
    void *arg; /* for both */
};

struct sim_store;
struct sim_store *sim_store_new(const struct sim_store_options *o);
void sim_store_free(struct sim_store *st);
struct backend *sim_store_backend(struct sim_store *st);
int64_t
sim_store_server(const struct sim_store *st); /* number of the process that serves it; the first is 1 */
void sim_store_restart(struct sim_store *st); /* another process serves it from now on */

void sim_store_lose(struct sim_store *st); /* all that is in it */
/* All that is in it; and how it is put back in place of what is in it now. */
struct reply *sim_store_save(struct sim_store *st); /* free with mem_free */
void sim_store_load(struct sim_store *st, const struct reply *saved);

#endif
