/* What a player says about himself: what is let in, and how the others read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "common/buf.h"
#include "proto/setup.h"
#include "proto/socketio.h"

static struct request request;
static const char *why;
static struct str setup;

/* `data` of a joinMatchmaking; what setup_read says of it. */
static enum code read_data(const char *data)
{
    static char frame[4096]; /* request and setup point into it */
    int n = snprintf(frame, sizeof frame, "{\"event\":\"joinMatchmaking\",\"data\":%s}", data);
    assert_in_range(n, 1, sizeof frame - 1);
    why = NULL;
    assert_int_equal(decode_request(str_of(frame), &request, &why), CODE_OK);
    enum code code = setup_read(&request, &setup, &why);
    assert_true((code == CODE_OK) == (why == NULL));
    return code;
}

static void expect_setup(const char *data, const char *expected)
{
    assert_int_equal(read_data(data), CODE_OK);
    assert_int_equal(setup.n, strlen(expected));
    if (setup.n)
        assert_memory_equal(setup.p, expected, setup.n);
}

static void as_it_was_written(void **state)
{
    (void)state;
    expect_setup("{\"level\":1}", "");
    expect_setup("{\"level\":1,\"setup\":{}}", "{}");
    expect_setup("{\"setup\": { \"n\" : 1e999 , \"a|b\":[{}]} }", "{ \"n\" : 1e999 , \"a|b\":[{}]}");
    expect_setup("{\"addToQueue\":{\"playerId\":\"p\"}}", "");
    expect_setup("{\"addToQueue\":{\"playerId\":\"p\",\"playerSetup\":{\"fields\":\"[]\"}}}",
                 "{\"fields\":\"[]\"}");
    expect_setup("{\"addToQueue\":{\"playerSetup\":{\"a\":1}},\"setup\":{\"b\":2}}", "{\"b\":2}");
    expect_setup("{\"addToQueue\":7}", "");
    assert_false(setup_original(&request));
    (void)read_data("{\"addToQueue\":{}}");
    assert_true(setup_original(&request));
}

static void by_socketio_as_well(void **state)
{
    (void)state;
    static const char text[] =
        "420[\"joinMatchmaking\",{\"addToQueue\":{\"playerSetup\":{\"fields\":\"x\"}}}]";
    assert_int_equal(socketio_decode(STR(text), &request, &why), CODE_OK);
    assert_int_equal(setup_read(&request, &setup, &why), CODE_OK);
    assert_true(str_eq(setup, STR("{\"fields\":\"x\"}")));
}

static void what_is_no_object(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"setup\":null}",
        "{\"setup\":[{}]}",
        "{\"setup\":\"{}\"}",
        "{\"setup\":1,\"addToQueue\":{\"playerSetup\":{}}}",
        "{\"setup\":{},\"set\\u0075p\":{}}",
        "{\"addToQueue\":{\"playerSetup\":[]}}",
        "{\"addToQueue\":{\"playerSetup\":{},\"playerSetup\":{}}}",
        "{\"addToQueue\":{\"playerSetup\":{}},\"addToQueue\":{}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_data(bad[i]) != CODE_BAD_REQUEST)
            fail_msg("%s", bad[i]);
    assert_non_null(strstr(why, "JSON object"));
}

/* "{"setup":{"x":"aaa..."}}", the object of so many bytes. */
static enum code read_bytes(size_t bytes)
{
    struct buf b = {0};
    buf_add_text(&b, "{\"setup\":{\"x\":\"");
    for (size_t i = strlen("{\"x\":\"\"}"); i < bytes; i++)
        buf_add_text(&b, "a");
    buf_add_text(&b, "\"}}");
    enum code code = read_data(b.data);
    buf_close(&b);
    return code;
}

