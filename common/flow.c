/* Drives a flow through its table of steps.
 *
 * One loop, flow_run, is the only place where steps run and where `done` is called. It stops in two ways: a
 * step said FLOW_WAIT and nobody has woken the flow yet, or the flow has ended. A wake from inside a step
 * (the answer was there at once) only sets a flag, so a million such answers in a row need no stack.
 *
 * What can go wrong: a second wake for one wait, or a wake after the end, is a bug of the one who wakes and
 * aborts. A cancel while waiting changes nothing until the pending answer arrives, because the one who
 * answers holds a pointer into the owner; the answer then leads straight to `done`. */
#include "common/flow.h"

#include "common/err.h"
#include "common/log.h"

static enum flow_next run_step(struct flow *f)
{
    const struct flow_step *step = f->step;
    log_debug("flow.step", KV("flow", f->name), KV("step", step->name));
    f->woken = false;
    f->step = step + 1; /* before the run, so that flow_goto can overrule it */
    enum flow_next next = step->run(f);
    if (next == FLOW_AGAIN)
        f->step = step;
    return next;
}

static void flow_run(struct flow *f)
{
    f->running = true;
    for (;;) {
        bool ended = f->canceled || f->step->name == NULL;
        enum flow_next next = ended ? FLOW_DONE : run_step(f);
        if (next == FLOW_WAIT && !f->woken) {
            f->waiting = true;
            f->running = false;
            return;
        }
        if (next == FLOW_DONE)
            break;
    }
    f->running = false;
    log_debug("flow.done", KV("flow", f->name), KV_INT("err", f->err));
    f->done(f); /* f may be gone */
}

void flow_start(struct flow *f, const char *name, const struct flow_step *steps, void (*done)(struct flow *f))
{
    *f = (struct flow){.name = name, .step = steps, .done = done};
    flow_run(f);
}

void flow_wake(struct flow *f)
{
    if (f->running) {
        CHECK(!f->woken);
        f->woken = true;
        return;
    }
    CHECK(f->waiting);
    f->waiting = false;
    flow_run(f);
}

void flow_cancel(struct flow *f, int err)
{
    f->canceled = true;
    (void)flow_fail(f, err);
}

enum flow_next flow_fail(struct flow *f, int err)
{
    if (f->err == 0)
        f->err = err;
    return FLOW_DONE;
}

enum flow_next flow_goto(struct flow *f, const struct flow_step *step, enum flow_next how)
{
    CHECK(f->running && (how == FLOW_NEXT || how == FLOW_WAIT));
    f->step = step;
    return how;
}
