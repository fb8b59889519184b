/* Tests of collected calls, with messages: when a batch leaves, in which order, and who gets which part of
 * the answer. The back end only writes down what it is asked. */
#include "matchmaking/room_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/scripts.h"

#include <cmocka.h>

enum { CALLS_MAX = 8 };

struct world {
    struct backend backend;
    struct loop *loop;
    struct realm realm;
    struct batch *batch;
    struct buf asked; /* "script(keys/args: data data);" in order */
    struct buf told;  /* "1=OK 7;" in order */
    size_t calls;
    bool away; /* the store */
    struct {
        backend_cb fn;
        void *arg;
    } call[CALLS_MAX];
};

static void record(struct backend *b, const struct script *s, const struct str *keys, size_t key_count,
                   const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    struct world *w = (struct world *)(void *)b; /* its first member */
    (void)keys;
    buf_add_fmt(&w->asked, "%s(%zu/%zu:", s->name, key_count, arg_count);
    if (s == &script_message)
        for (size_t i = 6; i < arg_count; i += 7)
            buf_add_fmt(&w->asked, " %.*s", (int)args[i + 4].n, args[i + 4].p);
    if (s == &script_confirm)
        for (size_t i = 4; i < arg_count; i += 3)
            buf_add_fmt(&w->asked, " %.*s", (int)args[i + 1].n, args[i + 1].p);
    buf_add_text(&w->asked, ");");
    w->call[w->calls].fn = fn;
    w->call[w->calls++].arg = arg;
}

static bool is_up(const struct backend *b)
{
    return !((const struct world *)(const void *)b)->away;
}

static int open_world(void **state)
{
    static const struct backend_ops ops = {.run = record, .up = is_up};
    static const struct realm_rules rules = {.log_max = 256, .events_mode = "remote"};
    static struct world w;
    w = (struct world){.backend = {.ops = &ops, .prefix = "p:"}, .loop = loop_new()};
    w.batch = batch_new(w.loop);
    realm_init(&w.realm, &w.backend, &rules, "p:", "i1");
    w.realm.batch = w.batch;
    *state = &w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    batch_free(w->batch);
    loop_stop(w->loop);
    loop_free(w->loop);
    buf_close(&w->asked);
    buf_close(&w->told);
    return mem_live_count() == 0 ? 0 : -1;
}

struct teller { /* one message's answer */
    struct world *world;
    int number;
    bool again; /* says another one when it is answered */
};

static const struct room_seat ann = {.room_id = {"r", 1},
                                     .session_id = {"n", 1},
                                     .player_id = {"ann", 3},
                                     .socket_id = {"s", 1},
                                     .request_id = 1};

static void say(struct teller *t, const char *data);

static void on_answer(void *arg, int err, const struct reply *reply)
{
    struct teller *t = arg;
    struct str word = err == ERR_SCRIPT ? reply->str : reply_str(reply ? reply : &(struct reply){0}, 0);
    buf_add_fmt(&t->world->told, "%d=%s%.*s;", t->number, err ? err_name(err) : "", (int)word.n, word.p);
    if (t->again) {
        t->again = false;
        say(t, "again");
    }
}

static void say(struct teller *t, const char *data)
{
    room_state_message(&t->world->realm, &ann, "gameMessage", str_of(data), true, on_answer, t);
}

/* The answer to call `i`, of these parts; then it is over. */
static void answer(struct world *w, size_t i, const struct reply *parts, size_t count)
{
    w->call[i].fn(w->call[i].arg, ERR_NONE,
                  &(struct reply){.type = REPLY_ARRAY, .items = parts, .count = count});
}

static const struct reply ok_word = {.type = REPLY_STR, .str = {"OK", 2}};
static const struct reply ok = {.type = REPLY_ARRAY, .items = &ok_word, .count = 1};
static const struct reply bad = {.type = REPLY_ERROR, .str = {"WRONGTYPE", 9}};

static void one_pass_is_one_call(void **state)
{
    struct world *w = *state;
    struct teller t[3] = {{w, 1, false}, {w, 2, false}, {w, 3, false}};
    for (int i = 0; i < 3; i++)
        say(&t[i], (const char *[]){"a", "b", "c"}[i]);
    assert_int_equal(w->calls, 0);
    loop_flush(w->loop);
    assert_string_equal(w->asked.data, "message(10/27: a b c);");
    answer(w, 0, (const struct reply[]){ok, bad, ok}, 3);
    assert_string_equal(w->told.data, "1=OK;2=scriptWRONGTYPE;3=OK;");
    loop_flush(w->loop);
    assert_int_equal(w->calls, 1); /* nothing is left */
}

static void another_call_goes_behind(void **state)
{
    struct world *w = *state;
    struct teller t = {w, 1, false};
    say(&t, "a");
    struct realm_call c;
    realm_call(&c, &w->realm);
    realm_run(&c, &script_where, NULL, NULL);
    say(&t, "b");
    loop_flush(w->loop);
    assert_string_equal(w->asked.data, "message(4/13: a);where(0/3:);message(4/13: b);");
    answer(w, 0, &ok, 1);
    answer(w, 2, &ok, 1);
}

/* What is said while the store is away does not leave when it is back: that may be another store, of which
 * the caller had not heard. What was said before goes first. */
