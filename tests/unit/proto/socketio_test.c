/* Socket.IO's packets taken and refused, what is written, pid and offset; and random damage: what this
 * dialect accepts the native one accepts as well, with the same members. MG_SEED repeats a run, MG_ITERATIONS
 * lengthens it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "proto/dialect.h"
#include "proto/socketio.h"
#include "tests/lib/damage.h"

static struct socketio_packet packet;
static struct request request;
static char *copy; /* an exact one, so that a read behind the end is seen */
static const char *why;

static struct str exact(const char *bytes, size_t n)
{
    free(copy);
    copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    return (struct str){copy, n};
}

static int drop_copy(void **state)
{
    (void)state;
    free(copy);
    copy = NULL;
    return 0;
}

static void expect_text(struct str s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.p, text, s.n);
}

static enum socketio_kind read_packet(const char *text)
{
    memset(&packet, 0xee, sizeof packet);
    socketio_read(exact(text, strlen(text)), &packet);
    return packet.kind;
}

static enum code decode(const char *text)
{
    memset(&request, 0xee, sizeof request);
    why = NULL;
    return socketio_decode(exact(text, strlen(text)), &request, &why);
}

static void packets(void **state)
{
    (void)state;
    assert_int_equal(read_packet("1"), SOCKETIO_CLOSE);
    assert_int_equal(read_packet("3"), SOCKETIO_PONG);
    assert_int_equal(read_packet("40"), SOCKETIO_CONNECT);
    expect_text(packet.name_space, "/");
    assert_int_equal(read_packet("40{\"token\":\"x\"}"), SOCKETIO_CONNECT);
    expect_text(packet.payload, "{\"token\":\"x\"}");
    assert_int_equal(read_packet("40/admin,{\"a\":1}"), SOCKETIO_CONNECT);
    expect_text(packet.name_space, "/admin");
    expect_text(packet.payload, "{\"a\":1}");
    assert_int_equal(read_packet("40/random"), SOCKETIO_CONNECT);
    expect_text(packet.name_space, "/random");
    assert_int_equal(read_packet("41"), SOCKETIO_DISCONNECT);
    assert_int_equal(read_packet("41/admin,"), SOCKETIO_DISCONNECT);
    assert_int_equal(read_packet("42[\"foo\"]"), SOCKETIO_EVENT);
    assert_int_equal(packet.id, 0);
    assert_int_equal(read_packet("4212[\"foo\"]"), SOCKETIO_EVENT);
    assert_int_equal(packet.id, 13);
    assert_int_equal(read_packet("420[\"foo\"]"), SOCKETIO_EVENT);
    assert_int_equal(packet.id, 1);
    assert_int_equal(read_packet("42/admin,13[\"foo\"]"), SOCKETIO_EVENT);
    assert_int_equal(packet.id, 14);
    assert_int_equal(read_packet("4313[]"), SOCKETIO_ACK);
    assert_int_equal(read_packet("452-7[\"baz\",{\"_placeholder\":true,\"num\":0}]"), SOCKETIO_BINARY);
    assert_int_equal(packet.attachments, 2);
    assert_int_equal(packet.id, 8);
    assert_int_equal(read_packet("461-15[{\"_placeholder\":true,\"num\":0}]"), SOCKETIO_BINARY);
    assert_int_equal(read_packet("429007199254740990[\"x\"]"), SOCKETIO_EVENT);
    assert_int_equal(packet.id, 9007199254740991);
}

static void no_packets(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "0",
                                        "0{}",
                                        "2",
                                        "2probe",
                                        "5",
                                        "6",
                                        "7",
                                        "x",
                                        "4",
                                        "44{}",
                                        "47[]",
                                        "4abc",
                                        "42",
                                        "42{}",
                                        "42\"x\"",
                                        "42abc[]",
                                        "411",
                                        "40[]",
                                        "40null",
                                        "45[\"x\"]",
                                        "451[]",
                                        "45-[]",
                                        "451-",
                                        "31",
                                        "12",
                                        "4",
                                        "429007199254740991[\"x\"]",
                                        "4299999999999999999999[\"x\"]",
                                        "42-1[\"x\"]",
                                        "42 [\"x\"]",
                                        "{\"event\":\"ping\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (read_packet(texts[i]) != SOCKETIO_MALFORMED)
            fail_msg("taken: %s", texts[i]);
    char space[100] = "40/";
    memset(space + 3, 'n', 64);
    assert_int_equal(read_packet(space), SOCKETIO_MALFORMED);
}

