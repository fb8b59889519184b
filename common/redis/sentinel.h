/* Asks Redis Sentinel where the master is. */
#ifndef COMMON_REDIS_SENTINEL_H
#define COMMON_REDIS_SENTINEL_H

#include "common/redis/address.h"
#include "common/redis/wire.h"
#include "common/loop.h"

enum { SENTINEL_HOSTS_MAX = 16, SENTINEL_PORT = 26379 };

struct sentinel_hosts {
    struct redis_address hosts[SENTINEL_HOSTS_MAX]; /* with the sentinels' own password, if they have one */
    size_t count;                                   /* 0 = no Sentinel */
    char master[128];                               /* its name there */
};
/* "host[:port],host[:port],[::1]:26379". password: the sentinels' own, or NULL. false: why (static text) says
 * what is wrong, *out is untouched. */
bool sentinel_hosts_parse(const char *list, const char *master, const char *password,
                          struct sentinel_hosts *out, const char **why);

struct sentinel_answer {
    const char *failure; /* NULL, or why nobody could say (borrowed) */
    const char *host;    /* borrowed */
    int port;
};
typedef void (*sentinel_cb)(void *arg, const struct sentinel_answer *answer);

struct sentinel_query;
/* The sentinels in turn, beginning with *turn (the caller's memory of who answered last), until one names the
 * master; each has timeout_ms for its connection and the same for its answer. fn exactly once unless
 * cancelled, from the loop; the query is gone then. hosts is borrowed until then. */
struct sentinel_query *sentinel_ask(struct loop *l, const struct sentinel_hosts *hosts, unsigned *turn,
                                    uint64_t timeout_ms, sentinel_cb fn, void *arg);
void sentinel_cancel(struct sentinel_query *q); /* no callback any more; NULL is fine */

#endif
