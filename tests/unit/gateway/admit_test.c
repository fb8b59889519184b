/* On which stores an instance may live, by what INFO says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "gateway/admit.h"

static void test_a_cluster_needs_a_hash_tag(void **state)
{
    (void)state;
    struct str info = STR("maxmemory_policy:noeviction\r\ncluster_enabled:1\r\n");
    static const char *const bad[] = {NULL, "", "realm1:", "{realm1", "}{:", "{}:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(strstr(admit_judge(info, bad[i], false), "Redis Cluster"));
    assert_null(admit_judge(info, "{realm1}:", false));
    assert_null(admit_judge(STR("cluster_enabled:0\r\n"), "", false));
}

static void test_noeviction_may_be_required(void **state)
{
    (void)state;
    struct str good = STR("maxmemory_policy:noeviction\r\n"), bad = STR("maxmemory_policy:allkeys-lru\r\n"),
               other = STR("maxmemory_policy:volatile-lru\r\n");
    assert_null(admit_judge(good, "", true));
    assert_non_null(strstr(admit_judge(bad, "", true), "maxmemory-policy"));
    assert_non_null(admit_judge(other, "", true));
    assert_non_null(strstr(admit_judge((struct str){0}, "", true), "does not say"));
    assert_null(admit_judge(bad, "", false));
    assert_null(admit_judge((struct str){0}, "", false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cluster_needs_a_hash_tag),
        cmocka_unit_test(test_noeviction_may_be_required),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
