/* /health/stats, and what is answered without the store. */
#include "tests/unit/gateway/health_world.h"

#include "common/json.h"
#include "matchmaking/presence.h"

static void test_figures(void **state)
{
    struct world *w = *state;
    bool done = false;
    presence_heartbeat(&w->realm,
                       &(struct presence_beat){.info = STR("{\"seats\":2,\"host\":\"h\"}"), .first = true},
                       on_raw, &done);
    assert_true(loop_wait(w->loop, is_true, &done, LOOP_WAIT_MS));
    raw(w, "HSET " P "matches r_1 x");
    raw(w, "RPUSH " P "waiting:level:5 ghost");
    raw(w, "SADD " P "waiting:levels 5");
    raw(w,
        "HSET " P
        "socket_mappings s1 {\"socketId\":\"s1\",\"instanceId\":\"Z\",\"roomId\":null,\"playerId\":\"p\"}");
    w->local.warnings[0] = "mind the \"gap\"";
    const struct http_request *r = get(w, "/api/health/detailed");
    assert_true(json_valid(str_of(r->body)));
    expect_part(r, 200, "{\"status\":\"ok\"");
    expect_part(r, 200, "\"available\":true,\"connected\":true,\"onlinePlayers\":1,\"activeGames\":0");
    expect_part(r, 200, "\"instance\":{\"instanceId\":\"A\",\"version\":\"1.2.3\"");
    expect_part(r, 200, "\"queues\":[{\"level\":5,\"length\":1,\"oldestWaitMs\":0}]");
    expect_part(r, 200, "\"fleet\":[{\"instanceId\":\"A\",\"live\":true");
    expect_part(r, 200, "\"info\":{\"seats\":2,\"host\":\"h\"}");
    expect_part(
        r, 200,
        "\"matchWithoutState\":1,\"stateWithoutMatch\":0,\"mappingToDeadInstance\":1,\"queuedAndInRoom\":0");
    expect_part(r, 200, "I3 match r_1 has no game_states");
    expect_part(r, 200, "\"warnings\":[\"mind the \\\"gap\\\"\"]");
    size_t calls = w->gate.calls;
    r = ask(w, (struct http_request){.path = "/health/stats", .query_name = "format", .query_value = "text"});
    assert_int_equal(w->gate.calls, calls); /* the same figures in another form */
    expect_part(r, 200, "║      MATCHGATE STATUS             ║\n");
    expect_part(r, 200, "   Waiting:         1 (1 levels, oldest 0.0s)\n");
    expect_part(r, 200, "   Violations:      3\n");
    assert_string_equal(r->content_type, "text/plain; charset=utf-8");
}

/* The audit is the dear part: it is not repeated in every round, and what it found is kept until then. */
static void test_integrity_is_kept_for_a_while(void **state)
{
    struct world *w = *state;
    raw(w, "HSET " P "matches r_1 x");
    expect_part(get(w, "/health/stats"), 200, "\"matchWithoutState\":1");
    size_t calls = w->gate.calls;
    raw(w, "DEL " P "matches");
    loop_wait_idle(w->loop, 1100);
    expect_part(get(w, "/health/stats"), 200, "\"matchWithoutState\":1");
    expect_part(&w->request, 200, "\"integrityAgeMs\":1");
    expect_part(&w->request, 200, "\"matches\":0");
    assert_int_equal(w->gate.calls, 2 * calls - 1);
    expect_part(ask(w, (struct http_request){.method = HTTP_POST,
                                             .path = "/health/cleanup",
                                             .authorization = "Bearer a-long-secret"}),
                200, "\"cleaned\":0");
    expect_part(get(w, "/health/stats"), 200, "\"matchWithoutState\":0"); /* a clean-up changes things */
}

static void test_what_the_server_says(void **state)
{
    struct world *w = *state;
    w->gate.base.ops = &gate_ops_info;
    w->gate.info_text =
        "redis_version:7.0.15\r\nmaxmemory:1000\r\nused_memory:500\r\nmaxmemory_policy:allkeys-lru\r\n"
        "aof_enabled:0\r\nconfig_save:\r\n";
    assert_null(health_store(w->health));
    health_store_ready(w->health);
    assert_true(w->gate.infos >= 1);
    assert_string_equal(health_store(w->health)->policy, "allkeys-lru");
    loop_wait_idle(w->loop, 20); /* what was asked for in the background is nobody's fresh answer */
    raw(w, "HSET " P "matches r_1 x");
    const struct http_request *r = get(w, "/health/stats");
    assert_true(json_valid(str_of(r->body)));
    expect_part(r, 200, "\"matches\":1");
    expect_part(r, 200,
                "\"level\":\"critical\",\"items\":{\"evictionPolicy\":{\"value\":\"allkeys-lru\",\"level\":"
                "\"critical\"}");
    expect_part(r, 200, "\"persistence\":{\"value\":\"none\",\"level\":\"warning\"}");
    expect_part(r, 200, "\"memory\":{\"value\":50.00,\"level\":\"good\"}");
    expect_part(r, 200, "\"warnings\":[\"Set maxmemory-policy noeviction");
    r = ask(w, (struct http_request){.path = "/health/stats", .query_name = "format", .query_value = "text"});
    expect_part(r, 200, "PERFORMANCE (critical)\n");
    expect_part(r, 200, "   Policy:          allkeys-lru\n");
}

static void test_ready_and_live(void **state)
{
    struct world *w = *state;
    w->gate.hang = true; /* neither needs the store */
    expect(get(w, "/health/live"), 200, "{\"live\":true}");
    expect(get(w, "/health/ready"), 200, "{\"ready\":true}");
    w->local.ready = false;
    w->local.not_ready_reason = "draining";
    expect(get(w, "/health/ready"), 503, "{\"ready\":false,\"reason\":\"draining\"}");
    expect(get(w, "/health/live"), 200, "{\"live\":true}");
    expect_part(get(w, "/metrics"), 200, "matchgate_connections{instance=\"A\"} 0\n");
    assert_int_equal(w->gate.calls, 0);
}

static void test_routes(void **state)
{
    struct world *w = *state;
    expect(get(w, "/"), 200, "<p>play</p>");
    assert_string_equal(w->request.content_type, "text/html; charset=utf-8");
    static const char *const unknown[] = {"/nothing", "",   "/health/",      "/healthx",
                                          "/HEALTH",  "//", "/health/statsx"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        expect_part(get(w, unknown[i]), 404, "/ws");
        expect_part(&w->request, 404, "/health");
        expect_part(&w->request, 404, "{\"error\":{\"code\":");
    }
    expect_part(get(w, "/ws"), 426, "WebSocket");
    expect_part(get(w, "/health/cleanup"), 405, "POST");
    assert_string_equal(w->request.headers, "Allow: POST\r\n");
    expect_part(ask(w, (struct http_request){.method = HTTP_POST, .path = "/health"}), 405, "GET");
    assert_string_equal(w->request.headers, "Allow: GET, HEAD\r\n");
    health_free(w->health);
    make_health(w, NULL, NULL);
    expect_part(get(w, "/"), 404, "/ws");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_figures),
        TEST(test_integrity_is_kept_for_a_while),
        TEST(test_what_the_server_says),
        TEST(test_ready_and_live),
        TEST(test_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