static void events(void **state)
{
    (void)state;
    assert_int_equal(decode("427[ \"joinMatchmaking\" , { \"level\" : 2 } ] "), CODE_OK);
    assert_int_equal(request.kind, MSG_JOIN_MATCHMAKING);
    assert_int_equal(request.id, 8);
    assert_int_equal(request.data.count, 1);
    expect_text(request.data_raw.raw, "{ \"level\" : 2 }");
    assert_int_equal(decode("42[\"leaveMatchmaking\"]"), CODE_OK);
    assert_int_equal(request.id, 0);
    assert_int_equal(request.data.count, 0);
    assert_int_equal(request.data_raw.type, JSON_NONE);
    assert_int_equal(decode("42[\"leaveMatchmaking\",null]"), CODE_OK);
    assert_int_equal(request.data_raw.type, JSON_NONE);
    assert_int_equal(decode("42[\"ping\",[1,2]]"), CODE_OK);
    assert_int_equal(decode("42[\"ping\",{}]"), CODE_OK);
    assert_int_equal(decode("420[\"castSpell\",{}]"), CODE_UNKNOWN_EVENT);
    assert_int_equal(request.id, 1);
    assert_int_equal(decode("423[\"cleanupQueue\",{\"action\":\"clear\"}]"), CODE_FORBIDDEN);
    assert_int_equal(request.id, 4);
    assert_non_null(strstr(why, "/health/cleanup"));
}

static void refused_events(void **state)
{
    (void)state;
    static const char *const texts[] = {"42[]",
                                        "42[",
                                        "42[1]",
                                        "42[\"\"]",
                                        "42[\"ping\"",
                                        "42[\"ping\"]]",
                                        "42[\"ping\"]x",
                                        "42[\"ping\",]",
                                        "42[\"ping\" {}]",
                                        "42[\"ping\",1,2]",
                                        "42[\"p\\u0069ng\"]",
                                        "42[\"ping\\\"]",
                                        "42[\"pi\nng\"]",
                                        "42[\"gameMessage\",1]",
                                        "42[\"gameMessage\",[]]",
                                        "42[\"gameMessage\",\"x\"]",
                                        "42[\"gameMessage\",{},{}]",
                                        "42[\"gameMessage\",{}}]",
                                        "42[\"gameMessage\",{\"a\":01}]",
                                        "42[\"gameMessage\",{\"a\":\"\\ud800\"}]",
                                        "42[\"gameMessage\",null,1]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (decode(texts[i]) != CODE_BAD_REQUEST)
            fail_msg("taken: %s", texts[i]);
        assert_true(strlen(why) > 20);
        assert_int_equal(request.data.count, 0);
    }
}

/* The same nesting as in the native envelope, or another gateway could not read what this one relays. */
static void depth(void **state)
{
    (void)state;
    for (int levels = 1; levels <= 40; levels++) {
        char native[256] = "{\"event\":\"gameMessage\",\"data\":{\"message\":",
             text[256] = "42[\"gameMessage\",{\"message\":";
        char inner[100] = "";
        memset(inner, '[', (size_t)levels);
        memset(inner + levels, ']', (size_t)levels);
        strcat(strcat(native, inner), "}}");
        strcat(strcat(text, inner), "}]");
        static struct request other;
        enum code code = decode_request(str_of(native), &other, &why);
        assert_int_equal(decode(text), code);
        assert_int_equal(code, levels <= 30 ? CODE_OK : CODE_BAD_REQUEST);
    }
}

static void expect_written(struct buf *out, const char *text)
{
    expect_text(buf_str(out), text);
    buf_clear(out);
}

static void writing(void **state)
{
    (void)state;
    struct buf out = {0};
    socketio_open(&out, STR("e_1"), 25000, 8000, 16384);
    expect_written(&out, "0{\"sid\":\"e_1\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":8000,"
                         "\"maxPayload\":16384}");
    socketio_connected(&out, STR("s_1"), STR("n~k"));
    expect_written(&out, "40{\"sid\":\"s_1\",\"pid\":\"n~k\"}");
    socketio_connected(&out, STR("s_1"), (struct str){0});
    expect_written(&out, "40{\"sid\":\"s_1\"}");
    socketio_refused(&out, &(struct encode_error){.code = CODE_UNAUTHORIZED, .message = "no \"token\""});
    expect_written(&out,
                   "44{\"message\":\"no \\\"token\\\"\",\"data\":{\"code\":\"UNAUTHORIZED\",\"message\":\"no "
                   "\\\"token\\\"\",\"retryable\":false}}");
    socketio_no_namespace(&out, STR("/random"));
    expect_written(&out, "44/random,{\"message\":\"Invalid namespace\"}");
    socketio_ok(&out, 1, STR("{\"seq\":3}"));
    expect_written(&out, "430[{\"ok\":true,\"data\":{\"seq\":3}}]");
    socketio_ok(&out, 457, (struct str){0});
    expect_written(&out, "43456[{\"ok\":true,\"data\":{}}]");
    const struct encode_error e = {.code = CODE_RATE_LIMITED, .message = "slow", .retry_after_ms = 20};
    socketio_error(&out, 2, &e);
    expect_written(&out, "431[{\"ok\":false,\"error\":{\"code\":\"RATE_LIMITED\",\"message\":\"slow\","
                         "\"retryable\":true,\"retryAfterMs\":20}}]");
    socketio_error(&out, 0, &e);
    expect_written(&out, "42[\"error\",{\"code\":\"RATE_LIMITED\",\"message\":\"slow\",\"retryable\":true,"
                         "\"retryAfterMs\":20}]");
    buf_close(&out);
}

