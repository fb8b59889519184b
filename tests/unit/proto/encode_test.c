/* Replies, errors and pushes, compared to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/id.h"
#include "proto/encode.h"
#include "proto/messages.h"

#define NONE ((struct str){NULL, 0})

static void expect(struct buf *b, const char *text)
{
    assert_int_equal(b->len, strlen(b->data));
    assert_string_equal(b->data, text);
    buf_clear(b);
}

static void replies(void **state)
{
    (void)state;
    struct buf b = {0};
    encode_ok(&b, 7, STR("{\"status\":\"waiting\"}"));
    expect(&b, "{\"id\":7,\"ok\":true,\"data\":{\"status\":\"waiting\"}}");
    encode_ok(&b, 9007199254740991, NONE);
    expect(&b, "{\"id\":9007199254740991,\"ok\":true,\"data\":{}}");
    encode_ok(&b, 1, STR("[1,2]"));
    encode_ok(&b, 10, STR("3")); /* appends, does not replace */
    expect(&b, "{\"id\":1,\"ok\":true,\"data\":[1,2]}{\"id\":10,\"ok\":true,\"data\":3}");
    buf_close(&b);
}

static void errors(void **state)
{
    (void)state;
    struct buf b = {0};
    encode_error(&b, 3, &(struct encode_error){.code = CODE_NOT_QUEUED, .message = "no"});
    expect(
        &b,
        "{\"id\":3,\"ok\":false,\"error\":{\"code\":\"NOT_QUEUED\",\"message\":\"no\",\"retryable\":false}}");
    encode_error(&b, 0,
                 &(struct encode_error){.code = CODE_RATE_LIMITED, .message = "slow", .retry_after_ms = 20});
    expect(&b,
           "{\"event\":\"error\",\"data\":{\"code\":\"RATE_LIMITED\",\"message\":\"slow\",\"retryable\":true,"
           "\"retryAfterMs\":20}}");
    encode_error(
        &b, 4,
        &(struct encode_error){.code = CODE_STALE_VERSION, .message = "old", .extra = STR("\"version\":7")});
    expect(&b, "{\"id\":4,\"ok\":false,\"error\":{\"code\":\"STALE_VERSION\",\"message\":\"old\","
               "\"retryable\":false,"
               "\"version\":7}}");
    encode_error_body(&b, &(struct encode_error){.code = CODE_FORBIDDEN, .message = "no"});
    expect(&b, "{\"error\":{\"code\":\"FORBIDDEN\",\"message\":\"no\",\"retryable\":false}}");
    buf_close(&b);
}

static void error_text_is_escaped(void **state)
{
    (void)state;
    struct buf b = {0};
    encode_error(&b, 1, &(struct encode_error){.code = CODE_INTERNAL, .message = "a\"b\\c\n\x01\xc3\xa4"});
    expect(&b, "{\"id\":1,\"ok\":false,\"error\":{\"code\":\"INTERNAL\",\"message\":"
               "\"a\\\"b\\\\c\\n\\u0001\xc3\xa4\","
               "\"retryable\":false}}");
    for (int c = CODE_BAD_REQUEST; c < CODE_COUNT; c++) { /* the code's own sentence, for every code */
        encode_error(&b, 0, &(struct encode_error){.code = (enum code)c, .retry_after_ms = INT64_MAX});
        assert_non_null(strstr(b.data, code_text((enum code)c)));
        assert_non_null(strstr(b.data, code_name((enum code)c)));
        assert_non_null(strstr(b.data, "\"retryAfterMs\":9223372036854775807}}"));
        buf_clear(&b);
    }
    buf_close(&b);
}

static void pushes(void **state)
{
    (void)state;
    struct buf b = {0};
    encode_push(&b, STR(PUSH_GAME_MESSAGE), STR("r_1"), 5, 1731000000123, STR("{\"message\":[]}"));
    expect(&b, "{\"event\":\"gameMessage\",\"room\":\"r_1\",\"seq\":5,\"ts\":1731000000123,\"data\":{"
               "\"message\":[]}}");
    encode_push(&b, STR(PUSH_PONG), NONE, 0, 0, NONE);
    expect(&b, "{\"event\":\"pong\",\"data\":{}}");
    encode_push(&b, STR(PUSH_GAME_MESSAGE), STR("r"), 0, 9, STR("1"));
    expect(&b, "{\"event\":\"gameMessage\",\"room\":\"r\",\"ts\":9,\"data\":1}");
    encode_push(&b, STR("foreign:event_1"), STR("r"), 0, 9, STR("null"));
    expect(&b, "{\"event\":\"foreign:event_1\",\"room\":\"r\",\"ts\":9,\"data\":null}");
    encode_push(&b, STR(PUSH_PONG), NONE, 12, 0, NONE);
    expect(&b, "{\"event\":\"pong\",\"seq\":12,\"data\":{}}");
    buf_close(&b);
}

/* The largest envelope there can be fits into the buffer on the stack. */
static void extremes_fit(void **state)
{
    (void)state;
    struct buf b = {0};
    char room[ID_SIZE], event[65];
    memset(room, 'r', ID_MAX);
    room[ID_MAX] = '\0';
    memset(event, 'e', 64);
    event[64] = '\0';
    encode_push(&b, str_of(event), str_of(room), INT64_MIN, INT64_MIN, NONE);
    assert_non_null(strstr(b.data, room));
    assert_non_null(strstr(b.data, "\"seq\":-9223372036854775808,\"ts\":-9223372036854775808,\"data\":{}}"));
    buf_clear(&b);
    encode_error(&b, INT64_MIN,
                 &(struct encode_error){.code = CODE_SERVICE_DEGRADED, .retry_after_ms = INT64_MAX});
    assert_memory_equal(b.data, "{\"id\":-9223372036854775808,", 27);
    buf_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies), cmocka_unit_test(errors),       cmocka_unit_test(error_text_is_escaped),
        cmocka_unit_test(pushes),  cmocka_unit_test(extremes_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
