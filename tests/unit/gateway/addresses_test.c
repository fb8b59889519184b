/* Tests of gateway/addresses.c: texts of addresses, and counting per address and per IPv6 network. */
#include "common/mem.h"
#include "gateway/addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void check_v6(const char *in, const char *out)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = 1};
    char text[ADDRESSES_TEXT_SIZE];
    assert_int_equal(inet_pton(AF_INET6, in, &v6.sin6_addr), 1);
    addresses_text(text, (const struct sockaddr *)&v6);
    assert_string_equal(text, out);
}

static void test_texts(void **state)
{
    (void)state;
    char text[ADDRESSES_TEXT_SIZE];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = 1, .sin_addr = {htonl(0xc0000201)}};
    addresses_text(text, (const struct sockaddr *)&v4);
    assert_string_equal(text, "192.0.2.1");
    v4.sin_addr.s_addr = htonl(0xffffffff);
    addresses_text(text, (const struct sockaddr *)&v4);
    assert_string_equal(text, "255.255.255.255");
    v4.sin_addr.s_addr = htonl(0x000a6400);
    addresses_text(text, (const struct sockaddr *)&v4);
    assert_string_equal(text, "0.10.100.0");
    check_v6("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
    check_v6("::ffff:192.0.2.1", "192.0.2.1");
    check_v6("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    const struct sockaddr other = {.sa_family = AF_UNIX};
    addresses_text(text, &other);
    assert_string_equal(text, "?");
}

static void test_counts(void **state)
{
    (void)state;
    struct addresses *a = addresses_new();
    assert_int_equal(addresses_count(a, "192.0.2.1"), 0);
    addresses_add(a, "192.0.2.1");
    addresses_add(a, "192.0.2.1");
    addresses_add(a, "192.0.2.2");
    assert_int_equal(addresses_count(a, "192.0.2.1"), 2);
    addresses_remove(a, "192.0.2.1");
    assert_int_equal(addresses_count(a, "192.0.2.1"), 1);
    addresses_remove(a, "192.0.2.1");
    assert_int_equal(addresses_count(a, "192.0.2.1"), 0);
    assert_int_equal(addresses_count(a, "192.0.2.2"), 1);
    addresses_free(a); /* with an address still counted */
    addresses_free(NULL);
    assert_int_equal(mem_live_count(), 0);
}

static void test_ipv6_counts_per_network(void **state)
{
    (void)state;
    struct addresses *a = addresses_new();
    addresses_add(a, "2001:db8:1:2:3:4:5:6");
    addresses_add(a, "2001:db8:1:2::9");
    assert_int_equal(addresses_count(a, "2001:db8:1:2:ffff::"), 2);
    assert_int_equal(addresses_count(a, "2001:db8:1:3::9"), 0);
    addresses_remove(a, "2001:db8:1:2::1");
    assert_int_equal(addresses_count(a, "2001:db8:1:2::9"), 1);
    addresses_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_ipv6_counts_per_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
