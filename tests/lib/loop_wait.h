/* Turns a loop until something is true. */
#ifndef TESTS_LIB_LOOP_WAIT_H
#define TESTS_LIB_LOOP_WAIT_H

#include <stdbool.h>
#include "common/loop.h"

enum { LOOP_WAIT_MS = 20000 };

/* Passes of l until cond(arg); false when deadline_ms went by without. cond is asked at least every 5 ms. */
bool loop_wait(struct loop *l, bool (*cond)(void *arg), void *arg, uint64_t deadline_ms);
/* Passes of l for that long: only to show that something does not happen. */
void loop_wait_idle(struct loop *l, uint64_t ms);

#endif
