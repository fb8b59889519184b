/* Several instances of this process on one port: starts them, starts a fallen one again, stops them together.
 *
 * Every worker is an instance of its own (own instance id, own lease, own listener with SO_REUSEPORT); they
 * share nothing but Redis and the table of their metrics (metrics_share), so that any of them can answer for
 * all. */
#ifndef GATEWAY_SUPERVISOR_H
#define GATEWAY_SUPERVISOR_H

struct supervisor_options {
    int workers;                        /* >= 1 */
    int (*work)(void *arg, int worker); /* runs in the child, worker from 0; its result is the exit code */
    void *arg;
};
/* Returns the exit code when all workers have ended: after SIGTERM or SIGINT (handed on; the second one too),
 * or because a worker could not even start (it failed within its first two seconds, before any was up
 * longer). Must be called before the process has threads, loops or sockets. */
int supervisor_run(const struct supervisor_options *options);

#endif
