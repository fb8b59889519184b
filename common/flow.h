/* One asynchronous job of several steps, written so that the file reads like blocking code.
 *
 * A flow is embedded in its owner. Steps run in the order of the table; a step that asks somebody returns FLOW_WAIT and
 * flow_wake() is called when the answer is there; the next step reads it. `done` runs exactly once, for success, failure
 * and cancel alike, is the only place that answers and frees, and may free the owner. */
#ifndef COMMON_FLOW_H
#define COMMON_FLOW_H

#include <stdbool.h>

struct flow;
enum flow_next { FLOW_NEXT, FLOW_WAIT, FLOW_AGAIN /* run this same step once more */, FLOW_DONE };
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
void flow_start(struct flow *f, const char *name, const struct flow_step *steps, void (*done)(struct flow *f));
void flow_wake(struct flow *f);
void flow_cancel(struct flow *f, int err); /* ends at the next wake, never earlier */
enum flow_next flow_fail(struct flow *f, int err);

#endif
