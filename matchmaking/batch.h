/* Calls of the same script go to the store together: those of one pass of the loop are one call, so that what
 * a call costs is paid once for up to BATCH_MAX of them. A script takes part in it by a line `--@each`
 * (common/redis/embed_lua.cmake); its calls share their first keys and arguments and their last key.
 *
 * What is collected leaves when the pass ends, when the batch is full, and when another script is called: the
 * store sees everything in the order in which it was asked. Each call has its own answer. While the store is
 * away nothing is collected: each call is refused by itself. */
#ifndef MATCHMAKING_BATCH_H
#define MATCHMAKING_BATCH_H

#include "matchmaking/backend.h"

enum { BATCH_MAX = 16 };

struct batch; /* of one back end */
/* Its flush hook is registered at once: make it before the back end, whose links flush behind it. */
struct batch *batch_new(struct loop *l);
/* What is collected is sent first. NULL is fine. */
void batch_free(struct batch *b);
void batch_flush(struct batch *b); /* sends what is collected */

/* As run in backend.h; fn gets the call's own part of the answer: err is ERR_SCRIPT if it alone failed, and
 * an event that is an answer by itself comes as {"OK", its number, event}. b NULL: sent at once, alone. */
void batch_run(struct batch *b, struct backend *to, const struct script *s, const struct str *keys,
               size_t key_count, const struct str *args, size_t arg_count, backend_cb fn, void *arg);

#endif
