/* Traffic in rooms: everybody talks, all is accounted for. The engine behind the workloads room, slow and
 * fleet. */
#ifndef TESTS_BENCH_RELAY_H
#define TESTS_BENCH_RELAY_H

#include "tests/bench/hist.h"
#include "tests/bench/tally.h"

struct relay {
    struct game *game;
    struct tally tally;
    struct hist latency;         /* of deliveries to others in the measured time */
    uint32_t *heard;             /* by sender: deliveries of his messages to those who count */
    uint32_t *listeners;         /* by room: members who count for the closed loop: all but the deaf ones */
    uint64_t replies, sent, due; /* due: deliveries that must come of what was sent; to others */
    bool talking, measuring;
    uint64_t measured_from; /* messages due before do not count for the latency */
    uint32_t turn;          /* open loop: whose turn it is */
};

void relay_init(struct relay *r, struct game *g);
void relay_close(struct relay *r);

/* Hand what was heard to the relay; true if it was of its kind. */
bool relay_heard(struct relay *r, uint32_t who, const struct wire_heard *h);

/* A member does not count from now on: nothing is expected of him, or said by him. Before relay_run. */
void relay_forgive(struct relay *r, uint32_t who);

/* Talks for --warm_ms and --run_ms by --rate or --window, stops, and waits until all that is due has come.
 * The samples are taken at the two ends of the measured time; returns the deliveries in it. */
uint64_t relay_run(struct relay *r, struct servers *servers, struct servers_sample *from,
                   struct servers_sample *to);

#endif
