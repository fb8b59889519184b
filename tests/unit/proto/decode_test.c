/* Envelopes taken and refused, with code, id and sentence; and typed access to data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/decode.h"

static struct request request; /* 2.7 KB of slices of `frame` */
static char *frame;            /* an exact copy, so that a read behind the end is seen */
static const char *why;

static enum code decode_bytes(const char *bytes, size_t n)
{
    free(frame);
    frame = malloc(n ? n : 1);
    assert_non_null(frame);
    if (n > 0)
        memcpy(frame, bytes, n);
    memset(&request, 0xee, sizeof request); /* whatever was there before must not matter */
    why = NULL;
    return decode_request((struct str){frame, n}, &request, &why);
}

static enum code decode(const char *text)
{
    return decode_bytes(text, strlen(text));
}

static int drop_frame(void **state)
{
    (void)state;
    free(frame);
    frame = NULL;
    return 0;
}

static void expect_text(struct str s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.p, text, s.n);
}

static void a_whole_request(void **state)
{
    (void)state;
    assert_int_equal(decode(" {\"event\":\"joinMatchmaking\", \"id\":7 ,\"data\":{ \"level\" : 2 }}\n"),
                     CODE_OK);
    assert_int_equal(request.kind, MSG_JOIN_MATCHMAKING);
    assert_int_equal(request.id, 7);
    expect_text(request.event, "joinMatchmaking");
    expect_text(request.data_raw.raw, "{ \"level\" : 2 }");
    assert_int_equal(request.data.count, 1);
    assert_null(why);
}

static void id_and_data_may_be_absent(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"event\":\"leaveMatchmaking\"}"), CODE_OK);
    assert_int_equal(request.kind, MSG_LEAVE_MATCHMAKING);
    assert_int_equal(request.id, 0);
    assert_int_equal(request.data_raw.type, JSON_NONE);
    assert_int_equal(request.data.count, 0);
    assert_int_equal(decode("{\"event\":\"hello\",\"data\":{}}"), CODE_OK);
    assert_int_equal(request.data_raw.type, JSON_OBJECT);
    assert_int_equal(request.data.count, 0);
}

static void ping_takes_any_data(void **state)
{
    (void)state;
    const char *const values[] = {"null", "1", "\"x\"", "[1,2]", "{\"a\":1}", "true"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[64] = "{\"event\":\"ping\",\"data\":";
        strcat(strcat(text, values[i]), "}");
        assert_int_equal(decode(text), CODE_OK);
        expect_text(request.data_raw.raw, values[i]);
    }
    assert_int_equal(decode("{\"event\":\"ping\",\"data\":[1,}"), CODE_BAD_REQUEST);
}

static void unknown_members_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"x\":[1],\"x\":{},\"event\":\"ping\",\"Event\":3,\"ID\":0,\"ok\":true}"),
                     CODE_OK);
    assert_int_equal(request.kind, MSG_PING);
    assert_int_equal(request.id, 0);
}

static void unknown_events_keep_their_id(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"event\":\"castSpell\",\"id\":9,\"data\":5}"), CODE_UNKNOWN_EVENT);
    assert_int_equal(request.kind, MSG_UNKNOWN);
    assert_int_equal(request.id, 9);
    expect_text(request.event, "castSpell");
    assert_string_equal(why, code_text(CODE_UNKNOWN_EVENT));
    assert_int_equal(decode("{\"event\":\"Ping\"}"), CODE_UNKNOWN_EVENT);
    assert_int_equal(decode("{\"event\":\"unknown\"}"), CODE_UNKNOWN_EVENT);
}

static void refused(const char *text, int64_t id, const char *says)
{
    assert_int_equal(decode(text), CODE_BAD_REQUEST);
    assert_int_equal(request.id, id);
    assert_int_equal(request.data.count, 0);
    assert_non_null(why);
    if (strstr(why, says) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, why, says);
    assert_int_equal(why[strlen(why) - 1], '.');
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"",
                                 " ",
                                 "null",
                                 "[]",
                                 "\"ping\"",
                                 "{",
                                 "{\"event\":\"ping\"",
                                 "{\"event\":\"ping\"}}",
                                 "{\"event\":\"ping\"} x",
                                 "{\"event\":\"ping\",}",
                                 "{'event':'ping'}",
                                 "{\"event\":\"pi\\u0000ng\"}",
                                 "{\"event\":\"p\xff\"}",
                                 "{\"event\":\"a\nb\"}",
                                 "\xef\xbb\xbf{\"event\":\"ping\"}",
                                 "{\"event\":\"ping\",\"id\":01}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refused(texts[i], 0, "one object of strict JSON");
    assert_int_equal(decode_bytes("{\"event\":\"ping\"}\0", 17), CODE_BAD_REQUEST);
    char deep[200] = "{\"event\":\"ping\",\"id\":4,\"data\":";
    size_t n = strlen(deep);
    memset(deep + n, '[', 40);
    memset(deep + n + 40, ']', 40);
    deep[n + 80] = '}';
    refused(deep, 0, "deep");
}

