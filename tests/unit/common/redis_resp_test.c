/* Replies in wire form: hiredis' own reader says what they mean; cut anywhere they wait; garbage is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/redis/resp.h"

static void print(struct buf *out, const struct reply *r)
{
    switch (r->type) {
    case REPLY_NIL:
        buf_add_text(out, "nil ");
        break;
    case REPLY_INT:
        buf_add_fmt(out, "%lld ", (long long)r->integer);
        break;
    case REPLY_STR:
        buf_add_fmt(out, "<%.*s> ", (int)r->str.n, r->str.p);
        break;
    case REPLY_ERROR:
        buf_add_fmt(out, "!%.*s! ", (int)r->str.n, r->str.p);
        break;
    case REPLY_ARRAY:
        buf_add_text(out, "[ ");
        for (size_t i = 0; i < r->count; i++)
            print(out, reply_at(r, i));
        buf_add_text(out, "] ");
    }
}

static void print_theirs(struct buf *out, const redisReply *r)
{
    switch (r->type) {
    case REDIS_REPLY_NIL:
        buf_add_text(out, "nil ");
        break;
    case REDIS_REPLY_INTEGER:
        buf_add_fmt(out, "%lld ", r->integer);
        break;
    case REDIS_REPLY_ERROR:
        buf_add_fmt(out, "!%.*s! ", (int)r->len, r->str);
        break;
    case REDIS_REPLY_ARRAY:
        buf_add_text(out, "[ ");
        for (size_t i = 0; i < r->elements; i++)
            print_theirs(out, r->element[i]);
        buf_add_text(out, "] ");
        break;
    default:
        buf_add_fmt(out, "<%.*s> ", (int)r->len, r->str);
    }
}

static const char *const replies[] = {
    "+OK\r\n",
    "+\r\n",
    "-ERR unknown command\r\n",
    ":0\r\n",
    ":-9223372036854775808\r\n",
    ":9223372036854775807\r\n",
    "$-1\r\n",
    "$0\r\n\r\n",
    "$5\r\nab\r\nc\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*3\r\n$7\r\nmessage\r\n$11\r\nroom_events\r\n$2\r\n{}\r\n",
    "*4\r\n*2\r\n:1\r\n*0\r\n$1\r\nx\r\n*1\r\n*1\r\n*2\r\n+a\r\n-b c\r\n$-1\r\n",
};

static void test_as_hiredis_reads_them(void **state)
{
    (void)state;
    struct resp r = {0};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct buf ours = {0}, theirs = {0};
        struct reply reply;
        size_t bytes;
        void *other = NULL;
        redisReader *reader = redisReaderCreate();
        assert_int_equal(redisReaderFeed(reader, replies[i], strlen(replies[i])), REDIS_OK);
        assert_int_equal(redisReaderGetReply(reader, &other), REDIS_OK);
        print_theirs(&theirs, other);
        assert_int_equal(resp_read(&r, str_of(replies[i]), &reply, &bytes), RESP_REPLY);
        assert_int_equal(bytes, strlen(replies[i]));
        print(&ours, &reply);
        assert_string_equal(ours.data, theirs.data);
        freeReplyObject(other);
        redisReaderFree(reader);
        buf_close(&ours);
        buf_close(&theirs);
    }
    resp_close(&r);
}

/* Cut anywhere: MORE, and never asks for more than there is to come. The copy ends where the text ends, so
 * that reading behind it is noticed. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    struct resp r = {0};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        for (size_t n = 0; n < strlen(replies[i]); n++) {
            char *copy = malloc(n + 1);
            struct reply reply;
            size_t bytes = 0;
            memcpy(copy + 1, replies[i], n);
            assert_int_equal(resp_read(&r, (struct str){copy + 1, n}, &reply, &bytes), RESP_MORE);
            assert_true(bytes > n && bytes <= strlen(replies[i]));
            free(copy);
        }
    resp_close(&r);
}

static void test_only_the_first(void **state)
{
    (void)state;
    struct resp r = {0};
    struct str text = STR(":1\r\n*1\r\n:2\r\n+x");
    struct reply reply;
    size_t bytes;
    assert_int_equal(resp_read(&r, text, &reply, &bytes), RESP_REPLY);
    assert_int_equal(bytes, 4);
    text = (struct str){text.p + bytes, text.n - bytes};
    assert_int_equal(resp_read(&r, text, &reply, &bytes), RESP_REPLY);
    assert_int_equal(reply_int(&reply, 0), 2);
    text = (struct str){text.p + bytes, text.n - bytes};
    assert_int_equal(resp_read(&r, text, &reply, &bytes), RESP_MORE);
    resp_close(&r);
}

/* Elements point at each other's places; these must be the final ones, however often the room was too small.
 */
