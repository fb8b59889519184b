/* A redis-server of the test's own: on a free loopback port, in a directory of its own, with AOF, gone at the
 * end.
 *
 *     struct redis_server *s = redis_server_start((const char *[]){"--requirepass", "secret", NULL});
 *     ...
 *     redis_server_good(s);   // last line of the test: nothing failed, so the log is of no interest
 *     redis_server_stop(s);   // in the teardown: prints the log if the test did not get that far
 *
 * Everything waits for a condition with a deadline; what does not come true prints the log and fails the test
 * (cmocka). The process dies with the test, whatever becomes of it. */
#ifndef TESTS_LIB_REDIS_SERVER_H
#define TESTS_LIB_REDIS_SERVER_H

#include <sys/types.h>
#include "common/redis/link.h"

struct redis_server;

/* Further arguments of redis-server, NULL-terminated, borrowed for the server's life; NULL: none. Answers on
 * return. */
struct redis_server *redis_server_start(const char *const *args);
/* A free port and a directory, but no process: for "it is not there yet". redis_server_restart makes it
 * appear. */
struct redis_server *redis_server_reserve(const char *const *args);
void redis_server_good(struct redis_server *s);
void redis_server_stop(struct redis_server *s); /* by pid; removes the directory; NULL is fine */

int redis_server_port(const struct redis_server *s);
pid_t redis_server_pid(const struct redis_server *s); /* 0 while there is none */
/* Host, port and the password given with --requirepass. */
struct redis_address redis_server_address(const struct redis_server *s);
const char *redis_server_unix_path(const struct redis_server *s); /* a socket in its directory, always open */

void redis_server_kill(struct redis_server *s);   /* -9; gone on return */
void redis_server_freeze(struct redis_server *s); /* SIGSTOP: accepts connections, answers nothing */
void redis_server_thaw(struct redis_server *s);
/* Kills it if it runs, starts it again on the same port; keep_data = false empties it. Answers on return. */
void redis_server_restart(struct redis_server *s, bool keep_data);
/* The same without waiting: it may be loading or not be listening yet. */
void redis_server_relaunch(struct redis_server *s, bool keep_data);

/* One command on a connection of its own, blocking. The answer as text, borrowed until the next ask: integers
 * and strings as they are, "(nil)", "-ERR ..." for an error, an array as its elements with one '\n' behind
 * each. NULL: no connection. */
const char *redis_server_try(struct redis_server *s, const char *const *args);
/* The same, must be answered and not with an error. */
const char *redis_server_ask(struct redis_server *s, const char *const *args);
#define REDIS_ASK(s, ...) redis_server_ask(s, (const char *const[]){__VA_ARGS__, NULL})

#endif
