/* Players on top of a crowd: they connect, are welcomed, find their rooms; what happens then is the
 * workload's business. */
#ifndef TESTS_BENCH_GAME_H
#define TESTS_BENCH_GAME_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/crowd.h"
#include "tests/bench/options.h"
#include "tests/bench/wire.h"

enum { GAME_ROOM_NAME = 72 };

enum game_stage { GAME_GONE, GAME_COMING, GAME_WELCOMED, GAME_JOINING, GAME_SEATED };

struct game_player {
    enum game_stage stage;
    int64_t last_id; /* of his requests */
    int64_t seq;     /* the room's number when he was seated */
    char room[GAME_ROOM_NAME];
};

/* Something was heard. False: not expected; then refusals, lost events and the like are complaints. */
typedef bool (*game_heard_cb)(void *ctx, uint32_t who, const struct wire_heard *h);
/* A connection is no more. False: not expected, the run gives up. */
typedef bool (*game_gone_cb)(void *ctx, uint32_t who, int code);

struct game {
    const struct options *o;
    struct crowd crowd;
    struct game_player *players;
    uint32_t count, rooms, seats;
    uint32_t coming, welcomed, seated;  /* welcomed: at least */
    uint32_t rooms_joined, rooms_ready; /* game_seat: begun, and all of whose members are seated */
    uint32_t *room_seated;              /* members seated, by room */
    game_heard_cb heard;
    game_gone_cb gone;
    void (*opened)(void *ctx,
                   uint32_t who); /* NULL, or called when a connection stands; set after game_init */
    void *ctx;
};

/* o must live as long as the game. */
void game_init(struct game *g, const struct options *o, uint32_t seats, game_heard_cb heard,
               game_gone_cb gone, void *ctx);
void game_close(struct game *g);

/* The instance on which a player plays: seat by seat on the next one, or one for the whole room (--same). */
uint16_t game_port(const struct game *g, uint32_t who);

void game_connect_one(struct game *g, uint32_t who, uint16_t port);

/* Connects players from..to-1, at most --at_once under way, and waits until all are welcomed. */
void game_connect(struct game *g, uint32_t from, uint32_t to);

/* Has all welcomed players of the first `rooms` rooms join, and waits until everybody sits where he belongs.
 */
void game_seat(struct game *g, uint32_t rooms);

/* Sends a request; `format` is what stands behind {"id":N, in it, with the closing brace. Returns the id. */
int64_t game_ask(struct game *g, uint32_t who, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Turns until the monotonic time `until`. */
void game_run_until(struct game *g, uint64_t until);

#endif
