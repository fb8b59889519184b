/* /health and /health/cleanup: seed 002's JSON, sharing of round trips, a store that is away or hangs, the
 * admin rule. */
#include "tests/unit/gateway/health_world.h"

#include "common/json.h"
#include "gateway/admin.h"

static const char empty_and_well[] =
    "{\"redis\":true,\"matchmaking\":true,\"gameStates\":true,\"socketMappings\":true,\"details\":{"
    "\"redisConnection\":true,"
    "\"matchmakingData\":0,\"activeGameStates\":0,\"activeSocketMappings\":0,\"activeRooms\":0}}";

static void test_health_is_the_seeds(void **state)
{
    struct world *w = *state;
    expect(get(w, "/health"), 200, empty_and_well);
    assert_string_equal(w->request.content_type, "application/json");
    expect(get(w, "/api/health"), 200, empty_and_well);
    expect(ask(w, (struct http_request){.method = HTTP_HEAD, .path = "/health"}), 200, empty_and_well);
}

/* The counts of seed 002's own example. */
static void test_counts(void **state)
{
    struct world *w = *state;
    raw(w, "RPUSH " P "waiting:level:2 a b c");
    raw(w, "RPUSH " P "waiting:level:30 d e");
    raw(w, "SADD " P "waiting:levels 2 30");
    raw(w, "HSET " P "game_states 1 x 2 x 3 x");
    raw(w, "HSET " P "matches 1 x 2 x 3 x");
    for (int i = 0; i < 10; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "HSET " P "socket_mappings s%d x", i);
        raw(w, line);
    }
    expect(
        get(w, "/health"), 200,
        "{\"redis\":true,\"matchmaking\":true,\"gameStates\":true,\"socketMappings\":true,\"details\":"
        "{\"redisConnection\":true,\"matchmakingData\":5,\"activeGameStates\":3,\"activeSocketMappings\":10,"
        "\"activeRooms\":3}}");
}

static void test_standalone(void **state)
{
    struct world *w = *state;
    w->gate.base.durable = false;
    expect(
        get(w, "/health"), 200,
        "{\"redis\":false,\"matchmaking\":true,\"gameStates\":true,\"socketMappings\":true,\"details\":"
        "{\"redisConnection\":false,\"matchmakingData\":0,\"activeGameStates\":0,\"activeSocketMappings\":0,"
        "\"activeRooms\":0,\"mode\":\"standalone\"}}");
}

static void test_foreign_types(void **state)
{
    struct world *w = *state;
    raw(w, "SET " P "game_states x");
    expect_part(get(w, "/health"), 503, "\"matchmaking\":true,\"gameStates\":false,\"socketMappings\":true");
    expect_part(&w->request, 503, ",\"badKeys\":[\"x:game_states string\"]}}");
    health_free(w->health);
    make_health(w, NULL, NULL);
    raw(w, "DEL " P "game_states");
    raw(w, "SET " P "socket_mappings x");
    raw(w, "SADD " P "waiting:levels 4");
    raw(w, "SADD " P "waiting:level:4 x");
    expect_part(get(w, "/health"), 503,
                "\"redis\":true,\"matchmaking\":false,\"gameStates\":true,\"socketMappings\":false");
    expect_part(&w->request, 503, "\"badKeys\":[\"x:socket_mappings string\",\"x:waiting:level:4 set\"]");
    expect_part(get(w, "/health/stats"), 200, "\"badKeys\":[\"x:socket_mappings string\"");
    assert_true(json_valid(str_of(w->request.body)));
}

static void test_one_round_trip_for_all(void **state)
{
    struct world *w = *state;
    struct http_request many[20] = {0};
    for (size_t i = 0; i < 20; i++) {
        many[i] = (struct http_request){.path = i % 2 ? "/health" : "/api/health"};
        health_http(w->health, &many[i]);
        assert_int_equal(many[i].answers, 0);
    }
    assert_int_equal(w->gate.calls, 1); /* list_levels; check_health follows */
    for (size_t i = 0; i < 20; i++) {
        assert_true(loop_wait(w->loop, is_answered, &many[i], LOOP_WAIT_MS));
        expect(&many[i], 200, empty_and_well);
        forget(&many[i]);
    }
    assert_int_equal(w->gate.calls, 2);
    (void)get(w, "/health"); /* fresh */
    assert_int_equal(w->gate.calls, 2);
    loop_wait_idle(w->loop, 1100); /* not any more */
    (void)get(w, "/health");
    assert_int_equal(w->gate.calls, 4);
}

static const char degraded[] =
    "\"redis\":false,\"matchmaking\":false,\"gameStates\":false,\"socketMappings\":false";

static void test_a_store_that_is_away(void **state)
{
    struct world *w = *state;
    (void)get(w, "/health");
    size_t calls = w->gate.calls;
    w->gate.down = true;
    struct http_request r = {.path = "/health"};
    health_http(w->health, &r);
    assert_int_equal(r.answers, 1); /* at once, in spite of the good answer a moment ago */
    expect_part(&r, 503, degraded);
    expect_part(&r, 503, "\"mode\":\"degraded\",\"reason\":\"refused\"}}");
    forget(&r);
    expect_part(get(w, "/health/stats"), 200, "{\"status\":\"degraded\",\"reason\":\"refused\"");
    assert_true(json_valid(str_of(w->request.body)));
    expect_part(ask(w, (struct http_request){.method = HTTP_POST,
                                             .path = "/health/cleanup",
                                             .authorization = "Bearer a-long-secret"}),
                503, "SERVICE_DEGRADED");
    assert_int_equal(w->gate.calls, calls);
}

