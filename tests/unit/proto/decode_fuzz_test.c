/* Random damage to valid envelopes: decoding never reads past the frame, and another JSON reader agrees with
 * what it accepts. MG_SEED repeats a run, MG_ITERATIONS lengthens it; both are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <cjson/cJSON.h>

#include "common/buf.h"
#include "proto/decode.h"
#include "proto/encode.h"
#include "proto/setup.h"
#include "tests/lib/damage.h"

static const char *const seeds[] = {
    "{\"event\":\"hello\",\"id\":1,\"data\":{\"token\":\"a.b.c\",\"playerId\":\"p_1\"}}",
    "{\"event\":\"joinMatchmaking\",\"id\":7,\"data\":{\"level\":2}}",
    "{\"event\":\"leaveMatchmaking\",\"id\":9007199254740991}",
    "{\"event\":\"confirmJoined\",\"id\":3,\"data\":{\"roomId\":\"r_1\"}}",
    "{\"event\":\"gameMessage\",\"id\":4,\"data\":{\"roomId\":\"r_1\",\"message\":{\"a\":[1,-2.5e3,null,true]"
    ","
    "\"s\":\"\\u00e4\\ud83d\\ude00\xc3\xa4\xf0\x9f\x98\x80\"},\"volatile\":true,\"echo\":false}}",
    "{\"event\":\"updatePlayerState\",\"id\":5,\"data\":{\"roomId\":\"r_1\",\"state\":[],\"expectedVersion\":"
    "0}}",
    "{\"event\":\"updateGameData\",\"id\":6,\"data\":{\"roomId\":\"r_1\",\"gameData\":{\"b\":\"X.O\"},"
    "\"turn\":3,"
    "\"expectedVersion\":12}}",
    "{\"event\":\"getGameState\",\"id\":8,\"data\":{\"roomId\":\"r_1\"}}",
    "{ \"data\" : { \"roomId\" : \"r_1\" } , \"id\" : 9 , \"event\" : \"leaveRoom\" }",
    "{\"event\":\"endGame\",\"id\":10,\"data\":{\"roomId\":\"r_1\",\"result\":{\"winner\":null}}}",
    "{\"event\":\"joinMatchmaking\",\"id\":12,\"data\":{\"level\":2,\"setup\":{\"name\":\"\\u00e4\","
    "\"playerId\":\"x\",\"n\":[1e3]}}}",
    "{\"event\":\"joinMatchmaking\",\"data\":{\"addToQueue\":{\"playerId\":\"p\",\"playerSetup\":"
    "{\"socketId\":\"s\",\"fields\":\"[{}]\"}}}}",
    "{\"event\":\"ping\",\"id\":11,\"data\":[[[[[[[[[[[[1]]]]]]]]]]]]}",
};
/* What damage likes to look like. */
static const char *const pieces[] = {
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "false",
    "0",
    "-",
    "1e999",
    "\\u0000",
    "\\ud800",
    "\\u0065",
    "\"id\":1,",
    "\"event\":\"ping\",",
    "\"data\":{},",
    "\xc3",
    "\xed\xa0\x80",
    "\xff",
    "\n",
    "\t ",
    "[[[[[[[[",
    "]]]]]]]]",
    "9007199254740992",
    "\"roomId\":\"x\",",
    "\"setup\":{},",
    "\"play\\u0065rId\":\"y\",",
};
#define COUNT(array) (sizeof(array) / sizeof *(array))
static const struct damage_words words = {seeds, COUNT(seeds), pieces, COUNT(pieces)};

static bool only_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p == end;
}

