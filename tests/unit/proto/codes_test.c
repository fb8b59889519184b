/* Error and close codes: complete tables, sentences that fit where they go, the reconnect rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/codes.h"

static void each_code_is_complete(void **state)
{
    (void)state;
    for (int c = CODE_OK; c < CODE_COUNT; c++) {
        const char *name = code_name((enum code)c), *text = code_text((enum code)c);
        assert_non_null(name);
        assert_true(strlen(name) > 1 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(name));
        assert_non_null(text);
        assert_int_equal(text[strlen(text) - 1], '.');
        assert_int_equal(strcspn(text, "\"\\\n"), strlen(text)); /* needs no escaping */
        assert_int_equal(code_find(name), c);
    }
}

static void unknown_names_are_internal(void **state)
{
    (void)state;
    assert_int_equal(code_find("WRONGTYPE"), CODE_INTERNAL);
    assert_int_equal(code_find("bad_request"), CODE_INTERNAL);
    assert_int_equal(code_find(""), CODE_INTERNAL);
    assert_int_equal(code_find(NULL), CODE_INTERNAL);
}

static void retry_is_offered_where_it_helps(void **state)
{
    (void)state;
    const enum code yes[] = {CODE_NOT_STARTED, CODE_RESULT_DISPUTED, CODE_RATE_LIMITED, CODE_BUSY,
                             CODE_SERVICE_DEGRADED};
    unsigned count = 0;
    for (int c = CODE_OK; c < CODE_COUNT; c++)
        count += code_retryable((enum code)c);
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(code_retryable(yes[i]));
    assert_int_equal(count, sizeof yes / sizeof *yes);
}

static void close_sentences_fit_a_close_frame(void **state)
{
    (void)state;
    size_t count = 0;
    for (; close_at(count) != 0; count++) {
        const char *text = close_text(close_at(count));
        assert_true(strlen(text) > 10 && strlen(text) <= 123);
        for (size_t before = 0; before < count; before++) {
            assert_int_not_equal(close_at(before), close_at(count));
            assert_string_not_equal(close_text(close_at(before)), text);
        }
    }
    assert_int_equal(count, 22); /* as many as enum close_code has */
    assert_true(strlen(close_text(4999)) <= 123);
}

static void reconnect_follows_the_number(void **state)
{
    (void)state;
    for (int code = 4000; code < 4300; code++)
        assert_int_equal(close_reconnect(code), code >= 4100);
    const int come_back[] = {CLOSE_GOING_AWAY, CLOSE_ABNORMAL, CLOSE_INTERNAL};
    for (size_t i = 0; i < sizeof come_back / sizeof *come_back; i++)
        assert_true(close_reconnect(come_back[i]));
    const int stay_away[] = {
        CLOSE_NORMAL, CLOSE_PROTOCOL, CLOSE_BINARY, CLOSE_UTF8, CLOSE_POLICY, CLOSE_TOO_BIG, 0, 4300};
    for (size_t i = 0; i < sizeof stay_away / sizeof *stay_away; i++)
        assert_false(close_reconnect(stay_away[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_is_complete),
        cmocka_unit_test(unknown_names_are_internal),
        cmocka_unit_test(retry_is_offered_where_it_helps),
        cmocka_unit_test(close_sentences_fit_a_close_frame),
        cmocka_unit_test(reconnect_follows_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
