/* What sentinels announce, and where a link goes then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/redis/follow.h"
#include "common/redis/target.h"

static void an_announcement(void **state)
{
    (void)state;
    struct str host;
    int port = 0;
    assert_true(follow_parse(STR("mymaster 10.0.0.1 6379 10.0.0.2 6380"), "mymaster", &host, &port));
    assert_true(str_eq(host, STR("10.0.0.2")));
    assert_int_equal(port, 6380);
    assert_true(follow_parse(STR("m ::1 1 ::2 65535"), "m", &host, &port));
    assert_true(str_eq(host, STR("::2")));
}

static void what_does_not_concern_us(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "other 10.0.0.1 6379 10.0.0.2 6380",
        "mymaster2 10.0.0.1 6379 10.0.0.2 6380",
        "mymaster",
        "",
        "mymaster 10.0.0.1 6379",
        "mymaster 10.0.0.1 6379 10.0.0.2",
        "mymaster 10.0.0.1 6379  6380",
        "mymaster 10.0.0.1 6379 10.0.0.2 0",
        "mymaster 10.0.0.1 6379 10.0.0.2 65536",
        "mymaster 10.0.0.1 6379 10.0.0.2 six",
        "mymaster 10.0.0.1 6379 10.0.0.2 1 2",
    };
    struct str host;
    int port = 0;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (follow_parse(str_of(messages[i]), "mymaster", &host, &port))
            fail_msg("taken: %s", messages[i]);
}

static int found;

static void on_found(void *arg, const char *failure)
{
    (void)arg;
    assert_null(failure);
    found++;
}

static void the_place_announced_is_not_asked_for(void **state)
{
    (void)state;
    static struct sentinel_hosts hosts = {.count = 1, .master = "m"};
    const struct redis_address start = {.host = "localhost", .port = 6379, .password = "secret", .db = 3};
    struct target t;
    target_init(&t, NULL, &start, &hosts);
    assert_string_equal(t.where, "master m");
    assert_true(target_move(&t, STR("10.0.0.2"), 6380));
    assert_false(target_move(&t, STR("10.0.0.2"), 6380)); /* no news */
    target_find(&t, on_found, NULL);                      /* without a loop: nobody is asked */
    assert_int_equal(found, 1);
    assert_string_equal(t.where, "10.0.0.2:6380");
    assert_string_equal(t.address.password, "secret");
    assert_int_equal(t.address.db, 3);
    char endless[300];
    memset(endless, 'x', sizeof endless);
    assert_false(target_move(&t, (struct str){endless, sizeof endless}, 1));
    assert_string_equal(t.address.host, "10.0.0.2");
}

static void a_fixed_place_does_not_move(void **state)
{
    (void)state;
    const struct redis_address start = {.host = "localhost", .port = 6379};
    struct target t;
    target_init(&t, NULL, &start, NULL);
    assert_false(target_move(&t, STR("10.0.0.2"), 6380));
    found = 0;
    target_find(&t, on_found, NULL);
    assert_int_equal(found, 1);
    assert_string_equal(t.where, "localhost:6379");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announcement),
        cmocka_unit_test(what_does_not_concern_us),
        cmocka_unit_test(the_place_announced_is_not_asked_for),
        cmocka_unit_test(a_fixed_place_does_not_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
