/* What is said to Redis and how it answers: commands in wire form, and the errors that end a connection.
 */
#ifndef COMMON_REDIS_WIRE_H
#define COMMON_REDIS_WIRE_H

#include "common/buf.h"
#include "common/reply.h"

enum redis_reason { /* why a link is not ready */
                    REDIS_OK,
                    REDIS_CONNECTING, /* not tried to its end yet */
                    REDIS_CLOSED,     /* an established connection ended */
                    REDIS_REFUSED,    /* no connection; or the server is full, or has no such database */
                    REDIS_AUTH,       /* wrong or missing password, or a user who may not do this */
                    REDIS_TIMEOUT,    /* the connection, the greeting or a command took too long */
                    REDIS_LOADING,    /* the server reads its data from disk */
                    REDIS_READONLY,   /* it is a replica, or cut off from its primary */
                    REDIS_RESOLVE,    /* the host name has no address */
                    REDIS_BUSY,       /* a script blocks the server */
                    REDIS_OOM,        /* it is full, writes are refused */
                    REDIS_NO_WRITE,   /* it refuses writes: its disk (MISCONF) or too few replicas */
                    REDIS_SENTINEL,   /* no sentinel answers, or they know no such master */
                    REDIS_CLUSTER,    /* a node of a Redis Cluster that does not serve our slot (now) */
};
const char *redis_reason_name(enum redis_reason r); /* "closed", "refused", ... */

/* The answer to one call: err, and reply (borrowed until return) or NULL. link.h says when which. */
typedef void (*redis_cb)(void *arg, int err, const struct reply *reply);

/* Appends a command in wire form; or in pieces: begin with the number of arguments, then add until there are
 * so many. */
void redis_format(struct buf *out, const struct str *args, size_t count);
void redis_format_begin(struct buf *out, size_t count);
void redis_format_add(struct buf *out, const struct str *args, size_t count);

/* Why an error reply makes the whole connection useless (NOAUTH, LOADING, READONLY, ...); REDIS_OK: it does
 * not. */
enum redis_reason wire_reason(struct str error);
/* Why an error reply to a write means that no write can be done now; REDIS_OK: it does not. Looks inside,
 * since scripts pass errors on with words in front. */
enum redis_reason wire_no_write(struct str error);
/* The same as wire_reason for an error before the connection is ready: there NOPERM is as bad as a wrong
 * password. */
enum redis_reason wire_refusal(struct str error);

#endif
