/* One asynchronous job of several steps, written so that the file reads like blocking code.
 *
 * A flow is embedded in its owner. Steps run in the order of the table; a step that asks somebody returns
 * FLOW_WAIT and flow_wake() is called when the answer is there; the next step reads it. `done` runs exactly
 * once, for success, failure and cancel alike, is the only place that answers and frees, and may free the
 * owner. */
#ifndef COMMON_FLOW_H
#define COMMON_FLOW_H

#include <stdbool.h>

struct flow;
enum flow_next {
    FLOW_NEXT,  /* on to the next step, at once */
    FLOW_WAIT,  /* on to the next step when flow_wake() comes (it may have come already, inside this step) */
    FLOW_AGAIN, /* run this same step once more, at once; keep it bounded. (Ask again after waiting: let a
                   later step set f->step back, see flow_goto.) */
    FLOW_DONE   /* the end; later steps do not run */
};
struct flow_step {
    const char *name; /* NULL ends the table */
    enum flow_next (*run)(struct flow *f);
};
struct flow {
    const char *name;             /* for the debug log: flow=join step=ask_queue */
    const struct flow_step *step; /* the step to run next */
    void (*done)(struct flow *f);
    int err; /* first failure (enum err or the owner's), 0 while all is well */
    bool running, woken, waiting, canceled;
};
/* steps and name are borrowed for the flow's life (static tables). May run to its end before it returns. */
void flow_start(struct flow *f, const char *name, const struct flow_step *steps,
                void (*done)(struct flow *f));
/* What the flow waited for has happened. Exactly one wake per FLOW_WAIT (CHECKed). Inside a step it is
 * remembered and the driver goes on when the step has returned: no recursion. May run the flow to its end. */
void flow_wake(struct flow *f);
/* Keeps the first err and ends the flow at the next wake, never earlier: whoever was asked still holds a
 * pointer to it. */
void flow_cancel(struct flow *f, int err);
/* For `return flow_fail(f, ERR_TIMEOUT);`: keeps the first err (not 0), returns FLOW_DONE. */
enum flow_next flow_fail(struct flow *f, int err);
/* From inside a step: continue with `step` (an entry of the same table) instead of the one after this. For
 * retries: `return flow_goto(f, &join_steps[ASK], FLOW_NEXT)`. Returns `how` (FLOW_NEXT or FLOW_WAIT). */
enum flow_next flow_goto(struct flow *f, const struct flow_step *step, enum flow_next how);

#endif
