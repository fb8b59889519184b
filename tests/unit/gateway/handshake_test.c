/* Tests of gateway/handshake.c: one change to a good request at a time, each with its status. */
#include "gateway/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct handshake_offer offer;
static struct handshake_rules rules;

static int setup(void **state)
{
    (void)state;
    offer = (struct handshake_offer){.is_get = true,
                                     .path = STR("/ws"),
                                     .http_version = STR("HTTP/1.1"),
                                     .upgrade = STR("websocket"),
                                     .connection = STR("Upgrade"),
                                     .host = STR("localhost"),
                                     .ws_version = STR("13"),
                                     .ws_key = STR("dGhlIHNhbXBsZSBub25jZQ==")};
    rules = (struct handshake_rules){.connections_max = 1};
    return 0;
}

static void accepted(void)
{
    const struct handshake_refusal *r = handshake_check(&offer, &rules);
    if (r != NULL)
        fail_msg("refused: %s", r->message);
    setup(NULL);
}

static void refused(int status, const char *reason)
{
    const struct handshake_refusal *r = handshake_check(&offer, &rules);
    assert_non_null(r);
    assert_string_equal(r->reason, reason);
    assert_int_equal(r->status, status);
    assert_true(strlen(r->message) > 20);
    assert_int_equal(r->retryable, status == 503 || status == 429);
    bool too_many = strcmp(reason, "capacity") == 0 || strcmp(reason, "address") == 0;
    assert_int_equal(handshake_over_capacity(r), too_many);
    setup(NULL);
}

#define BAD(member, value, status, reason) (offer.member = (value), refused(status, reason))

static void test_requests(void **state)
{
    (void)state;
    accepted();
    offer.upgrade = STR("WebSocket");
    offer.connection = STR("keep-alive, \tupgrade");
    accepted();
    BAD(is_get, false, 405, "method");
    BAD(upgrade, STR("h2c"), 400, "upgrade");
    BAD(upgrade, STR("websocket2"), 400, "upgrade");
    BAD(upgrade, (struct str){0}, 400, "upgrade");
    BAD(connection, STR("keep-alive"), 400, "upgrade");
    BAD(connection, STR("upgraded"), 400, "upgrade");
    BAD(http_version, STR("HTTP/1.0"), 505, "http_version");
    BAD(http_version, STR("HTTP/1.10"), 505, "http_version");
    BAD(path, STR("/"), 404, "path");
    BAD(path, STR("/ws/"), 404, "path");
    BAD(path, STR("/WS"), 404, "path");
    BAD(ws_version, STR("8"), 426, "version");
    BAD(ws_version, STR("13, 8"), 426, "version");
    BAD(ws_version, (struct str){0}, 426, "version");
    BAD(host, (struct str){0}, 400, "malformed");
    BAD(repeated, true, 400, "malformed");
    BAD(too_long, true, 400, "malformed");
    BAD(has_body, true, 400, "malformed");
}

static void test_keys(void **state)
{
    (void)state;
    offer.ws_key = STR("AAAAAAAAAAAAAAAAAAAA+/==");
    accepted();
    BAD(ws_key, (struct str){0}, 400, "malformed");
    BAD(ws_key, STR("dGhlIHNhbXBsZSBub25jZQ="), 400, "malformed");
    BAD(ws_key, STR("dGhlIHNhbXBsZSBub25jZQ==="), 400, "malformed");
    BAD(ws_key, STR("dGhlIHNhbXBsZSBub25jZQQ="), 400, "malformed");
    BAD(ws_key, STR("dGhlIHNhbXBsZ_Bub25jZQ=="), 400, "malformed");
    BAD(ws_key, STR("dGhlIHNhbXB\0ZSBub25jZQ=="), 400, "malformed");
}

