/* One attempt to reach Redis: from an address to a connection that has answered PING. For link.c only. */
#ifndef COMMON_REDIS_DIAL_H
#define COMMON_REDIS_DIAL_H

#include "common/loop.h"
#include "common/redis/address.h"
#include "common/redis/wire.h"

struct dial;

struct dial_options { /* all borrowed until the end of the attempt */
    const struct redis_address *address;
    const char *name;    /* the link's, for logs and CLIENT SETNAME */
    const char *where;   /* the address for logs */
    uint64_t timeout_ms; /* for one address: connection and greeting */
    unsigned *turn;      /* the caller's memory of which of several addresses comes next */
    bool quiet;          /* log at debug level */
    bool must_be_master; /* ask for the ROLE: a replica is refused with REDIS_READONLY */
};

struct dial_result {
    enum redis_reason reason; /* REDIS_OK: connected */
    const char *detail;       /* in somebody else's words; borrowed */
    int fd;                   /* with REDIS_OK: the socket, the receiver's from now on; else -1 */
};
/* Exactly once unless cancelled, from the loop; the dial is gone then. */
typedef void (*dial_cb)(void *arg, const struct dial_result *result);

struct dial *dial_start(struct loop *l, const struct dial_options *options, dial_cb fn, void *arg);
void dial_cancel(struct dial *d); /* no callback any more; NULL is fine */

#endif
