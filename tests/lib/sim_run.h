/* The command line of the simulator's tests; also defines what -Wl,--wrap=id_random asks for.
 *
 *     [--seed N] [--tickets N] [--seats N] [--mode remote|all|direct] [--loss 0|1] [--failover 0|1]
 *         [--islands 0|1]
 *
 * Without seats and mode three runs: rooms of two over `remote`, of three over `direct`, of four over `all`,
 * with 60, 25 and 15 % of the tickets; over Redis before them a short one, which must go the very same way in
 * memory. SIM_SEED and SIM_TICKETS do the same as the flags, SIM_TRACE=1 prints every call. Each run prints
 * its seed first.
 */
#ifndef TESTS_LIB_SIM_RUN_H
#define TESTS_LIB_SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

/* tickets: unless something else is asked for. Returns the process's status; a broken rule exits with 1. */
int sim_run(int argc, char **argv, bool redis, int64_t tickets);

#endif
