/* What one run says: one JSON object on stdout, and complaints. A run with a complaint ends with status 2 and
 * its figures are worth nothing. */
#ifndef TESTS_BENCH_REPORT_H
#define TESTS_BENCH_REPORT_H

#include <stdint.h>

#include "tests/bench/hist.h"

/* Something that must never be. The first 20 are printed to stderr at once, all are counted. */
void report_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A complaint after which nothing makes sense any more: ends the process with status 2. */
_Noreturn void report_give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t report_complaints(void);

/* Members of the object, in the order of the calls. Names are plain words. */
void report_int(const char *name, int64_t value);
void report_num(const char *name, double value);
void report_text(const char *name, const char *plain);

/* {"n":…,"p50":…,"p90":…,"p99":…,"p999":…,"max":…} in microseconds. */
void report_hist(const char *name, const struct hist *h);

/* Closes the object; the exit status of the process: 0, or 2 after complaints. */
int report_end(void);

#endif