static void test_a_store_that_hangs(void **state)
{
    struct world *w = *state;
    uint64_t start = clock_mono_ms();
    w->gate.hang = true;
    expect_part(get(w, "/health"), 503, "\"mode\":\"degraded\",\"reason\":\"timeout\"}}");
    assert_in_range(clock_mono_ms() - start, 900, 3000);
    struct http_request r = {.path = "/health"};
    health_http(w->health, &r); /* the next one does not wait again, nor is the store asked again */
    assert_int_equal(r.answers, 1);
    expect_part(&r, 503, "\"reason\":\"timeout\"");
    forget(&r);
    assert_int_equal(w->gate.calls, 1);
    gate_release(&w->gate, ERR_UNKNOWN);
    expect_part(get(w, "/health"), 503, "\"reason\":\"unknown\""); /* what the round trip has brought */
    loop_wait_idle(w->loop, 1100);
    expect(get(w, "/health"), 200, empty_and_well);
}

static void test_closing_with_questions_under_way(void **state)
{
    struct world *w = *state;
    struct http_request probe = {.path = "/health"}, figures = {.path = "/health/stats"},
                        clean = {.method = HTTP_POST,
                                 .path = "/health/cleanup",
                                 .authorization = "Bearer a-long-secret"};
    w->gate.hang = true;
    health_http(w->health, &probe);
    health_http(w->health, &figures);
    health_http(w->health, &clean);
    health_free(w->health);
    w->health = NULL;
    assert_int_equal(probe.status, 503);
    assert_int_equal(figures.answers, 1);
    assert_int_equal(clean.answers, 0);
    gate_release(&w->gate, ERR_UNKNOWN); /* as the back end does when it is freed */
    assert_int_equal(clean.status, 503);
    forget(&probe);
    forget(&figures);
    forget(&clean);
}

static const struct http_request *clean_up(struct world *w, const char *authorization, const char *dry_run)
{
    return ask(w, (struct http_request){.method = HTTP_POST,
                                        .path = "/health/cleanup",
                                        .authorization = authorization,
                                        .query_name = dry_run ? "dryRun" : NULL,
                                        .query_value = dry_run});
}

static void test_cleanup(void **state)
{
    struct world *w = *state;
    raw(w, "HSET " P "matches r_1 x r_2 x");
    raw(w, "ZADD " P "deadlines 1 idle:r_1:1");
    static const char *const strangers[] = {"",
                                            "Bearer ",
                                            "Bearer a-long-secreT",
                                            "Bearer a-long-secret ",
                                            "bearer a-long-secret",
                                            "Basic a-long-secret",
                                            "a-long-secret"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        expect_part(clean_up(w, strangers[i], NULL), 401, "UNAUTHORIZED");
        assert_string_equal(w->request.headers, "WWW-Authenticate: Bearer\r\n");
    }
    static const char found[] =
        "{\"cleaned\":3,\"errors\":0,\"details\":{\"matches\":2,\"deadlines\":1,\"dryRun\":";
    expect_part(clean_up(w, "Bearer a-long-secret", "1"), 200, found);
    expect_part(&w->request, 200, "\"dryRun\":true,\"more\":false}}");
    expect_part(clean_up(w, "Bearer a-long-secret", "what?"), 200, "\"dryRun\":true");
    expect_part(clean_up(w, "Bearer a-long-secret", "0"), 200, found);
    expect(clean_up(w, "Bearer a-long-secret", NULL), 200,
           "{\"cleaned\":0,\"errors\":0,\"details\":{\"dryRun\":false,\"more\":false}}");
    w->gate.hang = true;
    struct http_request first = {
        .method = HTTP_POST, .path = "/health/cleanup", .authorization = "Bearer a-long-secret"};
    health_http(w->health, &first);
    expect_part(clean_up(w, "Bearer a-long-secret", NULL), 429, "BUSY");
    gate_release(&w->gate, ERR_TIMEOUT);
    expect_part(&first, 503, "SERVICE_DEGRADED");
    forget(&first);
    expect_part(clean_up(w, "Bearer a-long-secret", NULL), 200, "\"cleaned\":0");
}

static void test_no_admin_token(void **state)
{
    struct world *w = *state;
    raw(w, "HSET " P "matches r_1 x");
    static const char *const tokens[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        health_free(w->health);
        make_health(w, tokens[i], NULL);
        expect_part(clean_up(w, "Bearer ", NULL), 403, "ADMIN_TOKEN");
        expect_part(clean_up(w, "", NULL), 403, "ADMIN_TOKEN");
    }
    assert_int_equal(w->gate.calls, 0);
}

static void test_admin_rule(void **state)
{
    (void)state;
    assert_int_equal(admin_check(STR("Bearer x"), "x"), 200);
    assert_int_equal(admin_check(STR("Bearer y"), "x"), 401);
    assert_int_equal(admin_check(STR("Bearer xx"), "x"), 401);
    assert_int_equal(admin_check((struct str){0}, "x"), 401);
    assert_int_equal(admin_check(STR("Bearer x"), NULL), 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_health_is_the_seeds),
        TEST(test_counts),
        TEST(test_standalone),
        TEST(test_foreign_types),
        TEST(test_one_round_trip_for_all),
        TEST(test_a_store_that_is_away),
        TEST(test_a_store_that_hangs),
        TEST(test_closing_with_questions_under_way),
        TEST(test_cleanup),
        TEST(test_no_admin_token),
        cmocka_unit_test(test_admin_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