static void bad_ids_are_refused(void **state)
{
    (void)state;
    const char *const ids[] = {"0",
                               "-1",
                               "1.0",
                               "1e3",
                               "\"7\"",
                               "null",
                               "true",
                               "[1]",
                               "9007199254740992",
                               "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[96] = "{\"event\":\"ping\",\"id\":";
        strcat(strcat(text, ids[i]), "}");
        refused(text, 0, "id must be");
    }
    refused("{\"id\":1,\"event\":\"ping\",\"id\":1}", 0, "id must be one");
    assert_int_equal(decode("{\"id\":9007199254740991,\"event\":\"ping\"}"), CODE_OK);
    assert_int_equal(request.id, 9007199254740991);
}

static void bad_events_are_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"{\"id\":3}",
                                 "{\"id\":3,\"event\":\"\"}",
                                 "{\"id\":3,\"event\":null}",
                                 "{\"id\":3,\"event\":[\"ping\"]}",
                                 "{\"id\":3,\"event\":\"p\\u0069ng\"}",
                                 "{\"id\":3,\"event\":\"ping\",\"event\":\"ping\"}",
                                 "{\"id\":3,\"event\":\"ping\",\"\\u0065vent\":\"hello\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refused(texts[i], 3, "event must be");
    char name[128] = "{\"id\":3,\"event\":\"";
    size_t n = strlen(name);
    memset(name + n, 'e', 64);
    strcpy(name + n + 64, "\"}");
    assert_int_equal(decode(name), CODE_UNKNOWN_EVENT);
    strcpy(name + n + 64, "e\"}");
    refused(name, 3, "event must be");
}

static void bad_data_is_refused(void **state)
{
    (void)state;
    const char *const values[] = {"null", "[]", "3", "\"level\"", "true"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[64] = "{\"id\":5,\"event\":\"leaveRoom\",\"data\":";
        strcat(strcat(text, values[i]), "}");
        refused(text, 5, "data must be an object");
    }
    refused("{\"id\":5,\"event\":\"ping\",\"data\":{},\"data\":{}}", 5, "data must stand at most once");
    char many[1024] = "{\"id\":5,\"event\":\"leaveRoom\",\"data\":{\"m\":0";
    for (int i = 1; i < 65; i++)
        strcat(many, ",\"m\":0");
    refused(strcat(many, "}}"), 5, "at most 64");
}

static void integers(void **state)
{
    (void)state;
    int64_t n = -5;
    decode(
        "{\"event\":\"joinMatchmaking\",\"data\":{\"level\":1000,\"turn\":\"1\",\"twice\":1,\"twice\":1}}");
    assert_true(decode_int(&request, "level", 0, 1000, &n, &why));
    assert_int_equal(n, 1000);
    assert_false(decode_int(&request, "level", 0, 999, &n, &why));
    assert_non_null(strstr(why, "data.level must be"));
    assert_false(decode_int(&request, "level", 1001, 2000, &n, &why));
    assert_false(decode_int(&request, "expectedVersion", 0, 9, &n, &why));
    assert_non_null(strstr(why, "data.expectedVersion must be"));
    assert_false(decode_int(&request, "turn", 0, 9, &n, &why));
    assert_non_null(strstr(why, "data.turn must be"));
    assert_int_equal(n, 1000); /* untouched by refusals */
    assert_true(decode_opt_int(&request, "expectedVersion", 0, 9, -1, &n, &why));
    assert_int_equal(n, -1);
    assert_false(decode_opt_int(&request, "turn", 0, 9, -1, &n, &why));
    assert_false(decode_opt_int(&request, "twice", 0, 9, -1, &n, &why));
    assert_non_null(why);
    assert_true(decode_opt_int(&request, "level", 0, 1000, -1, &n, &why));
    assert_int_equal(n, 1000);
}

static void booleans(void **state)
{
    (void)state;
    bool b = false;
    decode("{\"event\":\"gameMessage\",\"data\":{\"volatile\":true,\"echo\":1,\"n\":null,\"x\":true,\"x\":"
           "true}}");
    assert_true(decode_opt_bool(&request, "volatile", false, &b, &why));
    assert_true(b);
    assert_true(decode_opt_bool(&request, "absent", false, &b, &why));
    assert_false(b);
    assert_true(decode_opt_bool(&request, "absent", true, &b, &why));
    assert_true(b);
    assert_false(decode_opt_bool(&request, "echo", false, &b, &why));
    assert_non_null(strstr(why, "data.echo must be true or false"));
    assert_false(decode_opt_bool(&request, "n", false, &b, &why));
    assert_false(decode_opt_bool(&request, "x", false, &b, &why));
    assert_true(b);
}

