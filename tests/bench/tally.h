/* Was everything received, once, and in order? The account of all room messages of a run.
 *
 * Every payload names its sender and its number among that sender's messages. For each receiver and each
 * member of his room the account holds the number expected next. Numbered messages are also held against the
 * room's own numbers: they rise for each receiver, the same number means the same message for all, and at the
 * end nobody misses one. */
#ifndef TESTS_BENCH_TALLY_H
#define TESTS_BENCH_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/game.h"
#include "tests/bench/payload.h"

struct tally_player {
    int64_t last_push; /* highest room number seen in a push */
    uint64_t numbers;  /* room numbers seen, in pushes and own replies */
    bool forgiven;     /* not counted at the end: he did not read, or was cut */
};

struct tally {
    struct game *game;
    struct tally_player *players;
    uint32_t *expected;   /* [receiver * seats + sender's seat] */
    uint32_t *sent;       /* by player */
    uint64_t *agreed;     /* per room a ring of what the latest numbers mean */
    int64_t *highest;     /* per room, the highest number seen */
    uint64_t deliveries;  /* to others than the sender */
    bool others_numbered; /* other events take numbers too: that messages have them all is not checked at the
                             end */
    bool losses_allowed;  /* gaps are counted in `lost`, not complained about */
    uint64_t lost;
};

void tally_init(struct tally *t, struct game *g);
void tally_close(struct tally *t);

/* The payload of the sender's next message: counts it as sent. */
uint32_t tally_send(struct tally *t, uint32_t sender);

/* A room message was heard; *p is what it said. False (with a complaint) if it is none that could have been
 * sent. */
bool tally_hear(struct tally *t, uint32_t receiver, const struct wire_heard *h, struct payload *p);

/* The sender was told the room's number of his message. */
void tally_reply(struct tally *t, uint32_t sender, uint32_t number, int64_t seq);

/* At the end, when all should be there: complains about everything that is missing. */
void tally_finish(struct tally *t);

#endif
