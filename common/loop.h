/* The event loop: timers, deferred calls, flush hooks and signals of one process on one thread (libuv
 * inside). */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;
typedef void (*loop_cb)(void *arg);

struct loop *loop_new(void);    /* also makes the process ignore SIGPIPE: writers see EPIPE instead */
void loop_run(struct loop *l);  /* until nothing is left to do: no timer, socket, signal or deferred call */
void loop_turn(struct loop *l); /* one pass, waits for at most one event; for tests */
void loop_free(
    struct loop *l); /* runs what is still deferred; everything must be closed: CHECKs that. NULL is fine */
void *loop_uv(struct loop *l); /* the uv_loop_t, for common/redis/link.c and gateway/server.c only */
uint64_t loop_now_ms(const struct loop *l); /* monotonic, cached per pass */

/* Timers. The callback may stop, start or free its own timer. A start replaces an earlier one. They never
 * fire early, also when the pass has lasted long; 0 ms counts as 1 (for "soon" take loop_defer). */
struct loop_timer *loop_timer_new(struct loop *l, loop_cb fn, void *arg);
void loop_timer_start(struct loop_timer *t, uint64_t after_ms, uint64_t repeat_ms /* 0 = once */);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t); /* NULL is fine; no callback afterwards */

/* Runs fn once, soon, in this thread, after the present callback has returned; in the order of the calls. A
 * deferred call may defer again: that one runs in the next round, sockets get their turn in between. Cannot
 * be taken back. */
void loop_defer(struct loop *l, loop_cb fn, void *arg);

/* Hooks run after the events of each pass and again before the loop sleeps, in the order of registration
 * (store first, then connections): where output is gathered and sent. Registration is for the loop's life, or
 * until loop_off_flush. */
void loop_on_flush(struct loop *l, loop_cb fn, void *arg);
/* Removes the hook registered with the same fn and arg; also from inside a hook. No call of it afterwards. */
void loop_off_flush(struct loop *l, loop_cb fn, void *arg);
void loop_flush(
    struct loop *l); /* run the hooks now (after about 1,024 received messages); no effect inside a hook */

/* fn for each arrival of the signal until loop_stop; arrivals in quick succession may count as one. */
void loop_on_signal(struct loop *l, int signum, loop_cb fn, void *arg);
/* Closes signals and hooks (none is called any more: their owners may go); loop_run returns when the rest
 * (timers, sockets) is closed too. Deferred calls still run. May be called twice. */
void loop_stop(struct loop *l);

#endif
