/* hello.resume: what is taken and refused, and the numbers it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/resume.h"

#define ID_64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"

static struct resume resume;
static const char *why;

/* A hello with this `data`; an exact copy of the text, so that a read behind the end is seen. */
static bool read_data(const char *data)
{
    char text[2048];
    int n = snprintf(text, sizeof text, "{\"event\":\"hello\",\"id\":1,\"data\":%s}", data);
    assert_true(n > 0 && (size_t)n < sizeof text);
    char *frame = malloc((size_t)n);
    assert_non_null(frame);
    memcpy(frame, text, (size_t)n);
    struct request request;
    why = NULL;
    assert_int_equal(decode_request((struct str){frame, (size_t)n}, &request, &why), CODE_OK);
    memset(&resume, 0xee, sizeof resume); /* whatever was there before must not matter */
    bool good = resume_read(&request, &resume, &why);
    free(frame); /* nothing in the result is borrowed */
    return good;
}

static bool read_resume(const char *value)
{
    char data[1536];
    int n = snprintf(data, sizeof data, "{\"playerId\":\"ann\",\"resume\":%s}", value);
    assert_true(n > 0 && (size_t)n < sizeof data);
    return read_data(data);
}

static void refused(const char *value)
{
    if (read_resume(value))
        fail_msg("it was taken: %s", value);
    assert_non_null(why);
}

static void assert_at(const char *room_id, bool named, int64_t epoch, int64_t seq)
{
    struct history_position at;
    assert_int_equal(resume_at(&resume, room_id, &at), named);
    assert_int_equal(at.epoch, epoch);
    assert_int_equal(at.seq, seq);
}

static void absent_is_not_wanted(void **state)
{
    (void)state;
    static const char *const absent[] = {"{}", "{\"token\":\"x\"}", "{\"resume\":null}",
                                         "{ \"resume\" : null }"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_true(read_data(absent[i]));
        assert_false(resume.wanted);
        assert_int_equal(resume.room_count, 0);
        assert_string_equal(resume.session_id, "");
        assert_string_equal(resume.token, "");
        assert_at("r_1", false, 1, 0);
    }
}

static void rooms_and_their_numbers(void **state)
{
    (void)state;
    assert_true(read_resume("{\"session\":\"n_1\",\"token\":\"k_1\",\"rooms\":{\"r_1\":0,\"r_2\":17,"
                            "\"r:3.x\":9007199254740991,\"" ID_64 "\":4}}"));
    assert_true(resume.wanted);
    assert_string_equal(resume.session_id, "n_1");
    assert_string_equal(resume.token, "k_1");
    assert_int_equal(resume.room_count, RESUME_ROOMS_MAX);
    assert_at("r_1", true, 1, 0);
    assert_at("r_2", true, 1, 17);
    assert_at("r:3.x", true, 1, INT64_C(9007199254740991));
    assert_at(ID_64, true, 1, 4);
    assert_at("r_", false, 1, 0);
    assert_at("r_22", false, 1, 0);
    assert_at("", false, 1, 0);
}

static void a_number_may_belong_to_a_later_epoch(void **state)
{
    (void)state;
    assert_true(read_resume(
        "{\"session\":\"n_1\",\"token\":\"k_1\",\"rooms\":{\"r_1\":{\"seq\":5,\"epoch\":1731000000123},"
        "\"r_2\":{\"epoch\":1,\"seq\":0,\"more\":null}}}"));
    assert_at("r_1", true, 1731000000123, 5);
    assert_at("r_2", true, 1, 0);
    static const char *const wrong[] = {"{}",
                                        "{\"seq\":1}",
                                        "{\"epoch\":1}",
                                        "{\"epoch\":0,\"seq\":1}",
                                        "{\"epoch\":1,\"seq\":-1}",
                                        "{\"epoch\":1.5,\"seq\":1}",
                                        "{\"epoch\":\"1\",\"seq\":1}",
                                        "[1,2]",
                                        "null"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "{\"session\":\"n_1\",\"token\":\"k_1\",\"rooms\":{\"r\":%s}}",
                       wrong[i]);
        refused(text);
    }
}

static void rooms_may_be_left_out(void **state)
{
    (void)state;
    static const char *const without[] = {
        "{\"session\":\"n_1\",\"token\":\"k_1\"}", "{\"session\":\"n_1\",\"token\":\"k_1\",\"rooms\":null}",
        "{\"session\":\"n_1\",\"token\":\"k_1\",\"rooms\":{}}",
        "{\"rooms\":{},\"more\":[1],\"token\":\"k_1\",\"session\":\"n_1\"}"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        assert_true(read_resume(without[i]));
        assert_true(resume.wanted);
        assert_int_equal(resume.room_count, 0);
    }
}

#define BASE "\"session\":\"n_1\",\"token\":\"k_1\""

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"1",
                                        "true",
                                        "\"x\"",
                                        "[]",
                                        "{}",
                                        "{\"session\":\"n_1\"}",
                                        "{\"token\":\"k_1\"}",
                                        "{\"session\":\"\",\"token\":\"k_1\"}",
                                        "{\"session\":\"n_1\",\"token\":\"\"}",
                                        "{\"session\":1,\"token\":\"k_1\"}",
                                        "{\"session\":\"n_1\",\"token\":null}",
                                        "{\"session\":\"n 1\",\"token\":\"k_1\"}",
                                        "{\"session\":\"n\\u005f1\",\"token\":\"k_1\"}",
                                        "{\"session\":\"" ID_64 "x\",\"token\":\"k_1\"}",
                                        "{\"session\":\"n_1\",\"token\":\"" ID_64 "x\"}",
                                        "{" BASE ",\"rooms\":1}",
                                        "{" BASE ",\"rooms\":[]}",
                                        "{" BASE ",\"rooms\":\"r_1\"}",
                                        "{" BASE ",\"rooms\":{\"r_1\":-1}}",
                                        "{" BASE ",\"rooms\":{\"r_1\":1.0}}",
                                        "{" BASE ",\"rooms\":{\"r_1\":\"1\"}}",
                                        "{" BASE ",\"rooms\":{\"r_1\":null}}",
                                        "{" BASE ",\"rooms\":{\"r_1\":9007199254740992}}",
                                        "{" BASE ",\"rooms\":{\"\":1}}",
                                        "{" BASE ",\"rooms\":{\"r 1\":1}}",
                                        "{" BASE ",\"rooms\":{\"" ID_64 "x\":1}}",
                                        "{" BASE ",\"rooms\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(wrong[i]);
}

static void twice_is_refused(void **state)
{
    (void)state;
    assert_false(read_data("{\"resume\":null,\"resume\":{" BASE "}}"));
    assert_non_null(why);
    refused("{" BASE ",\"token\":\"k_2\"}");
    refused("{" BASE ",\"rooms\":{\"r_1\":1},\"rooms\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_is_not_wanted),
        cmocka_unit_test(rooms_and_their_numbers),
        cmocka_unit_test(a_number_may_belong_to_a_later_epoch),
        cmocka_unit_test(rooms_may_be_left_out),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
