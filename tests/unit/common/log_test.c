/* Tests of common/log.c: the form of lines, that values cannot forge any, and the rate limit. */
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2]; /* [0] is read here; packets, so that every write shows as one */

static int open_ends(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends);
}

static int close_ends(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT, 2);
    return close(ends[0]) || close(ends[1]) ? -1 : 0;
}

/* The next line written, or "" if none was. */
static const char *line(void)
{
    static char text[8192];
    ssize_t n = recv(ends[0], text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (n > 0) {
        assert_int_equal(text[n - 1], '\n');
        assert_ptr_equal(strchr(text, '\n'), text + n - 1); /* one line in one write */
    }
    return text;
}

/* The line without its time, which is checked. */
static const char *rest(void)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    const char *text = line();
    for (size_t i = 0; form[i] != '\0'; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            fail_msg("no time: %s", text);
    return text + sizeof form - 1;
}

static void text_lines(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT, ends[1]);
    log_info("conn.closed", KV("reason", "timeout"), KV_INT("code", -4201), KV_STR("player_id", STR("p:1")));
    assert_string_equal(rest(), "info conn.closed reason=timeout code=-4201 player_id=p:1\n");
    log_warn("drain.began");
    assert_string_equal(rest(), "warn drain.began\n");
    log_error("x.y", KV("empty", ""), KV("none", NULL), KV("blank", "a b"), KV("eq", "a=b"));
    assert_string_equal(rest(), "error x.y empty=\"\" none=\"\" blank=\"a b\" eq=\"a=b\"\n");
}

static void the_time_is_now_in_utc(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Tokyo", 1);
    log_setup(LOG_INFO, LOG_TEXT, ends[1]);
    time_t before = (time_t)(clock_wall_ms() / 1000);
    log_info("x.y");
    struct tm tm = {0};
    assert_non_null(strptime(line(), "%Y-%m-%dT%H:%M:%S", &tm));
    assert_in_range(timegm(&tm), before, before + 5);
}

static void levels(void **state)
{
    int evaluated = 0;
    (void)state;
    log_setup(LOG_WARN, LOG_TEXT, ends[1]);
    log_info("x.y", KV_INT("n", ++evaluated));
    log_debug("x.y", KV_INT("n", ++evaluated));
    assert_string_equal(line(), "");
    assert_int_equal(evaluated, 0); /* what is off costs nothing */
    assert_true(log_on(LOG_ERROR) && log_on(LOG_WARN) && !log_on(LOG_INFO));
    log_setup(LOG_DEBUG, LOG_TEXT, ends[1]);
    log_debug("x.y", KV_INT("n", ++evaluated));
    assert_string_equal(rest(), "debug x.y n=1\n");
}

static void values_cannot_forge_lines(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT, ends[1]);
    log_info("x.y", KV("v", "a\n2024-01-01T00:00:00.000Z error fake.line\r\t"));
    assert_string_equal(rest(),
                        "info x.y v=\"a\\u000a2024-01-01T00:00:00.000Z error fake.line\\u000d\\u0009\"\n");
    log_info("x.y", KV("v", "\" level=error \\"));
    assert_string_equal(rest(), "info x.y v=\"\\\" level=error \\\\\"\n");
    log_info("x.y", KV("v", "\x1b[2J\x7f\xc2\x9b"),
             KV("w", "\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf")); /* terminal, bidi */
    assert_string_equal(rest(), "info x.y v=\"\\u001b[2J\\u007f\\u009b\" w=\"\\u2028\\u202e\\ufeff\"\n");
    log_info("x.y", KV("v", "\xff\xc3\xa4\xed\xa0\x80\xf0\x9f\x98\x80"));
    assert_string_equal(rest(), "info x.y v=\"\\ufffd\xc3\xa4\\ufffd\\ufffd\\ufffd\xf0\x9f\x98\x80\"\n");
    log_info("x.y", KV_STR("v", ((struct str){"a\0b", 3})), KV("k k\n", "1"));
    assert_string_equal(rest(), "info x.y v=\"a\\u0000b\" \"k k\\u000a\"=1\n");
}

static void long_values_are_cut(void **state)
{
    char big[3000];
    struct str s = {big, sizeof big};
    (void)state;
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        log_setup(LOG_INFO, (enum log_format)format, ends[1]);
        memset(big, 'x', sizeof big);
        log_info("x.y", KV_STR("v", s), KV_INT("n", 1));
        const char *text = line();
        assert_in_range(strlen(text), 500, 600);
        assert_non_null(strstr(text, "xxx...\""));
        memset(big, '\x01', sizeof big); /* six bytes each: two such fields do not fit */
        log_info("x.y", KV_STR("v", s), KV_STR("w", s), KV_INT("n", 7));
        text = line();
        assert_in_range(strlen(text), 3000, 4096);
        assert_non_null(strstr(text, format == LOG_TEXT ? " cut=1\n" : ",\"cut\":1}\n"));
        assert_null(strstr(text, "w"));
        if (format == LOG_JSON)
            assert_true(json_valid((struct str){text, strlen(text)}));
    }
}

static void json_lines(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_JSON, ends[1]);
    log_info("conn.closed", KV("reason", "a \"b\"\n\xff"), KV_INT("code", INT64_MIN), KV("k\"", NULL));
    const char *text = line();
    struct str all = {text, strlen(text)};
    struct json_object o;
    const char *why;
    char value[64];
    size_t n;
    assert_true(json_object_scan(all, &o, &why));
    assert_int_equal(o.count, 6);
    assert_true(str_eq(json_get(&o, "event", NULL).raw, STR("\"conn.closed\"")));
    assert_true(str_eq(json_get(&o, "level", NULL).raw, STR("\"info\"")));
    assert_true(str_eq(json_get(&o, "code", NULL).raw, STR("-9223372036854775808")));
    assert_int_equal(json_get(&o, "ts", NULL).raw.n, 26);
    assert_true(json_as_text(json_get(&o, "reason", NULL), value, sizeof value, &n));
    assert_string_equal(value, "a \"b\"\n\xef\xbf\xbd");
    assert_true(json_as_text(json_get(&o, "k\"", NULL), value, sizeof value, &n) && n == 0);
}

static void burst(int count)
{
    for (int i = 0; i < count; i++)
        log_limited(LOG_INFO, "x.limited", KV_INT("i", i));
}

/* The second is over when the site speaks again: waits for that, with a deadline. */
static void the_limit_counts_what_it_leaves_out(void **state)
{
    int written = 0, left_out = -1;
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT, ends[1]);
    burst(25);
    for (const char *text = line(); text[0] != '\0'; text = line(), written++)
        assert_null(strstr(text, "left_out"));
    assert_int_equal(written, 10);
    for (uint64_t end_ms = clock_mono_ms() + 5000; left_out < 0 && clock_mono_ms() < end_ms;) {
        burst(1);
        const char *text = strstr(line(), "left_out=");
        written++;
        left_out = text ? (int)strtol(text + 9, NULL, 10) : -1;
    }
    assert_int_equal(left_out, 15 + written - 11); /* the burst's, and those of the calls that waited */
    log_info("x.other");
    assert_null(strstr(rest(), "left_out"));
}

static void errno_survives(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT, -1); /* nowhere to write: lost, no harm */
    errno = EAGAIN;
    log_info("x.y");
    assert_int_equal(errno, EAGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ends, close_ends)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_lines),
        TEST(the_time_is_now_in_utc),
        TEST(levels),
        TEST(values_cannot_forge_lines),
        TEST(long_values_are_cut),
        TEST(json_lines),
        TEST(the_limit_counts_what_it_leaves_out),
        TEST(errno_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
