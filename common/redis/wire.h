/* hiredis' replies as our own. For dial.c and link.c only; redis_format of link.h lives here too. */
#ifndef COMMON_REDIS_WIRE_H
#define COMMON_REDIS_WIRE_H

#include "common/redis/link.h"

struct redisReply;

struct wire_reply {
    struct reply root;
    struct reply *nodes; /* owned: all elements below root, in one block; NULL when it is no array */
};
/* out borrows the strings of r, and lives until wire_close or the death of r. */
void wire_open(struct wire_reply *out, const struct redisReply *r);
void wire_close(struct wire_reply *w);

/* Why an error reply makes the whole connection useless (NOAUTH, LOADING, READONLY, ...); REDIS_OK: it does
 * not. */
enum redis_reason wire_reason(const char *error);
/* The same for an error before the connection is ready: there NOPERM is as bad as a wrong password. */
enum redis_reason wire_refusal(const char *error);

#endif