static void to_a_store_that_is_away(void **state)
{
    struct world *w = *state;
    struct teller t[3] = {{w, 1, false}, {w, 2, false}, {w, 3, false}};
    say(&t[0], "a");
    w->away = true;
    say(&t[1], "b");
    assert_string_equal(w->asked.data, "message(4/13: a);message(4/13: b);"); /* at once */
    w->away = false;
    say(&t[2], "c");
    loop_flush(w->loop);
    assert_string_equal(w->asked.data, "message(4/13: a);message(4/13: b);message(4/13: c);");
    for (size_t i = 0; i < 3; i++)
        answer(w, i, &ok, 1);
    assert_string_equal(w->told.data, "1=OK;2=OK;3=OK;");
}

static void so_does_the_heartbeat(void **state)
{
    struct world *w = *state;
    struct teller t = {w, 1, false};
    say(&t, "a");
    struct realm_call c;
    realm_call(&c, &w->realm);
    realm_probe(&c, &script_heartbeat, NULL, NULL);
    assert_string_equal(w->asked.data, "message(4/13: a);heartbeat(0/3:);");
    answer(w, 0, &ok, 1);
}

/* What is collected is of one script: the order of the calls is kept. */
static void each_script_has_its_own_batch(void **state)
{
    struct world *w = *state;
    struct teller t[4] = {{w, 1, false}, {w, 2, false}, {w, 3, false}, {w, 4, false}};
    say(&t[0], "a");
    room_state_confirm(&w->realm, &ann, on_answer, &t[1]);
    room_state_confirm(&w->realm, &ann, on_answer, &t[2]);
    say(&t[3], "b");
    loop_flush(w->loop);
    assert_string_equal(w->asked.data, "message(4/13: a);confirm(12/10: ann ann);message(4/13: b);");
    answer(w, 0, &ok, 1);
    answer(w, 1, (const struct reply[]){bad, ok}, 2);
    answer(w, 2, &ok, 1);
    assert_string_equal(w->told.data, "1=OK;2=scriptWRONGTYPE;3=OK;4=OK;");
}

static void a_full_batch_does_not_wait(void **state)
{
    struct world *w = *state;
    struct teller t = {w, 1, false};
    for (int i = 0; i < BATCH_MAX + 1; i++)
        say(&t, "x");
    assert_int_equal(w->calls, 1);
    loop_flush(w->loop);
    assert_int_equal(w->calls, 2);
    for (size_t i = 0; i < 2; i++)
        w->call[i].fn(w->call[i].arg, ERR_UNAVAILABLE, NULL);
    struct buf want = {0};
    for (int i = 0; i < BATCH_MAX + 1; i++)
        buf_add_fmt(&want, "1=%s;", err_name(ERR_UNAVAILABLE)); /* everybody is told */
    assert_string_equal(w->told.data, want.data);
    buf_close(&want);
}

static void an_answer_may_say_more(void **state)
{
    struct world *w = *state;
    struct teller t[2] = {{w, 1, true}, {w, 2, false}};
    say(&t[0], "a");
    say(&t[1], "b");
    loop_flush(w->loop);
    answer(w, 0, (const struct reply[]){ok, ok}, 2);
    loop_flush(w->loop);
    assert_string_equal(w->asked.data, "message(7/20: a b);message(4/13: again);");
    answer(w, 1, &ok, 1);
    assert_string_equal(w->told.data, "1=OK;2=OK;1=OK;");
}

static void the_end_sends_what_is_there(void **state)
{
    struct world *w = *state;
    struct teller t = {w, 1, false};
    say(&t, "last");
    batch_free(w->batch);
    w->batch = w->realm.batch = NULL;
    assert_string_equal(w->asked.data, "message(4/13: last);");
    say(&t, "alone"); /* without a batch: at once */
    assert_string_equal(w->asked.data, "message(4/13: last);message(4/13: alone);");
    answer(w, 0, &ok, 1);
    answer(w, 1, &ok, 1);
}

static void on_said(void *arg, int err, const struct reply *reply)
{
    struct world *w = arg;
    buf_add_fmt(&w->told, "%d %.*s %lld %.*s;", err, (int)reply_str(reply, 0).n, reply_str(reply, 0).p,
                (long long)reply_int(reply, 1), (int)reply_str(reply, 2).n, reply_str(reply, 2).p);
}

/* The store answers what was said by the event alone. */
static void an_event_is_told_with_its_number(void **state)
{
    struct world *w = *state;
    const struct reply event = {.type = REPLY_STR,
                                .str = STR("{\"roomId\":\"r\",\"event\":\"gameMessage\",\"data\":{\"seq\":9},"
                                           "\"originInstanceId\":\"i1\",\"timestamp\":5,\"seq\":7}")};
    room_state_message(&w->realm, &ann, "gameMessage", STR("{}"), true, on_said, w);
    loop_flush(w->loop);
    answer(w, 0, &event, 1);
    char want[256];
    (void)snprintf(want, sizeof want, "0 OK 7 %s;", event.str.p);
    assert_string_equal(w->told.data, want);
}

/* An answer that no script gives is nobody's success. */
static void a_text_that_is_no_event_is_no_answer(void **state)
{
    struct world *w = *state;
    const struct reply text = {.type = REPLY_STR, .str = STR("OK")};
    struct teller t = {w, 1, false};
    say(&t, "a");
    loop_flush(w->loop);
    answer(w, 0, &text, 1);
    assert_string_equal(w->told.data, "1=;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_pass_is_one_call),
        TEST(another_call_goes_behind),
        TEST(to_a_store_that_is_away),
        TEST(so_does_the_heartbeat),
        TEST(each_script_has_its_own_batch),
        TEST(a_full_batch_does_not_wait),
        TEST(an_answer_may_say_more),
        TEST(the_end_sends_what_is_there),
        TEST(an_event_is_told_with_its_number),
        TEST(a_text_that_is_no_event_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