static void test_subprotocols(void **state)
{
    (void)state;
    static const char *const good[] = {"matchgate.v1.json", "chat,matchgate.v1.json",
                                       " matchgate.v1.json\t, x"};
    for (size_t i = 0; i < 3; i++) {
        offer.protocols = str_of(good[i]);
        accepted();
    }
    static const char *const bad[] = {"chat",
                                      "Matchgate.v1.json",
                                      "matchgate.v1",
                                      "matchgate.v1.json,",
                                      ",,",
                                      "matchgate.v1.json,a b",
                                      "matchgate.v1.json,\"x\"",
                                      "matchgate.v1.json x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        offer.protocols = str_of(bad[i]);
        if (strcmp(bad[i], "matchgate.v1.json,") == 0) /* an empty end is no name: libwebsockets takes it */
            accepted();
        else
            refused(400, "protocol");
    }
    char list[200] = "matchgate.v1.json,";
    memset(list + 18, 'x', 64); /* a name longer than libwebsockets can hold */
    offer.protocols = str_of(list);
    refused(400, "protocol");
    memset(list, 0, sizeof list);
    for (int i = 0; i < 5; i++)
        strcat(list, "matchgate.v1.json, ");
    strcat(list, "matchgate.v1.json");
    offer.protocols = str_of(list); /* a list longer than libwebsockets can hold */
    refused(400, "protocol");
}

static void test_origins(void **state)
{
    (void)state;
    const char *two = "https://a.example, https://b.example:8443";
    assert_true(handshake_origin_allowed(STR("https://x"), NULL));
    assert_true(handshake_origin_allowed(STR("https://x"), ""));
    assert_true(handshake_origin_allowed((struct str){0}, "*"));
    assert_true(handshake_origin_allowed((struct str){0}, "https://a.example, *"));
    assert_true(handshake_origin_allowed(STR("https://a.example"), two));
    assert_true(handshake_origin_allowed(STR("HTTPS://B.EXAMPLE:8443"), two));
    assert_false(handshake_origin_allowed(STR("https://b.example"), two));
    assert_false(handshake_origin_allowed(STR("https://a.example.evil"), two));
    assert_false(handshake_origin_allowed(STR("http://a.example"), two));
    assert_false(handshake_origin_allowed(STR("null"), two));
    assert_false(handshake_origin_allowed((struct str){0}, two));
    rules.allowed_origins = two;
    offer.origin = STR("https://c.example");
    refused(403, "origin");
}

static void engine(struct str eio, struct str transport, struct str sid, const char *error)
{
    offer.path = STR("/socket.io/");
    offer.eio = eio;
    offer.transport = transport;
    offer.sid = sid;
    rules.socketio = true;
    const struct handshake_refusal *r = handshake_check(&offer, &rules);
    if (error == NULL) {
        assert_null(r);
    } else {
        assert_non_null(r);
        assert_int_equal(r->status, 400);
        assert_non_null(strstr(handshake_engine_error(r), error));
        assert_true(strlen(r->message) > 20);
    }
    setup(NULL);
}

static void test_socketio(void **state)
{
    (void)state;
    const struct str none = {0}, websocket = STR("websocket");
    engine(STR("4"), websocket, none, NULL);
    engine(STR("3"), websocket, none, "\"code\":5");
    engine(none, websocket, none, "\"code\":5");
    engine(STR("4"), STR("polling"), none, "\"code\":0");
    engine(STR("4"), none, none, "\"code\":0");
    engine(STR("4"), websocket, STR("x"), "\"code\":1");
    assert_non_null(
        strstr(handshake_engine_error(handshake_engine(STR("4"), websocket, none, false)), "\"code\":3"));
    offer.path = STR("/socket.io/"); /* switched off */
    offer.eio = STR("4");
    offer.transport = websocket;
    refused(404, "path");
    rules.socketio = true;
    BAD(path, STR("/socket.io/x"), 404, "path");
    rules.socketio = true;
    accepted(); /* /ws needs no query */
    offer.path = STR("/nowhere");
    assert_null(handshake_engine_error(handshake_check(&offer, &rules)));
}

static void test_capacity(void **state)
{
    (void)state;
    rules.stopping = true;
    refused(503, "stopping");
    rules.connections = 1;
    refused(503, "capacity");
    rules.address_connections = 5;
    accepted();
    rules.address_connections = 5;
    rules.address_connections_max = 6;
    accepted();
    rules.address_connections = rules.address_connections_max = 6;
    refused(429, "address");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_requests), TEST(test_keys),     TEST(test_subprotocols),
        TEST(test_origins),  TEST(test_capacity), TEST(test_socketio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
