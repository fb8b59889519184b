/* Tests of the in-memory back end: when and in which order callbacks fire, channels, closing, the real
 * scripts. */
#include "common/buf.h"
#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/backend.h"
#include "matchmaking/scripts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

struct world {
    struct loop *loop; /* NULL: immediate */
    struct backend *backend;
    struct buf trace; /* what came back, in order */
    int again;        /* on_message runs the script once more, so many times */
    uint64_t now_us;
};

static const char publishing_text[] = "#!lua\n"
                                      "local n = redis.call('INCR', KEYS[1])\n"
                                      "local heard = redis.call('PUBLISH', ARGV[1], 'm' .. n)\n"
                                      "return {n, heard}";
static const struct script publishing = {"publishing", publishing_text, sizeof publishing_text - 1, {0}};
static const char failing_text[] =
    "#!lua\nredis.call('INCR', KEYS[1])\nreturn redis.call('HGET', KEYS[1], 'x')";
static const struct script failing = {"failing", failing_text, sizeof failing_text - 1, {0}};
static const char clock_text[] = "#!lua\nreturn redis.call('TIME')";
static const struct script clock_script = {"clock", clock_text, sizeof clock_text - 1, {0}};

static void on_answer(void *arg, int err, const struct reply *reply)
{
    struct world *w = arg;
    if (err == ERR_SCRIPT)
        buf_add_fmt(&w->trace, "script error %.9s;", reply->str.p);
    else if (err != ERR_NONE)
        buf_add_fmt(&w->trace, "%s%s;", err_name(err), reply != NULL ? " with a reply" : "");
    else
        buf_add_fmt(&w->trace, "answer %d,%d;", (int)reply_int(reply, 0), (int)reply_int(reply, 1));
}

static void run(struct world *w, const struct script *s, const char *channel, backend_cb fn)
{
    struct str key = STR("n"), arg = str_of(channel);
    w->backend->ops->run(w->backend, s, &key, 1, &arg, 1, fn, w);
}

static void on_message(void *arg, struct str channel, struct str message)
{
    struct world *w = arg;
    buf_add_fmt(&w->trace, "%.*s=%.*s;", (int)channel.n, channel.p, (int)message.n, message.p);
    if (w->again > 0) {
        w->again--;
        run(w, &publishing, "p:room_events", on_answer);
    }
}

static void on_state(void *arg, bool up, const char *reason)
{
    buf_add_fmt(&((struct world *)arg)->trace, "%s %s;", up ? "up" : "down", reason);
}

static uint64_t now_us(void *arg)
{
    return ((struct world *)arg)->now_us;
}

static int open_world(void **state, struct loop *loop, bool immediate)
{
    static struct world w;
    w = (struct world){.loop = loop, .now_us = 5000007};
    struct backend_memory_options options = {
        .prefix = "p:", .now_us = now_us, .now_arg = &w, .immediate = immediate};
    struct backend_events events = {on_message, on_state, &w, NULL};
    w.backend = backend_memory_new(loop, &options, &events);
    *state = &w;
    return 0;
}

static int open_deferred(void **state)
{
    return open_world(state, loop_new(), false);
}

static int open_immediate(void **state)
{
    return open_world(state, NULL, true);
}

static int close_world(void **state)
{
    struct world *w = *state;
    if (w->backend != NULL)
        w->backend->ops->free(w->backend);
    loop_free(w->loop);
    buf_close(&w->trace);
    return mem_live_count() == 0 ? 0 : -1;
}

/* What has come back since the last time; a loop runs until it has nothing to do. */
static void expect(struct world *w, const char *expected)
{
    if (w->loop != NULL)
        loop_run(w->loop);
    assert_string_equal(w->trace.len ? w->trace.data : "", expected);
    buf_clear(&w->trace);
}

static void silent(struct world *w)
{
    assert_int_equal(w->trace.len, 0);
}

static void answers_come_later_and_in_order(void **state)
{
    struct world *w = *state;
    assert_true(w->backend->ops->up(w->backend));
    assert_string_equal(w->backend->ops->reason(w->backend), "ok");
    assert_false(w->backend->durable);
    assert_string_equal(w->backend->prefix, "p:");
    run(w, &publishing, "p:room_events", on_answer);
    run(w, &failing, "", on_answer);
    run(w, &publishing, "p:room_events:me", on_answer);
    run(w, &publishing, "p:room_events", NULL);
    silent(w);
    expect(w, "up ok;p:room_events=m1;answer 1,1;script error WRONGTYPE;p:room_events:me=m3;answer 3,1;"
              "p:room_events=m4;");
    expect(w, "");
}

static void only_our_channels(void **state)
{
    struct world *w = *state;
    static const char *const others[] = {"room_events", "p:room_event", "p:room_events2", "q:room_events", "",
                                         "p:"};
    expect(w, "up ok;");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        run(w, &publishing, others[i], NULL);
        w->backend->ops->publish(w->backend, str_of(others[i]), STR("x"));
    }
    expect(w, "");
    w->backend->ops->publish(w->backend, STR("p:room_events"), STR("x"));
    w->backend->ops->publish(w->backend, STR("p:room_events:"), STR(""));
    silent(w);
    expect(w, "p:room_events=x;p:room_events:=;");
}

