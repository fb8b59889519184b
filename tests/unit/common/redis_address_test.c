/* Redis URLs: what is understood, and that everything else is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include "common/redis/address.h"

static struct redis_address good(const char *url)
{
    struct redis_address a;
    const char *why = NULL;
    memset(&a, 0x5a, sizeof a); /* so that a field left unset is seen */
    if (!redis_address_parse(url, &a, &why))
        fail_msg("%s was refused: %s", url, why);
    assert_null(why);
    return a;
}

static const char *bad(const char *url)
{
    struct redis_address a;
    const char *why = NULL;
    memset(&a, 0x5a, sizeof a);
    const struct redis_address before = a;
    if (redis_address_parse(url, &a, &why))
        fail_msg("%s was accepted", url);
    assert_non_null(why);
    assert_memory_equal(&a, &before, sizeof a);
    return why;
}

static void expect(const char *url, const char *host, int port, int db, const char *user,
                   const char *password)
{
    struct redis_address a = good(url);
    assert_string_equal(a.host, host);
    assert_int_equal(a.port, port);
    assert_int_equal(a.db, db);
    assert_string_equal(a.username, user);
    assert_string_equal(a.password, password);
    assert_false(a.is_unix);
}

static void test_plain(void **state)
{
    (void)state;
    expect("redis://cache.example.org", "cache.example.org", 6379, 0, "", "");
    expect("REDIS://cache:7000", "cache", 7000, 0, "", "");
    expect("redis://127.0.0.1:65535/", "127.0.0.1", 65535, 0, "", "");
    expect("redis://h/15", "h", 6379, 15, "", "");
    expect("redis://h:1/0", "h", 1, 0, "", "");
    expect("redis://", "localhost", 6379, 0, "", "");
    expect("redis:///3", "localhost", 6379, 3, "", "");
    expect("redis://:6380", "localhost", 6380, 0, "", "");
    expect("redis://[::1]", "::1", 6379, 0, "", "");
    expect("redis://u:p@[fe80::1%25eth0]:6380/2", "fe80::1%eth0", 6380, 2, "u", "p");
}

static void test_passwords(void **state)
{
    (void)state;
    expect("redis://:secret@h", "h", 6379, 0, "", "secret");
    expect("redis://user:secret@h:1/2", "h", 1, 2, "user", "secret");
    expect("redis://us%3Aer:%40%3A%2F%25%23%3F%20@h", "h", 6379, 0, "us:er", "@:/%#? ");
    expect("redis://:a@b:c@h", "h", 6379, 0, "", "a@b:c"); /* forgiven: the last @ ends it */
    expect("redis://:%c3%A4@h", "h", 6379, 0, "", "\xc3\xa4");
    expect("redis://:a+b@h", "h", 6379, 0, "", "a+b");
}

static void test_unix(void **state)
{
    (void)state;
    struct redis_address a = good("unix:///run/redis/redis.sock");
    assert_true(a.is_unix);
    assert_string_equal(a.host, "/run/redis/redis.sock");
    assert_int_equal(a.db, 0);
    assert_string_equal(a.password, "");
    a = good("unix://u:p%2F@/a%20b?db=7");
    assert_string_equal(a.host, "/a b");
    assert_int_equal(a.db, 7);
    assert_string_equal(a.username, "u");
    assert_string_equal(a.password, "p/");
    bad("unix://");
    bad("unix:///");
    bad("unix://relative/path");
    bad("unix:///s?db=x");
    bad("unix:///s?db=");
    bad("unix:///s?other=1");
    bad("unix:///s#x");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "localhost",
        "localhost:6379",
        "http://h",
        "redis:/h",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:",
        "redis://h:-1",
        "redis://h:1x",
        "redis://h: 1",
        "redis://h:99999999999999999999",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/1/",
        "redis://h/1?a=b",
        "redis://h?db=1",
        "redis://h#1",
        "redis://h/99999999999",
        "redis://@h",
        "redis://user@h",
        "redis://user:@h",
        "redis://:p%@h",
        "redis://:p%4@h",
        "redis://:%zz@h",
        "redis://:%00@h",
        "redis://h%2",
        "redis://h%",
        "redis://a b",
        "redis://a%0Ab",
        "redis://a%2Fb",
        "redis://[::1",
        "redis://[]",
        "redis://[::1]x",
        "redis://[::1]:",
        "redis://:pass/word@h", /* would otherwise go to localhost, port "pass" */
        "redis://:pass#word@h",
        "redis://:1/2@h",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        bad(urls[i]);
    assert_non_null(strstr(bad("rediss://h"), "TLS"));
    assert_non_null(strstr(bad("redis://:pa/ss@h"), "%2F")); /* says how to write it */
}

/* url = head + n times 'x' + tail */
static bool accepted(const char *head, size_t n, const char *tail)
{
    char x[400], url[600];
    struct redis_address a;
    const char *why;
    memset(x, 'x', n);
    x[n] = '\0';
    snprintf(url, sizeof url, "%s%s%s", head, x, tail);
    return redis_address_parse(url, &a, &why);
}

static void test_lengths(void **state)
{
    (void)state;
    assert_true(accepted("redis://", 255, ""));
    assert_false(accepted("redis://", 256, ""));
    assert_true(accepted("redis://", 127, ":p@h"));
    assert_false(accepted("redis://", 128, ":p@h"));
    assert_true(accepted("redis://:", 255, "@h"));
    assert_false(accepted("redis://:", 256, "@h"));
    assert_true(accepted("unix:///", 106, ""));
    assert_false(accepted("unix:///", 107, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),   cmocka_unit_test(test_passwords), cmocka_unit_test(test_unix),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
