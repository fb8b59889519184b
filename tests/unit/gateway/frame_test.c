/* Tests of gateway/frame.c: headers at every boundary of the length, sharing, pings. */
#include "common/mem.h"
#include "gateway/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void check_header(size_t n, const char *header, size_t header_size)
{
    char *payload = mem_alloc(n + 1);
    memset(payload, 'x', n);
    struct frame *f = frame_text((struct str){payload, n});
    struct str bytes = frame_bytes(f);
    assert_int_equal(bytes.n, header_size + n);
    assert_memory_equal(bytes.p, header, header_size);
    assert_memory_equal(bytes.p + header_size, payload, n);
    frame_unref(f);
    mem_free(payload);
}

static void test_headers(void **state)
{
    (void)state;
    check_header(0, "\x81\x00", 2);
    check_header(1, "\x81\x01", 2);
    check_header(125, "\x81\x7d", 2);
    check_header(126, "\x81\x7e\x00\x7e", 4);
    check_header(127, "\x81\x7e\x00\x7f", 4);
    check_header(256, "\x81\x7e\x01\x00", 4);
    check_header(65535, "\x81\x7e\xff\xff", 4);
    check_header(65536, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
    check_header(0x123456, "\x81\x7f\x00\x00\x00\x00\x00\x12\x34\x56", 10);
    assert_int_equal(mem_live_count(), 0);
}

static void test_empty_without_pointer(void **state)
{
    (void)state;
    struct frame *f = frame_text((struct str){NULL, 0});
    assert_int_equal(frame_bytes(f).n, 2);
    frame_unref(f);
}

static void test_joining(void **state)
{
    (void)state;
    const struct str parts[] = {STR("a"), {NULL, 0}, STR("bc"), STR("d")};
    struct frame *f = frame_join(parts, 4);
    assert_int_equal(frame_bytes(f).n, 6);
    assert_memory_equal(frame_bytes(f).p,
                        "\x81\x04"
                        "abcd",
                        6);
    frame_unref(f);
    f = frame_join(NULL, 0);
    assert_int_equal(frame_bytes(f).n, 2);
    frame_unref(f);
}

static void test_sharing(void **state)
{
    (void)state;
    struct frame *f = frame_text(STR("shared"));
    assert_ptr_equal(frame_ref(f), f);
    frame_ref(f);
    frame_unref(f);
    frame_unref(f);
    assert_int_equal(mem_live_count(), 1);
    assert_memory_equal(frame_bytes(f).p + 2, "shared", 6);
    frame_unref(f);
    assert_int_equal(mem_live_count(), 0);
}

static void test_ping(void **state)
{
    (void)state;
    struct frame *f = frame_ping(STR("hb"));
    assert_int_equal(frame_bytes(f).n, 4);
    assert_memory_equal(frame_bytes(f).p, "\x89\x02hb", 4);
    frame_unref(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers), cmocka_unit_test(test_empty_without_pointer),
        cmocka_unit_test(test_joining), cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_ping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
