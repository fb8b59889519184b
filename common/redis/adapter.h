/* hiredis' asynchronous context on our loop, while a connection is made; and names looked up on it.
 *
 * For dial.c only. The context belongs to hiredis, which frees it by itself on an error; the adapter is what
 * the owner holds instead, and it says when the context is gone. */
#ifndef COMMON_REDIS_ADAPTER_H
#define COMMON_REDIS_ADAPTER_H

#include <stdbool.h>
#include "common/loop.h"

struct adapter;
struct redisAsyncContext;

/* ac has been freed by an error (why: hiredis' words, borrowed). At most once, from the loop, never while
 * hiredis is on the stack; the adapter is invalid afterwards. */
typedef void (*adapter_gone_cb)(void *arg, const char *why);

/* Takes over ac, which must be connecting or connected. NULL: the loop refuses its socket, ac is then
 * untouched. */
struct adapter *adapter_attach(struct redisAsyncContext *ac, struct loop *l, adapter_gone_cb on_gone,
                               void *arg);
/* Frees the context without a goodbye and without on_gone: the owner is going away. hiredis may still call
 * replies back, with NULL. */
void adapter_abandon(struct adapter *a);

enum { ADAPTER_ADDRESSES_MAX = 8 };
struct adapter_addresses {
    char ip[ADAPTER_ADDRESSES_MAX][64]; /* numeric, in the resolver's order of preference, each once */
    unsigned count;
};
struct adapter_lookup;
/* Exactly once, from the loop, unless cancelled. failure: NULL, or the resolver's words. Both borrowed until
 * return. */
typedef void (*adapter_lookup_cb)(void *arg, const char *failure, const struct adapter_addresses *found);
/* NULL: the name cannot be looked up at all. */
struct adapter_lookup *adapter_lookup(struct loop *l, const char *host, adapter_lookup_cb fn, void *arg);
/* No callback any more. The loop stays alive until the resolver's thread has returned. */
void adapter_lookup_cancel(struct adapter_lookup *q);

#endif