static void expect_push(enum dialect d, struct encode_place push, const char *text)
{
    struct encode_ends ends;
    struct buf out = {0};
    dialect_ends(d, &push, &ends);
    buf_add(&out, ends.head.text, ends.head.n);
    buf_add_str(&out, push.data_is_text ? STR("\"x\"") : STR("{}"));
    buf_add_str(&out, ends.tail);
    expect_text(buf_str(&out), text);
    buf_close(&out);
}

static void pushes(void **state)
{
    (void)state;
    struct encode_place p = {
        .event = STR("gameStart"), .room = STR("r_1"), .seq = 2, .ts = 9, .at_epoch = 1, .at_seq = 2};
    expect_push(DIALECT_NATIVE, p,
                "{\"event\":\"gameStart\",\"room\":\"r_1\",\"seq\":2,\"ts\":9,\"data\":{}}");
    expect_push(DIALECT_SOCKETIO, p, "42[\"gameStart\",{},\"r_1/1/2\"]");
    expect_push(DIALECT_SOCKETIO_BARE, p, "42[\"gameStart\",{}]");
    p.event = STR("roomCleanup");
    expect_push(DIALECT_SOCKETIO, p, "42[\"roomCleanup\",{},\"-\"]");
    expect_push(DIALECT_SOCKETIO_BARE, p, "42[\"roomCleanup\",{}]");
    p = (struct encode_place){.event = STR("foreign"), .data_is_text = true};
    expect_push(DIALECT_SOCKETIO, p, "42[\"foreign\",\"x\",null]");
    expect_push(DIALECT_SOCKETIO_BARE, p, "42[\"foreign\",\"x\"]");
    char name[ENCODE_EVENT_MAX + 1] = "", room[ID_MAX + 1] = "";
    memset(name, 'e', ENCODE_EVENT_MAX);
    memset(room, 'r', ID_MAX);
    struct encode_ends ends;
    p = (struct encode_place){
        .event = str_of(name), .room = str_of(room), .at_epoch = INT64_MIN, .at_seq = INT64_MIN};
    dialect_ends(DIALECT_SOCKETIO, &p, &ends); /* the longest there can be has room */
    assert_string_equal(dialect_name(DIALECT_NATIVE), "native");
    assert_string_equal(dialect_name(DIALECT_SOCKETIO_BARE), "socketio");
}

static void pid_and_offset(void **state)
{
    (void)state;
    char pid[SOCKETIO_PID_MAX + 1];
    struct str session, token, room;
    int64_t epoch, seq;
    socketio_pid(pid, STR("n_1"), STR("k_1"), (struct str){0});
    assert_string_equal(pid, "n_1~k_1");
    socketio_pid(pid, STR("n_1"), STR("k_1"), STR("x"));
    assert_string_equal(pid, "n_1~k_1~x");
    assert_true(socketio_pid_read(str_of(pid), &session, &token));
    expect_text(session, "n_1");
    expect_text(token, "k_1");
    assert_true(socketio_offset_read(STR("r_1/2/17"), &room, &epoch, &seq));
    expect_text(room, "r_1");
    assert_int_equal(epoch, 2);
    assert_int_equal(seq, 17);
    static const char *const pids[] = {"", "~", "n_1", "n_1~", "~k", "n 1~k", "\"~k"};
    for (size_t i = 0; i < sizeof pids / sizeof *pids; i++)
        assert_false(socketio_pid_read(str_of(pids[i]), &session, &token));
    static const char *const offsets[] = {"",      "-",      "r",     "r/1",     "r/1/",   "/1/1",
                                          "r/0/1", "r/1/-1", "r/1/x", "r/1/1/1", "r r/1/1"};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
        assert_false(socketio_offset_read(str_of(offsets[i]), &room, &epoch, &seq));
}

/* --- damage --------------------------------------------------------------------------------------------- */

