/* Tests of common/buf.c. */
#include "common/buf.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void grows_and_stays_terminated(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b);
    assert_int_equal(buf_str(&b).n, 0);
    buf_add(&b, NULL, 0);
    assert_string_equal(b.data, "");
    for (int i = 0; i < 1000; i++) {
        buf_add_text(&b, "ab");
        assert_int_equal(b.len, strlen(b.data));
    }
    assert_int_equal(b.len, 2000);
    assert_memory_equal(b.data + 1996, "abab", 5);
    char *before = b.data;
    buf_clear(&b);
    assert_ptr_equal(b.data, before);
    assert_string_equal(b.data, "");
    buf_close(&b);
    assert_null(b.data);
    buf_clear(&b);
    buf_close(&b);
}

static void formats_numbers_and_text(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_int(&b, INT64_MIN);
    buf_add_text(&b, " ");
    buf_add_int(&b, INT64_MAX);
    buf_add_str(&b, STR(" x"));
    assert_string_equal(b.data, "-9223372036854775808 9223372036854775807 x");
    buf_clear(&b);
    buf_add_fmt(&b, "%s-%d", "", 5);
    buf_add_fmt(&b, "%0300d", 7); /* longer than what is there */
    assert_int_equal(b.len, 302);
    assert_string_equal(b.data + 300, "07");
    buf_clear(&b);
    buf_add_fmt(&b, "%s", "");
    assert_int_equal(b.len, 0);
    buf_close(&b);
}

static void json_strings_are_escaped(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_json(&b, (struct str){"a\"b\\c\b\t\n\f\r\x01\x1f\x7f\0/\xc3\xa4", 17});
    assert_string_equal(b.data, "\"a\\\"b\\\\c\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\\u0000/\xc3\xa4\"");
    buf_clear(&b);
    buf_add_json(&b, (struct str){NULL, 0});
    assert_string_equal(b.data, "\"\"");
    buf_close(&b);
}

/* On lent space as on its own: the same text, whether it fits, fits exactly or has to move. */
static void begins_on_lent_space(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        char space[16];
        struct buf b = buf_on(space, sizeof space);
        assert_string_equal(b.data, "");
        for (size_t i = 0; i < n; i++)
            buf_add(&b, &"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"[i], 1);
        assert_int_equal(b.len, n);
        assert_memory_equal(b.data, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN", n);
        assert_int_equal(b.data[n], 0);
        assert_int_equal(b.data == space, n < sizeof space);
        assert_int_equal(mem_live_count(), n >= sizeof space);
        buf_close(&b);
        assert_int_equal(mem_live_count(), 0);
    }
    char space[8];
    struct buf b = buf_on(space, sizeof space);
    buf_add_fmt(&b, "%d", 12345678); /* with its NUL one too many */
    assert_ptr_not_equal(b.data, space);
    assert_string_equal(b.data, "12345678");
    buf_close(&b);
}

static int nothing_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(formats_numbers_and_text),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(begins_on_lent_space),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_left);
}