static void ids(void **state)
{
    (void)state;
    struct str id = STR("before");
    decode("{\"event\":\"leaveRoom\",\"data\":{\"roomId\":\"r_1:a.b-c\"}}");
    assert_true(decode_id(&request, "roomId", &id, &why));
    expect_text(id, "r_1:a.b-c");
    const char *const bad[] = {
        "\"\"",         "\"a b\"", "\"a\\nb\"",
        "\"\\u0061\"",  "7",       "null",
        "\"\xc3\xa4\"", "\"a/b\"", "\"0123456789012345678901234567890123456789012345678901234567890123x\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[160] = "{\"event\":\"leaveRoom\",\"data\":{\"roomId\":";
        strcat(strcat(text, bad[i]), "}}");
        assert_int_equal(decode(text), CODE_OK);
        id = STR("before");
        assert_false(decode_id(&request, "roomId", &id, &why));
        assert_non_null(strstr(why, "data.roomId must be"));
        expect_text(id, "before");
    }
    decode("{\"event\":\"leaveRoom\",\"data\":{\"roomId\":\"a\",\"roomId\":\"a\"}}");
    assert_false(decode_id(&request, "roomId", &id, &why));
    decode("{\"event\":\"leaveRoom\"}");
    assert_false(decode_id(&request, "roomId", &id, &why));
}

static void raw_values_are_the_very_bytes(void **state)
{
    (void)state;
    const char *const values[] = {
        "[]",   "{}", "{ \"b\" : 1.50e+3, \"a\":[ ] }", "12345678901234567890.10", "\"\\u00e4\\/\"",
        "null", "-0"};
    struct str raw;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[128] = "{\"event\":\"gameMessage\",\"data\":{\"message\": ";
        strcat(strcat(text, values[i]), " }}");
        assert_int_equal(decode(text), CODE_OK);
        assert_true(decode_raw(&request, "message", &raw, &why));
        expect_text(raw, values[i]);
        assert_true(raw.p > frame && raw.p < frame + strlen(text)); /* a slice, not a copy */
        assert_true(decode_opt_raw(&request, "message", &raw, &why));
        expect_text(raw, values[i]);
    }
    assert_true(decode_opt_raw(&request, "state", &raw, &why));
    assert_int_equal(raw.n, 0);
    assert_false(decode_raw(&request, "state", &raw, &why));
    assert_non_null(strstr(why, "data.state must be there"));
    decode("{\"event\":\"gameMessage\",\"data\":{\"message\":1,\"mess\\u0061ge\":2}}");
    assert_false(decode_raw(&request, "message", &raw, &why));
    assert_false(decode_opt_raw(&request, "message", &raw, &why));
}

static void plain_strings(void **state)
{
    (void)state;
    struct str text;
    decode("{\"event\":\"hello\",\"data\":{\"token\":\"a.b.c\",\"playerId\":3,\"bent\":\"a\\tb\",\"x\":\"\","
           "\"x\":\"\"}}");
    assert_true(decode_opt_plain(&request, "token", &text, &why));
    expect_text(text, "a.b.c");
    assert_true(decode_opt_plain(&request, "absent", &text, &why));
    assert_int_equal(text.n, 0);
    assert_false(decode_opt_plain(&request, "playerId", &text, &why));
    assert_non_null(strstr(why, "data.playerId must be"));
    assert_false(decode_opt_plain(&request, "bent", &text, &why));
    assert_false(decode_opt_plain(&request, "x", &text, &why));
}

/* Every member a client may send has a sentence of its own that names it. */
static void every_member_has_its_sentence(void **state)
{
    (void)state;
    int64_t n;
    assert_int_equal(decode("{\"event\":\"hello\"}"), CODE_OK);
    for (int m = MSG_UNKNOWN + 1; m < MSG_COUNT; m++) {
        struct str rest = str_of(message_info((enum message)m)->members);
        if (str_eq(rest, STR("*")))
            continue;
        while (rest.n > 0) {
            char key[32], named[48] = "data.";
            struct str name = str_cut(&rest, ' ');
            name.n -= name.p[name.n - 1] == '?';
            assert_true(str_copy(key, sizeof key, name));
            assert_false(decode_int(&request, key, 0, 1, &n, &why));
            if (strstr(why, strcat(strcat(named, key), " must")) != why)
                fail_msg("no sentence for %s: \"%s\"", key, why);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_request),
        cmocka_unit_test(id_and_data_may_be_absent),
        cmocka_unit_test(ping_takes_any_data),
        cmocka_unit_test(unknown_members_are_ignored),
        cmocka_unit_test(unknown_events_keep_their_id),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(bad_ids_are_refused),
        cmocka_unit_test(bad_events_are_refused),
        cmocka_unit_test(bad_data_is_refused),
        cmocka_unit_test(integers),
        cmocka_unit_test(booleans),
        cmocka_unit_test(ids),
        cmocka_unit_test(raw_values_are_the_very_bytes),
        cmocka_unit_test(plain_strings),
        cmocka_unit_test(every_member_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, drop_frame);
}