static void only_so_large(void **state)
{
    (void)state;
    assert_int_equal(read_bytes(SETUP_BYTES_MAX), CODE_OK);
    assert_int_equal(setup.n, SETUP_BYTES_MAX);
    assert_int_equal(read_bytes(SETUP_BYTES_MAX + 1), CODE_TOO_LARGE);
    assert_non_null(strstr(why, "1024 bytes"));
}

/* An object in an object, `depth` of them. */
static struct buf nested(int depth)
{
    struct buf b = {0};
    for (int i = 1; i < depth; i++)
        buf_add_text(&b, "{\"a\":");
    buf_add_text(&b, "{}");
    for (int i = 1; i < depth; i++)
        buf_add_text(&b, "}");
    return b;
}

/* Whatever is let in can be read again where it stands in the message to the other instances. */
static void only_so_deep(void **state)
{
    (void)state;
    for (int depth = 26; depth < 31; depth++) {
        struct buf b = nested(depth), data = {0}, event = {0};
        struct json_object out;
        const char *reason;
        buf_add_fmt(&data, "{\"setup\":%s}", b.data);
        buf_add_fmt(&event, "{\"data\":{\"players\":[{\"id\":\"p\",\"setup\":%s}]}}", b.data);
        bool good = json_object_scan(buf_str(&event), &out, &reason);
        assert_int_equal(good, depth <= 28);
        assert_int_equal(read_data(data.data), good ? CODE_OK : CODE_BAD_REQUEST);
        buf_close(&event);
        buf_close(&data);
        buf_close(&b);
    }
}

static void only_so_many_members(void **state)
{
    (void)state;
    for (int count = JSON_MEMBERS_MAX; count <= JSON_MEMBERS_MAX + 1; count++) {
        struct buf b = {0};
        for (int i = 0; i < count; i++)
            buf_add_fmt(&b, "%s\"%d\":0", i ? "," : "{\"setup\":{", i);
        buf_add_text(&b, "}}");
        assert_int_equal(read_data(b.data), count > JSON_MEMBERS_MAX ? CODE_BAD_REQUEST : CODE_OK);
        buf_close(&b);
    }
}

static void expect_others(const char *players, const char *viewer, const char *expected)
{
    struct buf out = {0};
    setup_add_others(&out, str_of(players), str_of(viewer));
    assert_string_equal(out.data, expected);
    buf_close(&out);
}

static void the_others_in_the_originals_form(void **state)
{
    (void)state;
    static const char players[] =
        "[{\"id\":\"ann\",\"setup\":{\"socketId\":\"s\", \"fields\" : \"[1]\"}},{\"id\":\"bob\"},"
        "{\"id\":\"cy\",\"setup\":{}}]";
    expect_others(players, "bob",
                  "[{\"playerId\":\"ann\",\"socketId\":\"s\",\"fields\":\"[1]\"},{\"playerId\":\"cy\"}]");
    expect_others(players, "ann", "[{\"playerId\":\"bob\"},{\"playerId\":\"cy\"}]");
    expect_others("[]", "ann", "[]");
    expect_others("", "ann", "[]");
}

/* playerId is never what he says it is, however he writes it. */
static void who_he_is_he_does_not_say(void **state)
{
    (void)state;
    expect_others("[{\"id\":\"eve\",\"setup\":{\"playerId\":\"ann\",\"a\":{\"playerId\":1},"
                  "\"pl\\u0061yerId\":\"bob\",\"playerIds\":2,\"playerI\":3,\"\":4}}]",
                  "bob",
                  "[{\"playerId\":\"eve\",\"a\":{\"playerId\":1},\"playerIds\":2,\"playerI\":3,\"\":4}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_was_written),
        cmocka_unit_test(by_socketio_as_well),
        cmocka_unit_test(what_is_no_object),
        cmocka_unit_test(only_so_large),
        cmocka_unit_test(only_so_deep),
        cmocka_unit_test(only_so_many_members),
        cmocka_unit_test(the_others_in_the_originals_form),
        cmocka_unit_test(who_he_is_he_does_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
