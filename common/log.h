/* Structured log lines: `ts level event key=value ...`, or one JSON object per line.
 *
 * event is `noun.verb` ("conn.closed"). Values are escaped, so that no client can forge a line. Never log a
 * token or a payload. A client can trigger it? Then use log_limited, which keeps at most 10 lines a second
 * per call site; the next line of that site says left_out=N. Lines are at most 4 KiB: long values are cut,
 * what does not fit is left out and the line says cut=1. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* One key with its value; made by the macros below. */
struct log_field {
    const char *key;
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT } kind;
    struct str text;
    int64_t number;
};
#define KV(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_TEXT, .text = str_of(v)})
#define KV_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_TEXT, .text = (v)})
#define KV_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_INT, .number = (int64_t)(v)})

void log_setup(enum log_level least, enum log_format format, int fd); /* defaults: INFO, text, 2 */
bool log_on(enum log_level level);
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);

struct log_limit { /* static per call site */
    uint64_t window_start_ms;
    unsigned written, left_out;
};
bool log_limit_pass(struct log_limit *limit);

#define log_emit(level, event, ...)                                                                          \
    do {                                                                                                     \
        if (log_on(level)) {                                                                                 \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                            \
            log_write(level, event, log_fields_, sizeof log_fields_ / sizeof *log_fields_);                  \
        }                                                                                                    \
    } while (0)
#define log_debug(event, ...) log_emit(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_emit(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_emit(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_emit(LOG_ERROR, event, __VA_ARGS__)
/* For what a client can trigger: rate-limited per call site. */
#define log_limited(level, event, ...)                                                                       \
    do {                                                                                                     \
        static struct log_limit log_limit_;                                                                  \
        if (log_on(level) && log_limit_pass(&log_limit_))                                                    \
            log_emit(level, event, __VA_ARGS__);                                                             \
    } while (0)

#endif
