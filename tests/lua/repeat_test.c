/* Every script called twice in a row with the same arguments: after the second call the store is as after the
 * first, wherever the script's head claims so. (The answer was lost and the instance asks again.) */
#include "tests/lib/stage.h"

static void expect_answer(struct fleet_world *w, const struct stage_case *c, const char *which,
                          const char *expected)
{
    if (strcmp(expected, "?") != 0 && strcmp(w->text.data, expected) != 0)
        fail_msg("%s, %s call: answers %s, expected %s", c->what, which, w->text.data, expected);
}

static void try_twice(struct fleet_world *w, const struct stage_case *c)
{
    struct stage s;
    stage_set(w, c, &s);
    c->call(w, &s);
    expect_answer(w, c, "first", c->first);
    struct buf first = {0};
    buf_add_str(&first, buf_str(&w->text));
    play_forget(w);
    struct buf before = fleet_world_dump(w);
    c->call(w, &s);
    expect_answer(w, c, "second", strcmp(c->second, "=") == 0 ? first.data : c->second);
    fleet_world_same(w, &before, fleet_text("%s, the second call,", c->what));
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        assert_string_equal(fleet_world_heard(w, i), "");
    fleet_world_audit(w);
    buf_close(&first);
    stage_clear(&s);
}

static void twice_is_once(struct fleet_world *w)
{
    for (const struct stage_case *c = stage_cases; c->what; c++)
        if (c->first)
            try_twice(w, c);
}

/* The others do something each time, but nothing bad: the audit finds nothing after the second call. */
static void twice_does_no_harm(struct fleet_world *w)
{
    for (const struct stage_case *c = stage_cases; c->what; c++) {
        struct stage s;
        stage_set(w, c, &s);
        c->call(w, &s);
        c->call(w, &s);
        c->call(w, &s);
        assert_true(w->text.len == 0 || w->text.data[0] != '!');
        fleet_world_audit(w);
        stage_clear(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH(twice_is_once), BOTH(twice_does_no_harm)};
    return FLEET_WORLD_RUN(tests);
}
