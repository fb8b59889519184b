/* An in-process keyspace that understands the Redis commands our scripts use, and answers as Redis 7.0 does.
 *
 * Types: strings, lists, hashes, sets, sorted sets; keys may expire. The command tables stand in
 * store_cmd_*.c; every command not found there is answered with an error that names it. Replies, error texts
 * and number formats are those of a real server: tests/redis/store_differential_test.c compares them.
 *
 * Time stands still between two calls of store_begin: keys expire there and nowhere else, so that a script
 * never sees a key vanish half-way (Redis gives scripts the same promise). There is no rollback, as in Redis.
 *
 * Different on purpose: options that nobody uses are refused as a syntax error (MATCH, GET, INCR, BYSCORE,
 * ...); the order of hashes and sets is as unspecified as in Redis, but not the same. */
#ifndef MATCHMAKING_STORE_H
#define MATCHMAKING_STORE_H

#include "matchmaking/answer.h"

struct store;

struct store_options {
    uint64_t (*now_us)(void *arg); /* wall time for TIME and expiry */
    /* PUBLISH: returns the number of receivers. Both texts are borrowed until return. Called inside
     * store_call. */
    int64_t (*publish)(void *arg, struct str channel, struct str message);
    void *arg;          /* for both */
    uint64_t hash_seed; /* fixed for repeatable runs, else random */
};

struct store *store_new(const struct store_options *o);
void store_free(struct store *s); /* NULL is fine */

/* Begins one atomic unit (a script or a single command): reads the clock and removes what has expired. With
 * read_only, commands that write (and PUBLISH) are refused until the next store_begin. */
void store_begin(struct store *s, bool read_only);
/* Runs one command: args[0] is its name in any case. Appends exactly one value to out. */
void store_call(struct store *s, const struct str *args, size_t count, struct answer *out);

size_t store_key_count(const struct store *s);

#endif
