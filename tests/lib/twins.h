/* Two stores that must answer alike: a redis-server and the in-memory back end. Every script is given to
 * both. */
#ifndef TESTS_LIB_TWINS_H
#define TESTS_LIB_TWINS_H

#include "common/redis/script.h"

struct twins;

/* cmocka's setup and teardown: *state is the struct twins. Starts a server of the test's own. */
int twins_open(void **state);
int twins_close(void **state);

struct twins_how {
    size_t group;     /* > 0: the answer is an array without an order, in groups of this size */
    int64_t slack;    /* integers may differ by so much (times) */
    const char *what; /* for the message; copied */
};
/* Runs the script on both and compares the answers, sooner or later; a difference fails the test, here or in
 * twins_wait. In error messages the script's name, which Redis does not know, is left out. script must be
 * named "user_script" (Redis calls every script so) and live as long as the twins; the rest is copied. */
void twins_run(struct twins *t, const struct script *script, const struct str *keys, size_t key_count,
               const struct str *args, size_t arg_count, struct twins_how how);
void twins_wait(struct twins *t); /* until everything is compared */
void twins_good(
    struct twins *t); /* last line of a test: waits, and says that the server's log is of no interest */

size_t twins_answers(const struct twins *t); /* so many were compared ... */
size_t twins_errors(
    const struct twins *t); /* ... of which so many were errors: a test of errors alone proves little */

#endif