static void a_message_may_ask_again(void **state)
{
    struct world *w = *state;
    w->again = 2;
    run(w, &publishing, "p:room_events", on_answer);
    expect(w, "up ok;p:room_events=m1;answer 1,1;p:room_events=m2;answer 2,1;p:room_events=m3;answer 3,1;");
}

static void time_is_ours(void **state)
{
    struct world *w = *state;
    run(w, &clock_script, "", on_answer);
    w->now_us = 9000000;
    run(w, &clock_script, "", on_answer);
    expect(w, "up ok;answer 5,7;answer 9,0;");
}

static void closing_answers_what_waits(void **state)
{
    struct world *w = *state;
    run(w, &publishing, "p:room_events", on_answer);
    run(w, &publishing, "", on_answer);
    run(w, &publishing, "", NULL);
    w->backend->ops->free(w->backend);
    w->backend = NULL;
    assert_string_equal(w->trace.data, "unknown;unknown;");
    buf_clear(&w->trace);
    expect(w, ""); /* no callback afterwards */
}

static void ask_again(void *arg, int err, const struct reply *reply)
{
    struct world *w = arg;
    on_answer(w, err, reply);
    run(w, &publishing, "", on_answer);
    w->backend->ops->publish(w->backend, STR("p:room_events"), STR("x"));
    assert_false(w->backend->ops->up(w->backend));
    buf_add_text(&w->trace, "returned;");
}

static void closing_refuses_new_calls(void **state)
{
    struct world *w = *state;
    run(w, &publishing, "", ask_again);
    w->backend->ops->free(w->backend);
    w->backend = NULL;
    expect(w, "unknown;returned;unavailable;");
}

static void close_inside(void *arg, int err, const struct reply *reply)
{
    struct world *w = arg;
    on_answer(w, err, reply);
    w->backend->ops->free(w->backend);
    w->backend = NULL;
    buf_add_int(&w->trace, reply_int(reply, 0)); /* still readable */
    buf_add_text(&w->trace, ";");
}

static void closing_in_a_callback(void **state)
{
    struct world *w = *state;
    run(w, &publishing, "", close_inside);
    run(w, &publishing, "", on_answer);
    expect(w, "up ok;answer 1,0;unknown;1;");
}

static void immediate_answers_inside(void **state)
{
    struct world *w = *state;
    silent(w);
    run(w, &publishing, "p:room_events", on_answer);
    assert_string_equal(w->trace.data, "up ok;p:room_events=m1;answer 1,1;");
    w->backend->ops->publish(w->backend, STR("p:room_events:x"), STR("y"));
    expect(w, "up ok;p:room_events=m1;answer 1,1;p:room_events:x=y;");
    w->again = 1;
    run(w, &publishing, "p:room_events", on_answer);
    expect(w, "p:room_events=m2;answer 2,1;p:room_events=m3;answer 3,1;");
    run(w, &publishing, "", close_inside);
    expect(w, "answer 4,0;4;");
}

static void immediate_with_a_loop(void **state)
{
    struct world *w;
    open_world(state, loop_new(), true);
    w = *state;
    silent(w);
    expect(w, "up ok;");
    run(w, &publishing, "p:room_events", on_answer);
    assert_string_equal(w->trace.data, "p:room_events=m1;answer 1,1;");
}

static void the_real_clock(void **state)
{
    struct backend_memory_options options = {.immediate = true};
    struct backend_events events = {on_message, NULL, *state, NULL};
    struct world w = {0};
    w.backend = backend_memory_new(NULL, &options, &events);
    run(&w, &clock_script, "", on_answer);
    struct str text = buf_str(&w.trace);
    int64_t seconds = 0;
    (void)str_cut(&text, ' ');
    assert_true(str_to_int(str_cut(&text, ','), &seconds));
    assert_in_range(seconds, time(NULL) - 60, time(NULL) + 60);
    w.backend->ops->free(w.backend);
    buf_close(&w.trace);
}

static void note_compile_error(void *arg, int err, const struct reply *reply)
{
    if (err == ERR_SCRIPT && memcmp(reply->str.p, "ERR Error compiling", 19) == 0)
        buf_add_str(arg, reply->str);
}

/* Every script of the product is one this Lua can read. Without arguments each fails, but in its own way. */
static void all_scripts_compile(void **state)
{
    struct world *w = *state;
    size_t count = 0;
    for (; scripts_all[count] != NULL; count++)
        w->backend->ops->run(w->backend, scripts_all[count], NULL, 0, NULL, 0, note_compile_error, &w->trace);
    assert_true(count > 10);
    expect(w, "up ok;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_come_later_and_in_order, open_deferred, close_world),
        cmocka_unit_test_setup_teardown(only_our_channels, open_deferred, close_world),
        cmocka_unit_test_setup_teardown(a_message_may_ask_again, open_deferred, close_world),
        cmocka_unit_test_setup_teardown(time_is_ours, open_deferred, close_world),
        cmocka_unit_test_setup_teardown(closing_answers_what_waits, open_deferred, close_world),
        cmocka_unit_test_setup_teardown(closing_refuses_new_calls, open_deferred, close_world),
        cmocka_unit_test_setup_teardown(closing_in_a_callback, open_deferred, close_world),
        cmocka_unit_test_setup_teardown(immediate_answers_inside, open_immediate, close_world),
        cmocka_unit_test_setup_teardown(immediate_with_a_loop, NULL, close_world),
        cmocka_unit_test_setup_teardown(all_scripts_compile, open_deferred, close_world),
        cmocka_unit_test(the_real_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
