/* Tests of gateway/cast.c: the same push in each dialect, framed once for each. */
#include "gateway/cast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HEADER = 2 };

static void expect_frame(struct cast *x, enum dialect d, const char *text)
{
    struct frame *f = cast_frame(x, d);
    struct str bytes = frame_bytes(f);
    assert_ptr_equal(x->frames[d], f);
    assert_int_equal(bytes.n, HEADER + strlen(text));
    assert_memory_equal(bytes.p + HEADER, text, strlen(text));
}

static void test_dialects(void **state)
{
    (void)state;
    const struct str parts[] = {STR("{\"message\":"), STR("[1]"), STR("}")};
    struct cast x = {
        .push =
            {.event = STR("gameMessage"), .room = STR("r"), .seq = 7, .ts = 5, .at_epoch = 2, .at_seq = 7},
        .parts = parts,
        .count = sizeof parts / sizeof *parts};
    expect_frame(&x, DIALECT_NATIVE,
                 "{\"event\":\"gameMessage\",\"room\":\"r\",\"seq\":7,\"ts\":5,\"data\":{\"message\":[1]}}");
    expect_frame(&x, DIALECT_SOCKETIO, "42[\"gameMessage\",{\"message\":[1]},\"r/2/7\"]");
    expect_frame(&x, DIALECT_SOCKETIO_BARE, "42[\"gameMessage\",{\"message\":[1]}]");
    cast_close(&x);
}

static void test_odd_data(void **state)
{
    (void)state;
    struct str none = {0}, text = STR("\"rain\"");
    struct cast x = {.push = {.event = STR("pong")}, .parts = &none, .count = 1};
    expect_frame(&x, DIALECT_NATIVE, "{\"event\":\"pong\",\"data\":{}}");
    expect_frame(&x, DIALECT_SOCKETIO, "42[\"pong\",{}]");
    cast_close(&x);
    x = (struct cast){.push = {.event = STR("weather")}, .parts = &text, .count = 1};
    expect_frame(&x, DIALECT_SOCKETIO, "42[\"weather\",\"rain\",null]");
    cast_close(&x);
    x = (struct cast){.push = {.event = STR("nobody")}, .parts = &text, .count = 1};
    cast_close(&x); /* nothing was framed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dialects), cmocka_unit_test(test_odd_data)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
