/* Tests of common/flow.c: every way through the driver ends in `done`, once. */
#include "common/err.h"
#include "common/flow.h"
#include "common/list.h"
#include "common/mem.h"
#include "tests/unit/common/aborts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct job {
    struct flow flow;
    bool at_once; /* the one asked answers inside the step */
    int left, asked, ends, err;
    char trace[64]; /* one letter per step run */
    size_t traced;
};

static struct job *job_of(struct flow *f)
{
    return OWNER(f, struct job, flow);
}

static void trace(struct job *j, char letter)
{
    assert_true(j->traced < sizeof j->trace - 1);
    j->trace[j->traced++] = letter;
}

static enum flow_next ask(struct flow *f)
{
    struct job *j = job_of(f);
    trace(j, 'a');
    j->asked++;
    if (j->at_once)
        flow_wake(f);
    return FLOW_WAIT;
}

static enum flow_next note(struct flow *f)
{
    trace(job_of(f), 'n');
    return FLOW_NEXT;
}

static enum flow_next fail_here(struct flow *f)
{
    trace(job_of(f), 'f');
    (void)flow_fail(f, ERR_TIMEOUT);
    return flow_fail(f, ERR_IO); /* the first one counts */
}

static enum flow_next finish(struct flow *f)
{
    trace(job_of(f), 'd');
    return FLOW_DONE;
}

static enum flow_next count_down(struct flow *f)
{
    return --job_of(f)->left > 0 ? FLOW_AGAIN : FLOW_NEXT;
}

static void done(struct flow *f)
{
    struct job *j = job_of(f);
    j->ends++;
    j->err = f->err;
}

static const struct flow_step ask_twice[] = {
    {"ask", ask}, {"note", note}, {"ask", ask}, {"note", note}, {NULL, NULL}};

static void waits_and_goes_on(void **state)
{
    struct job j = {0};
    (void)state;
    flow_start(&j.flow, "t", ask_twice, done);
    assert_string_equal(j.trace, "a");
    flow_wake(&j.flow);
    assert_string_equal(j.trace, "ana");
    assert_int_equal(j.ends, 0);
    flow_wake(&j.flow);
    assert_string_equal(j.trace, "anan");
    assert_int_equal(j.ends, 1);
    assert_int_equal(j.err, 0);
}

static void answers_at_once(void **state)
{
    struct job j = {.at_once = true};
    (void)state;
    flow_start(&j.flow, "t", ask_twice, done);
    assert_string_equal(j.trace, "anan");
    assert_int_equal(j.ends, 1);
}

static void failure_skips_the_rest(void **state)
{
    static const struct flow_step steps[] = {
        {"note", note}, {"fail", fail_here}, {"note", note}, {NULL, NULL}};
    struct job j = {0};
    (void)state;
    flow_start(&j.flow, "t", steps, done);
    assert_string_equal(j.trace, "nf");
    assert_int_equal(j.ends, 1);
    assert_int_equal(j.err, ERR_TIMEOUT);
}

static void done_early_and_empty_table(void **state)
{
    static const struct flow_step steps[] = {{"finish", finish}, {"note", note}, {NULL, NULL}},
                                  none[] = {{NULL, NULL}};
    struct job j = {0}, k = {0};
    (void)state;
    flow_start(&j.flow, "t", steps, done);
    assert_string_equal(j.trace, "d");
    assert_int_equal(j.ends, 1);
    flow_start(&k.flow, "t", none, done);
    assert_int_equal(k.ends, 1);
}

static void cancel_waits_for_the_answer(void **state)
{
    struct job j = {0};
    (void)state;
    flow_start(&j.flow, "t", ask_twice, done);
    flow_cancel(&j.flow, ERR_UNAVAILABLE);
    flow_cancel(&j.flow, ERR_IO);
    assert_int_equal(j.ends, 0);
    flow_wake(&j.flow);
    assert_string_equal(j.trace, "a"); /* no step after the cancel */
    assert_int_equal(j.ends, 1);
    assert_int_equal(j.err, ERR_UNAVAILABLE);
}

static enum flow_next cancel_self(struct flow *f)
{
    flow_cancel(f, ERR_INVALID);
    return FLOW_NEXT;
}

static void cancel_inside_a_step(void **state)
{
    static const struct flow_step steps[] = {{"cancel", cancel_self}, {"note", note}, {NULL, NULL}};
    struct job j = {0};
    (void)state;
    flow_start(&j.flow, "t", steps, done);
    assert_string_equal(j.trace, "");
    assert_int_equal(j.ends, 1);
    assert_int_equal(j.err, ERR_INVALID);
}

static void again_runs_the_same_step(void **state)
{
    static const struct flow_step steps[] = {{"count", count_down}, {"note", note}, {NULL, NULL}};
    struct job j = {.left = 5};
    (void)state;
    flow_start(&j.flow, "t", steps, done);
    assert_int_equal(j.left, 0);
    assert_string_equal(j.trace, "n");
    assert_int_equal(j.ends, 1);
}

static enum flow_next ask_quietly(struct flow *f)
{
    job_of(f)->asked++;
    flow_wake(f);
    return FLOW_WAIT;
}

static enum flow_next retry(struct flow *f);
static const struct flow_step retry_steps[] = {
    {"ask", ask_quietly}, {"retry", retry}, {"note", note}, {NULL, NULL}};

static enum flow_next retry(struct flow *f)
{
    return --job_of(f)->left > 0 ? flow_goto(f, &retry_steps[0], FLOW_NEXT) : FLOW_NEXT;
}

/* A million answers that come at once need no stack. */
static void retries_do_not_recurse(void **state)
{
    struct job j = {.left = 1000000};
    (void)state;
    flow_start(&j.flow, "t", retry_steps, done);
    assert_int_equal(j.asked, 1000000);
    assert_string_equal(j.trace, "n");
    assert_int_equal(j.ends, 1);
}

static void free_owner(struct flow *f)
{
    mem_free(job_of(f));
}

static void done_may_free_the_owner(void **state)
{
    struct job *j = mem_alloc(sizeof *j);
    (void)state;
    flow_start(&j->flow, "t", ask_twice, free_owner);
    flow_wake(&j->flow);
    flow_wake(&j->flow);
    assert_int_equal(mem_live_count(), 0);
}

static void wake_without_a_wait(void *arg)
{
    struct job j = {.at_once = true};
    (void)arg;
    flow_start(&j.flow, "t", ask_twice, done);
    flow_wake(&j.flow); /* it has ended */
}

static enum flow_next wake_twice(struct flow *f)
{
    flow_wake(f);
    flow_wake(f);
    return FLOW_WAIT;
}

static void two_wakes_for_one_wait(void *arg)
{
    static const struct flow_step steps[] = {{"twice", wake_twice}, {NULL, NULL}};
    struct job j = {0};
    (void)arg;
    flow_start(&j.flow, "t", steps, done);
}

static void a_wake_too_many_is_a_bug(void **state)
{
    (void)state;
    assert_true(aborts(wake_without_a_wait, NULL));
    assert_true(aborts(two_wakes_for_one_wait, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_and_goes_on),           cmocka_unit_test(answers_at_once),
        cmocka_unit_test(failure_skips_the_rest),      cmocka_unit_test(done_early_and_empty_table),
        cmocka_unit_test(cancel_waits_for_the_answer), cmocka_unit_test(cancel_inside_a_step),
        cmocka_unit_test(again_runs_the_same_step),    cmocka_unit_test(retries_do_not_recurse),
        cmocka_unit_test(done_may_free_the_owner),     cmocka_unit_test(a_wake_too_many_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