static const char *const seeds[] = {
    "40{\"token\":\"a.b.c\",\"pid\":\"n~k\",\"offset\":\"r/1/2\"}",
    "421[\"joinMatchmaking\",{\"level\":2}]",
    "42[\"joinMatchmaking\",{\"addToQueue\":{\"playerId\":\"p\",\"playerSetup\":{\"fields\":\"{}\"}}}]",
    "424[\"gameMessage\",{\"roomId\":\"r_1\",\"message\":{\"a\":[1,-2.5e3,null]},\"volatile\":true}]",
    "42[\"gameMessage\",{\"roomId\":\"r_1\",\"message\":\"\\u00e4\\ud83d\\ude00\xc3\xa4\"}]",
    "42[\"leaveMatchmaking\"]",
    "42123[ \"updateGameData\" , {\"roomId\":\"r_1\",\"gameData\":{\"b\":\"X.O\"},\"expectedVersion\":12} ]",
    "427[\"ping\",[[[[[[[[1]]]]]]]]]",
    "451-3[\"gameMessage\",{\"_placeholder\":true,\"num\":0}]",
};
static const char *const pieces[] = {
    "\"", "\\", "{", "}",  "[",       "]",       ",",       ":",    "null",   "true",   "0",
    "-",  "4",  "2", "42", "/admin,", "\\u0000", "\\ud800", "\xc3", "[[[[[[", "]]]]]]", "\"event\":1,"};
#define COUNT(array) (sizeof(array) / sizeof *(array))
static const struct damage_words words = {seeds, COUNT(seeds), pieces, COUNT(pieces)};

static size_t setting(const char *name, size_t fallback)
{
    const char *text = getenv(name);
    return text ? (size_t)strtoull(text, NULL, 0) : fallback;
}

/* The native envelope of the same request is accepted, too, with the same members. */
static void compare(const struct request *r)
{
    static struct request native;
    struct buf text = {0};
    buf_add_text(&text, "{\"event\":\"");
    buf_add_str(&text, r->event);
    buf_add_text(&text, "\"");
    if (r->id != 0)
        buf_add_fmt(&text, ",\"id\":%lld", (long long)r->id);
    if (r->data_raw.type != JSON_NONE) {
        buf_add_text(&text, ",\"data\":");
        buf_add_str(&text, r->data_raw.raw);
    }
    buf_add_text(&text, "}");
    if (decode_request(buf_str(&text), &native, &why) != CODE_OK)
        fail_msg("%.*s: %s", (int)text.len, text.data, why);
    assert_int_equal(native.kind, r->kind);
    assert_int_equal(native.id, r->id);
    assert_int_equal(native.data.count, r->data.count);
    for (size_t i = 0; i < r->data.count; i++) {
        assert_true(str_eq(native.data.members[i].key, r->data.members[i].key));
        assert_true(str_eq(native.data.members[i].value.raw, r->data.members[i].value.raw));
        assert_int_equal(native.data.members[i].value.type, r->data.members[i].value.type);
    }
    buf_close(&text);
}

/* One damaged text; true if it was a request. */
static bool one(void)
{
    struct damage_text t;
    damage_pick(&t, &words);
    struct str text = exact(t.bytes, t.n);
    socketio_read(text, &packet);
    enum code code = socketio_decode(text, &request, &why);
    if (code == CODE_OK) {
        assert_int_equal(packet.kind, SOCKETIO_EVENT);
        if (str_is_utf8(text)) /* as conn.c sees to before */
            compare(&request);
    } else {
        assert_non_null(why);
        assert_true(code == CODE_BAD_REQUEST || code == CODE_UNKNOWN_EVENT || code == CODE_FORBIDDEN);
    }
    return code == CODE_OK;
}

static void damaged_packets(void **state)
{
    (void)state;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = setting("MG_SEED", (size_t)now.tv_nsec ^ (size_t)now.tv_sec << 20);
    size_t iterations = setting("MG_ITERATIONS", 200000), accepted = 0;
    fprintf(stderr, "MG_SEED=%llu MG_ITERATIONS=%zu\n", (unsigned long long)seed, iterations);
    for (size_t i = 0; i < iterations; i++) {
        damage_seed(seed + i);
        accepted += one();
    }
    fprintf(stderr, "%zu of %zu were accepted\n", accepted, iterations);
    if (iterations > 1000) { /* the damage is neither too mild nor too wild to prove something */
        assert_true(accepted > iterations / 8);
        assert_true(accepted < iterations * 4 / 5);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop_copy)
    const struct CMUnitTest tests[] = {
        TEST(packets), TEST(no_packets), TEST(events),         TEST(refused_events),  TEST(depth),
        TEST(writing), TEST(pushes),     TEST(pid_and_offset), TEST(damaged_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
