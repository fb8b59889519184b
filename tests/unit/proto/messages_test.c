/* The vocabulary: every name is found exactly, nothing else is, and the member lists are well formed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/messages.h"

static void every_name_is_found(void **state)
{
    (void)state;
    for (int m = MSG_UNKNOWN + 1; m < MSG_COUNT; m++) {
        const char *name = message_name((enum message)m);
        assert_non_null(name);
        assert_int_equal(message_find(str_of(name)), m);
    }
    assert_string_equal(message_name(MSG_UNKNOWN), "unknown");
}

static void near_misses_are_unknown(void **state)
{
    (void)state;
    for (int m = MSG_UNKNOWN + 1; m < MSG_COUNT; m++) {
        char near[64];
        size_t n = strlen(message_name((enum message)m));
        for (size_t i = 0; i < n; i++) {
            memcpy(near, message_name((enum message)m), n);
            near[i] = (char)(near[i] ^ 0x20); /* the other case */
            assert_int_equal(message_find((struct str){near, n}), MSG_UNKNOWN);
        }
        memcpy(near, message_name((enum message)m), n);
        near[n] = 's';
        assert_int_equal(message_find((struct str){near, n + 1}), MSG_UNKNOWN);
        assert_int_equal(message_find((struct str){near, n - 1}), MSG_UNKNOWN);
    }
    assert_int_equal(message_find((struct str){NULL, 0}), MSG_UNKNOWN);
    assert_int_equal(message_find(STR("unknown")), MSG_UNKNOWN);
    char longest[300];
    memset(longest, 'a', sizeof longest);
    for (size_t n = 0; n <= sizeof longest; n++)
        assert_int_equal(message_find((struct str){longest, n}), MSG_UNKNOWN);
}

/* Names of letters, `?` only at the end of one, single spaces; or "*". */
static void check_list(const char *list)
{
    struct str rest = str_of(list);
    if (rest.n == 0 || str_eq(rest, STR("*")))
        return;
    while (rest.n > 0) {
        struct str name = str_cut(&rest, ' ');
        if (name.n > 0 && name.p[name.n - 1] == '?')
            name.n--;
        assert_true(name.n > 1);
        for (size_t i = 0; i < name.n; i++)
            assert_true((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= 'A' && name.p[i] <= 'Z'));
    }
}

static void member_lists_are_well_formed(void **state)
{
    (void)state;
    for (int m = MSG_UNKNOWN + 1; m < MSG_COUNT; m++) {
        check_list(message_info((enum message)m)->members);
        check_list(message_info((enum message)m)->reply);
    }
    size_t count = 0;
    for (; message_push_at(count) != NULL; count++) {
        check_list(message_push_at(count)->members);
        for (size_t before = 0; before < count; before++)
            assert_string_not_equal(message_push_at(before)->name, message_push_at(count)->name);
    }
    assert_int_equal(count, 22); /* as many as messages.h has PUSH_ names */
    assert_null(message_push_at(count + 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found),
        cmocka_unit_test(near_misses_are_unknown),
        cmocka_unit_test(member_lists_are_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
