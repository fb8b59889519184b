/* Names for what the world can do to us (Redis gone, time out, no memory of a thing).
 *
 * Three families of errors exist and are never mixed:
 *   a bug in this program         -> CHECK(), prints and aborts, also in release builds;
 *   the world outside             -> a negative enum err, 0 is success;
 *   the client's own fault        -> a proto code (proto/codes.h), sent to that client. */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

enum err {
    ERR_NONE = 0,
    ERR_UNAVAILABLE = -1, /* the store is not connected: nothing was sent, try later */
    ERR_UNKNOWN = -2,     /* the link broke after sending: it may or may not have happened */
    ERR_TIMEOUT = -3,     /* no answer within the deadline: it may or may not have happened */
    ERR_SCRIPT = -4,      /* the store answered with an error (WRONGTYPE, OOM, ...): nothing was changed */
    ERR_PROTOCOL = -5,    /* the answer had a shape we do not understand */
    ERR_INVALID = -6,     /* an argument or a setting is not acceptable */
    ERR_NOT_FOUND = -7,   /* no such thing */
    ERR_IO = -8,          /* a system call failed, errno says why */
};

/* Stable lower-case name for logs and metric labels, e.g. "unavailable". Never NULL. */
const char *err_name(int err);
/* One sentence for people. Never NULL. */
const char *err_text(int err);

/* A broken promise inside this program: print the expression and where, then abort. The fleet survives one
 * process. */
#define CHECK(cond) ((cond) ? (void)0 : err_check_failed(#cond, __FILE__, __LINE__))
__attribute__((noreturn)) void err_check_failed(const char *expr, const char *file, int line);

#endif
