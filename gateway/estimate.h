/* How long a match takes at a level, learnt from the matches seen here: an exponentially weighted mean per
 * level. */
#ifndef GATEWAY_ESTIMATE_H
#define GATEWAY_ESTIMATE_H

#include <stddef.h>
#include <stdint.h>

struct estimate;
struct estimate *estimate_new(int64_t level_max);
void estimate_free(struct estimate *e);
void estimate_add(struct estimate *e, int64_t level, uint64_t waited_ms);
/* Milliseconds, or -1 if no match of this level was seen yet. */
int64_t estimate_get(const struct estimate *e, int64_t level);
/* The lowest level above `after` (-1: of all) of which one is known; -1 = there is none. */
int64_t estimate_next(const struct estimate *e, int64_t after);

#endif
