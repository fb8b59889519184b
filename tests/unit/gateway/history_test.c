/* A position against a log: does it lead on, does it no longer reach back, or is it another store's? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/history.h"

/* "1/4 1/5 7<1/6 7/7": epoch/seq of each event; 7<1: the first event of 7, behind 1. */
static enum history judge(int64_t epoch, int64_t seq, int64_t last_epoch, int64_t last_seq, const char *log)
{
    static char texts[16][128];
    struct reply events[16], all[5];
    size_t count = 0;
    for (struct str rest = str_of(log); rest.n; count++) {
        struct str one = str_cut(&rest, ' '), in = str_cut(&one, '/'), in_epoch = str_cut(&in, '<');
        char from[48] = "";
        if (in.n)
            (void)snprintf(from, sizeof from, ",\"from\":%.*s", (int)in.n, in.p);
        int n = snprintf(texts[count], sizeof texts[count],
                         "{\"roomId\":\"r\",\"event\":\"e\",\"data\":{},\"seq\":%.*s%s%.*s%s}", (int)one.n,
                         one.p, str_eq(in_epoch, STR("1")) ? "" : ",\"epoch\":",
                         str_eq(in_epoch, STR("1")) ? 0 : (int)in_epoch.n, in_epoch.p, from);
        events[count] = (struct reply){.type = REPLY_STR, .str = {texts[count], (size_t)n}};
    }
    all[0] = (struct reply){.type = REPLY_STR, .str = STR("OK")};
    all[1] = (struct reply){.type = REPLY_INT, .integer = -1};
    all[2] = (struct reply){.type = REPLY_ARRAY, .items = events, .count = count};
    all[3] = (struct reply){.type = REPLY_INT, .integer = last_seq};
    all[4] = (struct reply){.type = REPLY_INT, .integer = last_epoch};
    const struct reply answer = {.type = REPLY_ARRAY, .items = all, .count = 5};
    return history_after((struct history_position){epoch, seq}, &answer);
}

static void it_leads_on(void **state)
{
    (void)state;
    assert_int_equal(judge(1, 3, 1, 3, ""), HISTORY_WHOLE);
    assert_int_equal(judge(1, 3, 1, 5, "1/4 1/5"), HISTORY_WHOLE);
    assert_int_equal(judge(1, 0, 1, 2, "1/1 1/2"), HISTORY_WHOLE);
    assert_int_equal(judge(1, 3, 9, 5, "9<1/4 9/5"), HISTORY_WHOLE);
    assert_int_equal(judge(9, 4, 9, 5, "9/5"), HISTORY_WHOLE);
    assert_int_equal(judge(1, 3, 12, 7, "9<1/4 9/5 12<9/6 12/7"), HISTORY_WHOLE);
    assert_int_equal(judge(1, 4, 1, 5, "1/3 1/4 1/5"), HISTORY_WHOLE); /* more than was asked for */
}

static void it_no_longer_reaches_back(void **state)
{
    (void)state;
    assert_int_equal(judge(1, 3, 1, 9, "1/5 1/6 1/7 1/8 1/9"), HISTORY_CUT);
    assert_int_equal(judge(1, 3, 1, 9, "1/4 1/5 1/8 1/9"), HISTORY_CUT);
    assert_int_equal(judge(1, 3, 1, 9, "1/4 1/5"), HISTORY_CUT);
    assert_int_equal(judge(1, 3, 1, 9, ""), HISTORY_CUT);
    assert_int_equal(judge(1, 3, 9, 9, "9/8 9/9"), HISTORY_CUT); /* perhaps more than cut, but nobody knows */
}

static void it_is_another_stores(void **state)
{
    (void)state;
    assert_int_equal(judge(1, 5, 1, 3, ""), HISTORY_OTHER);              /* fewer numbers */
    assert_int_equal(judge(1, 5, 9, 5, ""), HISTORY_OTHER);              /* as many, but not the same */
    assert_int_equal(judge(1, 5, 9, 7, "9/6 9/7"), HISTORY_OTHER);       /* more */
    assert_int_equal(judge(1, 5, 9, 7, "9<1/5 9/6 9/7"), HISTORY_OTHER); /* seen to differ */
    assert_int_equal(judge(9, 5, 12, 7, "12<1/6 12/7"), HISTORY_OTHER);  /* 9 is not known there */
    assert_int_equal(judge(9, 5, 1, 7, "1/6 1/7"), HISTORY_OTHER);
    assert_int_equal(judge(1, 3, 12, 6, "9<1/4 9/5 12<1/6"), HISTORY_OTHER);
}

static void of_a_room_of_which_nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(judge(1, 3, 1, 0, ""), HISTORY_CUT);
    assert_int_equal(judge(1, 0, 1, 0, ""), HISTORY_CUT);
}

static void what_follows(void **state)
{
    (void)state;
    const struct history_position at = {9, 5};
    struct room_event e = {.epoch = 9, .seq = 6};
    assert_true(history_follows(at, &e));
    e.seq = 7;
    assert_false(history_follows(at, &e));
    e = (struct room_event){.epoch = 12, .seq = 6};
    assert_false(history_follows(at, &e));
    e.from_epoch = 9;
    assert_true(history_follows(at, &e));
    e.from_epoch = 1;
    assert_false(history_follows(at, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_leads_on),          cmocka_unit_test(it_no_longer_reaches_back),
        cmocka_unit_test(it_is_another_stores), cmocka_unit_test(of_a_room_of_which_nothing_is_left),
        cmocka_unit_test(what_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
