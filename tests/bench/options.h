/* The load tool's command line. */
#ifndef TESTS_BENCH_OPTIONS_H
#define TESTS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/servers.h"
#include "tests/bench/wire.h"

enum { OPTIONS_PORTS_MAX = 16 };

struct options {
    const char *workload;
    const struct wire *wire;
    uint16_t ports[OPTIONS_PORTS_MAX];
    unsigned ports_count;
    struct servers servers;
    int64_t clients; /* workloads with rooms round down to whole ones */
    int64_t seats;   /* of a room */
    int64_t talkers; /* members of a room who send; 0 = all */
    int64_t size;    /* bytes of a payload, its quotes included */
    int64_t window;  /* closed loop: messages of a sender that are not yet everywhere */
    int64_t rate;    /* open loop: per second, all clients together; 0 = closed loop */
    int64_t warm_ms;
    int64_t run_ms;
    int64_t at_once; /* handshakes under way */
    int64_t levels;
    int64_t deaf; /* one client who does not read in every so many rooms */
    int64_t kill_pid;
    int64_t deadline_ms;
    bool same;    /* all members of a room on one instance */
    bool crowded; /* everybody on the first instance */
    bool numbered;
    bool silent; /* numbered messages without an id */
    bool spin;
    bool seated; /* memory: players in rooms, not only connected */
};

/* Reads the command line; prints help or the mistake and ends the process where that is all there is to do.
 */
void options_read(struct options *o, int argc, char **argv);

#endif
