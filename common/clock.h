/* Time. Only the monotonic clock decides anything; wall time is for people and for timestamps on the wire. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_ms(void); /* CLOCK_MONOTONIC in ms; never goes back */
uint64_t clock_mono_us(void);
uint64_t clock_wall_ms(void); /* ms since 1970, for timestamps only */

#endif
