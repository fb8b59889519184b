/* Tests of gateway/http_text.c: heads and errors, byte for byte but for the date. */
#include "common/mem.h"
#include "gateway/http_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_close(&out);
    return mem_live_count() == 0 ? 0 : -1;
}

static bool has(const char *part)
{
    return strstr(out.data, part) != NULL;
}

static void test_head(void **state)
{
    (void)state;
    const struct http_text_head h = {.status = 200, .content_type = "application/json", .content_length = 42};
    http_text_add_head(&out, &h);
    assert_true(strncmp(out.data, "HTTP/1.1 200 OK\r\nServer: matchgate\r\nDate: ", 42) == 0);
    assert_true(
        has(" GMT\r\nContent-Type: application/json\r\nContent-Length: 42\r\nConnection: keep-alive\r\n"
            "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"));
    assert_string_equal(strstr(out.data, "\r\n\r\n"), "\r\n\r\n");
    assert_false(has("Content-Security-Policy"));
}

static void test_page(void **state)
{
    (void)state;
    const struct http_text_head h = {.status = 200,
                                     .content_type = "text/html; charset=utf-8",
                                     .close = true,
                                     .cacheable = true,
                                     .headers = "X-One: 1\r\n"};
    http_text_add_head(&out, &h);
    assert_true(has("Connection: close\r\n"));
    assert_false(has("Cache-Control"));
    assert_true(has("Content-Security-Policy: default-src 'none';"));
    assert_true(has("connect-src 'self' ws: wss:;"));
    assert_true(has("X-One: 1\r\n\r\n"));
}

static void test_refusal(void **state)
{
    (void)state;
    http_text_add_refusal(&out, 426, CODE_BAD_REQUEST, "say \"13\"", false, "Sec-WebSocket-Version: 13\r\n");
    const char *body =
        "{\"error\":{\"code\":\"BAD_REQUEST\",\"message\":\"say \\\"13\\\"\",\"retryable\":false}}";
    char length[64];
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    assert_true(has("HTTP/1.1 426 Upgrade Required\r\n"));
    assert_true(has("Connection: close\r\n"));
    assert_true(has("Sec-WebSocket-Version: 13\r\n\r\n{"));
    assert_true(has(length));
    assert_string_equal(strstr(out.data, "{"), body);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_head), TEST(test_page), TEST(test_refusal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
