/* Identifiers: the pattern they must match, and new unguessable ones. */
#ifndef COMMON_ID_H
#define COMMON_ID_H

#include "common/str.h"

enum { ID_MAX = 64, ID_SIZE = ID_MAX + 1 /* with NUL */ };

/* 1-64 characters of [A-Za-z0-9_.:-]. Anything else never gets near a Redis key or a log line. */
bool id_valid(struct str text);
/* prefix + 22 random base-62 characters (131 bits from the kernel); out is NUL-terminated. prefix <= 8
 * characters. */
void id_random(char out[ID_SIZE], const char *prefix);
/* The same in length: prefix + the time in 8 lower-case base-36 digits + 14 random ones (83 bits). ms: since
 * 1970, up to the year 2059. */
void id_timed(char out[ID_SIZE], const char *prefix, uint64_t ms);
enum { ID_TIME_DIGITS = 8 };
void id_time(char out[ID_TIME_DIGITS + 1], uint64_t ms); /* these digits alone */
/* `<pid>-<epoch ms><6 random digits>` (seed 002's pid-timestamp, unique across containers). */
void id_instance(char out[ID_SIZE]);

#endif