static void test_many_elements(void **state)
{
    (void)state;
    struct resp r = {0};
    struct buf text = {0};
    struct reply reply;
    size_t bytes;
    enum { ROWS = 3000 };
    buf_add_fmt(&text, "*%d\r\n", ROWS);
    for (int i = 0; i < ROWS; i++)
        buf_add_fmt(&text, "*3\r\n:%d\r\n$4\r\n%04d\r\n*1\r\n:%d\r\n", i, i, i + 1);
    assert_int_equal(resp_read(&r, buf_str(&text), &reply, &bytes), RESP_REPLY);
    assert_int_equal(reply.count, ROWS);
    for (int i = 0; i < ROWS; i++) {
        const struct reply *row = reply_at(&reply, (size_t)i);
        assert_int_equal(reply_int(row, 0), i);
        assert_int_equal(reply_int(row, 1), i);
        assert_int_equal(reply_int(reply_at(row, 2), 0), i + 1);
    }
    buf_close(&text);
    resp_close(&r);
}

static void test_broken(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "%1\r\n",
        "$x\r\n",
        "$\r\n",
        ":\r\n",
        ":1\rx",
        "+a\rb",
        "$-2\r\n",
        "*-7\r\n",
        "$2\r\nabcd",
        "*1\r\n?\r\n",
        ":9223372036854775808\r\n",
        ":1 2\r\n",
        "*99999999999\r\n",
        "$99999999999\r\n",
        "$111111111111111111111",
    };
    struct resp r = {0};
    struct reply reply;
    size_t bytes;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(resp_read(&r, str_of(texts[i]), &reply, &bytes), RESP_BROKEN);
    resp_close(&r);
}

static void test_depth(void **state)
{
    (void)state;
    struct resp r = {0};
    struct buf text = {0};
    struct reply reply;
    size_t bytes;
    for (int i = 0; i < RESP_DEPTH_MAX; i++)
        buf_add_text(&text, "*1\r\n");
    buf_add_text(&text, ":1\r\n");
    assert_int_equal(resp_read(&r, buf_str(&text), &reply, &bytes), RESP_REPLY);
    buf_clear(&text);
    for (int i = 0; i <= RESP_DEPTH_MAX; i++)
        buf_add_text(&text, "*1\r\n");
    buf_add_text(&text, ":1\r\n");
    assert_int_equal(resp_read(&r, buf_str(&text), &reply, &bytes), RESP_BROKEN);
    buf_close(&text);
    resp_close(&r);
}

/* What is announced costs nothing before it is there. */
static void test_announced_only(void **state)
{
    (void)state;
    struct resp r = {0};
    struct reply reply;
    size_t bytes;
    assert_int_equal(resp_read(&r, STR("*500000000\r\n:1\r\n"), &reply, &bytes), RESP_MORE);
    assert_true(bytes > 1000000000);
    assert_int_equal(r.capacity, 0);
    resp_close(&r);
}

/* Never crashes, never reads behind its end, never claims more than there was. */
static void test_garbage(void **state)
{
    (void)state;
    static const char letters[] = "$*:+-\r\n\r\n\r\n0123456789x";
    struct resp r = {0};
    srand(1);
    for (int round = 0; round < 200000; round++) {
        size_t n = (size_t)rand() % 40;
        char *copy = malloc(n + 1);
        struct reply reply;
        size_t bytes = 0;
        for (size_t i = 1; i <= n; i++)
            copy[i] = letters[(size_t)rand() % (sizeof letters - 1)];
        enum resp_said said = resp_read(&r, (struct str){copy + 1, n}, &reply, &bytes);
        if (said == RESP_REPLY)
            assert_true(bytes <= n);
        else if (said == RESP_MORE)
            assert_true(bytes > n);
        free(copy);
    }
    resp_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_hiredis_reads_them),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_only_the_first),
        cmocka_unit_test(test_many_elements),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_announced_only),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
