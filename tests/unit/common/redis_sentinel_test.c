/* The list of sentinels in the settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "common/redis/sentinel.h"

static void test_lists(void **state)
{
    (void)state;
    struct sentinel_hosts h;
    const char *why;
    assert_true(sentinel_hosts_parse("one,two:1234, [::1]:5 ,[::2]", "mymaster", "pw", &h, &why));
    assert_int_equal(h.count, 4);
    assert_string_equal(h.master, "mymaster");
    assert_string_equal(h.hosts[0].host, "one");
    assert_int_equal(h.hosts[0].port, 26379);
    assert_string_equal(h.hosts[1].host, "two");
    assert_int_equal(h.hosts[1].port, 1234);
    assert_string_equal(h.hosts[2].host, "::1");
    assert_int_equal(h.hosts[2].port, 5);
    assert_string_equal(h.hosts[3].host, "::2");
    assert_int_equal(h.hosts[3].port, 26379);
    assert_string_equal(h.hosts[3].password, "pw");
    assert_true(sentinel_hosts_parse("one", "m", NULL, &h, &why));
    assert_string_equal(h.hosts[0].password, "");
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      ",",     "one,,two",  "one:",   "one:0",
        ":1234", "one:x", "one:65536", "[::1]x", "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sentinel_hosts h = {.count = 7};
        const char *why = NULL;
        assert_false(sentinel_hosts_parse(bad[i], "m", NULL, &h, &why));
        assert_non_null(why);
        assert_int_equal(h.count, 7);
    }
    struct sentinel_hosts h;
    const char *why;
    assert_false(sentinel_hosts_parse("one", "", NULL, &h, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