static cJSON *parse(struct str text)
{
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(text.p, text.n, &end, false);
    if (tree != NULL && !only_space(end, text.p + text.n)) {
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

static void assert_parses(struct str text)
{
    cJSON *tree = parse(text);
    assert_non_null(tree);
    cJSON_Delete(tree);
}

/* The other reader finds the same event, id and kind of data. */
static void compare(struct str text, const struct request *r)
{
    cJSON *tree = parse(text);
    assert_non_null(tree);
    assert_true(cJSON_IsObject(tree));
    const cJSON *event = cJSON_GetObjectItemCaseSensitive(tree, "event");
    assert_true(cJSON_IsString(event));
    assert_int_equal(strlen(event->valuestring), r->event.n);
    assert_memory_equal(event->valuestring, r->event.p, r->event.n);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(tree, "id");
    assert_int_equal(id != NULL, r->id != 0);
    assert_true(id == NULL || id->valuedouble == (double)r->id);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(tree, "data");
    assert_int_equal(data != NULL, r->data_raw.type != JSON_NONE);
    assert_int_equal(cJSON_IsObject(data), r->data_raw.type == JSON_OBJECT);
    if (r->kind != MSG_PING && data != NULL)
        assert_int_equal((size_t)cJSON_GetArraySize(data), r->data.count);
    cJSON_Delete(tree);
}

/* The others read a setup that was let in, from one who is "p" whatever it says. */
static void use_setup(const struct request *r, struct buf *out)
{
    const char *why = NULL;
    struct str setup;
    struct buf players = {0};
    enum code code = setup_read(r, &setup, &why);
    assert_int_equal(code == CODE_OK, why == NULL);
    if (code != CODE_OK || setup.n == 0)
        return;
    assert_parses(setup);
    buf_add_text(&players, "[{\"id\":\"p\",\"setup\":");
    buf_add_str(&players, setup);
    buf_add_text(&players, "}]");
    setup_add_others(out, buf_str(&players), STR("q"));
    cJSON *tree = parse(buf_str(out));
    assert_int_equal(cJSON_GetArraySize(tree), 1);
    unsigned named = 0;
    for (const cJSON *member = cJSON_GetArrayItem(tree, 0)->child; member; member = member->next)
        if (strcmp(member->string, "playerId") == 0 && ++named)
            assert_string_equal(member->valuestring, "p");
    assert_int_equal(named, 1);
    cJSON_Delete(tree);
    buf_close(&players);
    buf_clear(out);
}

/* What handlers would do with an accepted request: read members, pass a payload on, answer. */
static void use(const struct request *r, struct buf *out)
{
    const char *why = NULL;
    struct str raw, id;
    int64_t n;
    bool b;
    if (decode_raw(r, "message", &raw, &why)) {
        assert_parses(raw);
        encode_push(out, STR(PUSH_GAME_MESSAGE), STR("r_1"), 1, 1, raw);
        assert_parses(buf_str(out));
        buf_clear(out);
    }
    if (r->kind == MSG_JOIN_MATCHMAKING)
        use_setup(r, out);
    if (decode_id(r, "roomId", &id, &why))
        assert_in_range(id.n, 1, 64);
    if (decode_opt_int(r, "expectedVersion", 0, 100, 5, &n, &why))
        assert_in_range(n, 0, 100);
    if (!decode_opt_bool(r, "volatile", false, &b, &why))
        assert_non_null(why);
    if (r->id != 0)
        encode_ok(out, r->id, r->data_raw.raw);
    else
        encode_push(out, r->event, STR("r_1"), 0, 0, r->data_raw.raw);
    assert_parses(buf_str(out));
    buf_clear(out);
}

static size_t setting(const char *name, size_t fallback)
{
    const char *text = getenv(name);
    return text ? (size_t)strtoull(text, NULL, 0) : fallback;
}

/* One damaged message; true if it was accepted. */
static bool one(struct request *r, struct buf *out)
{
    struct damage_text t;
    const char *why = NULL;
    damage_pick(&t, &words);
    char *exact = malloc(t.n ? t.n : 1); /* the sanitizer sees a read behind it */
    assert_non_null(exact);
    memcpy(exact, t.bytes, t.n);
    struct str text = {exact, t.n};
    enum code code = decode_request(text, r, &why);
    if (code == CODE_OK) {
        compare(text, r);
        use(r, out);
    } else {
        assert_true(code == CODE_BAD_REQUEST || code == CODE_UNKNOWN_EVENT || code == CODE_FORBIDDEN);
        assert_non_null(why);
        encode_error(out, r->id, &(struct encode_error){.code = code, .message = why});
        assert_parses(buf_str(out));
        buf_clear(out);
    }
    free(exact);
    return code == CODE_OK;
}

static uint64_t failing_seed; /* 0 = none */

static int tell_seed(void **state)
{
    (void)state;
    if (failing_seed != 0)
        fprintf(stderr, "repeat it alone with MG_SEED=%llu MG_ITERATIONS=1\n",
                (unsigned long long)failing_seed);
    return 0;
}

static void damaged_envelopes(void **state)
{
    (void)state;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = setting("MG_SEED", (size_t)now.tv_nsec ^ (size_t)now.tv_sec << 20);
    size_t iterations = setting("MG_ITERATIONS", 200000), accepted = 0, i;
    static struct request r;
    struct buf out = {0};
    fprintf(stderr, "MG_SEED=%llu MG_ITERATIONS=%zu\n", (unsigned long long)seed, iterations);
    for (i = 0; i < iterations; i++) {
        damage_seed(failing_seed = seed + i);
        accepted += one(&r, &out);
    }
    fprintf(stderr, "%zu of %zu were accepted\n", accepted, iterations);
    if (iterations > 1000) { /* the damage is neither too mild nor too wild to prove something */
        assert_true(accepted > iterations / 5);
        assert_true(accepted < iterations * 4 / 5);
    }
    failing_seed = 0;
    buf_close(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(damaged_envelopes, tell_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
