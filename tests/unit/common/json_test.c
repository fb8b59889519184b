/* Tests of common/json.c: what is accepted and refused, the slices, the readers; and against cJSON on mutated
 * texts. */
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

/* A copy of exactly its size, without NUL, so that the sanitizer sees any look beyond the end. */
static struct str exact(const char *bytes, size_t n)
{
    char *copy = mem_alloc(n);
    if (n > 0)
        memcpy(copy, bytes, n);
    return (struct str){copy, n};
}

static void release(struct str text)
{
    union {
        const char *text;
        void *block;
    } owned = {.text = text.p};
    mem_free(owned.block);
}

static bool valid(const char *bytes, size_t n)
{
    struct str text = exact(bytes, n);
    bool ok = json_valid(text);
    release(text);
    return ok;
}

static const char *scan_error(const char *bytes, size_t n)
{
    struct str text = exact(bytes, n);
    struct json_object o;
    const char *why = NULL;
    bool ok = json_object_scan(text, &o, &why);
    assert_int_equal(ok, why == NULL);
    if (!ok)
        assert_int_equal(o.count, 0);
    release(text);
    return why;
}

static void accepts(void **state)
{
    static const char *const texts[] = {
        "{}",
        " \t\r\n{ } \n",
        "{\"a\":1}",
        "{\"\":\"\"}",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":[]}",
        "{\"n\":[0,-0,1,-1,0.5,10.25e3,1E+2,1e-2,123456789012345678901234567890]}",
        "{\"a\":[true,false,null]}",
        "{\"s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u00e4\\uD83D\\uDE00\"}",
        "{\"s\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"}",
        "{\"s\":\"\x7f\"}",
        "{ \"a\" : [ 1 , 2 ] , \"b\" : { } }",
        "{\"long\":\"0123456789abcdef0123456789abcde\\u00e4f0123456789abcdef\xc3\xa4 0123456789\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *why = scan_error(texts[i], strlen(texts[i]));
        if (why != NULL)
            fail_msg("%s: %s", texts[i], why);
        assert_true(valid(texts[i], strlen(texts[i])));
    }
}

static void refuses(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "not a JSON object"},
        {"  ", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"\"a\"", "not a JSON object"},
        {"\xef\xbb\xbf{}", "not a JSON object"}, /* byte order mark */
        {"{", "no key where one must be"},
        {"{]", "no key where one must be"},
        {"{a:1}", "no key where one must be"},
        {"{'a':1}", "no key where one must be"},
        {"{\"a\"", "no colon behind a key"},
        {"{\"a\" 1}", "no colon behind a key"},
        {"{\"a\":", "ends before a value"},
        {"{\"a\":}", "not a JSON value"},
        {"{\"a\":1", "ends before it is closed"},
        {"{\"a\":1]", "no comma or closing bracket behind a value"},
        {"{\"a\":1 \"b\":2}", "no comma or closing bracket behind a value"},
        {"{\"a\":1,}", "no key where one must be"},
        {"{\"a\":1,,\"b\":2}", "no key where one must be"},
        {"{\"a\":[1,]}", "not a JSON value"},
        {"{\"a\":[1 2]}", "no comma or closing bracket behind a value"},
        {"{\"a\":[}", "not a JSON value"},
        {"{\"a\":[", "ends before a value"},
        {"{}{}", "text behind the object"},
        {"{}x", "text behind the object"},
        {"{\"a\":tru}", "not a JSON value"},
        {"{\"a\":True}", "not a JSON value"},
        {"{\"a\":nul", "not a JSON value"},
        {"{\"a\":truex}", "no comma or closing bracket behind a value"},
        {"{\"a\":NaN}", "not a JSON value"},
        {"{\"a\":01}", "not a JSON value"},
        {"{\"a\":-}", "not a JSON value"},
        {"{\"a\":+1}", "not a JSON value"},
        {"{\"a\":.5}", "not a JSON value"},
        {"{\"a\":1.}", "not a JSON number"},
        {"{\"a\":1e}", "not a JSON number"},
        {"{\"a\":1e+}", "not a JSON number"},
        {"{\"a\":1.e1}", "not a JSON number"},
        {"{\"a\":0x1}", "no comma or closing bracket behind a value"},
        {"{\"a\":1/*c*/}", "no comma or closing bracket behind a value"},
        {"{\"a\":\"x", "ends inside a string"},
        {"{\"a\":\"x\\", "bad \\u escape in a string"},
        {"{\"a\":\"\\x41\"}", "unknown escape in a string"},
        {"{\"a\":\"\\u12\"}", "bad \\u escape in a string"},
        {"{\"a\":\"\\u12g4\"}", "bad \\u escape in a string"},
        {"{\"a\":\"\\u0000\"}", "\\u0000 is not allowed"},
        {"{\"\\u0000\":1}", "\\u0000 is not allowed"},
        {"{\"a\":\"\\ud83d\"}", "half of a surrogate pair"},
        {"{\"a\":\"\\ud83dx\"}", "half of a surrogate pair"},
        {"{\"a\":\"\\ude00\"}", "half of a surrogate pair"},
        {"{\"a\":\"\\ud83d\\ud83d\"}", "half of a surrogate pair"},
        {"{\"a\":\"\\ud83d\\u0041\"}", "half of a surrogate pair"},
        {"{\"a\":\"\n\"}", "control character in a string"},
        {"{\"a\":\"0123456789abcdef\x1f\"}", "control character in a string"},
        {"{\"a\":\"\x80\"}", "not UTF-8"},
        {"{\"a\":\"\xc0\xaf\"}", "not UTF-8"},         /* overlong */
        {"{\"a\":\"\xe0\x80\xaf\"}", "not UTF-8"},     /* overlong */
        {"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8"},     /* surrogate */
        {"{\"a\":\"\xf4\x90\x80\x80\"}", "not UTF-8"}, /* above U+10FFFF */
        {"{\"a\":\"\xf0\x80\x80\x80\"}", "not UTF-8"}, /* overlong */
        {"{\"a\":\"\xe2\x82\"}", "not UTF-8"},         /* cut */
        {"{\"a\":\"\xff\"}", "not UTF-8"},
        {"{\"a\":1}\v", "text behind the object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why = scan_error(cases[i].text, strlen(cases[i].text));
        if (why == NULL || strcmp(why, cases[i].why) != 0)
            fail_msg("case %zu %s: %s", i, cases[i].text, why ? why : "accepted");
    }
    assert_non_null(scan_error("{\"a\":\"x\0y\"}", 11)); /* a raw NUL byte */
    assert_non_null(scan_error("{}\0", 3));
}

/* Every piece cut off at the end of a good text must be refused, none may be read beyond its end. */
static void refuses_every_beginning(void **state)
{
    static const char text[] =
        "{\"ab\":[1.5e+3,true,false,null,\"\\u00e4\\ud83d\\ude00\xe2\x82\xac\"],\"c\":{\"d\":-0}}";
    (void)state;
    assert_null(scan_error(text, sizeof text - 1));
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_non_null(scan_error(text, n));
}

static void nest(struct buf *b, int levels, const char *open, const char *inner, const char *close)
{
    buf_clear(b);
    for (int i = 0; i < levels; i++)
        buf_add_text(b, open);
    buf_add_text(b, inner);
    for (int i = 0; i < levels; i++)
        buf_add_text(b, close);
}

static void depth_is_counted_from_the_outermost(void **state)
{
    struct buf b = {0};
    (void)state;
    nest(&b, JSON_DEPTH_MAX, "{\"a\":", "1", "}");
    assert_null(scan_error(b.data, b.len));
    nest(&b, JSON_DEPTH_MAX + 1, "{\"a\":", "1", "}");
    assert_string_equal(scan_error(b.data, b.len), "nested too deep");
    nest(&b, JSON_DEPTH_MAX, "[", "1", "]");
    assert_true(valid(b.data, b.len));
    nest(&b, JSON_DEPTH_MAX + 1, "[", "", "]");
    assert_false(valid(b.data, b.len));
    nest(&b, 100000, "[", "", "");
    assert_false(valid(b.data, b.len));
    buf_close(&b);
}

static void members_are_bounded_on_top_only(void **state)
{
    struct buf b = {0};
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        buf_clear(&b);
        for (int i = 0; i < JSON_MEMBERS_MAX + extra; i++)
            buf_add_fmt(&b, "%c\"k%d\":%d", i ? ',' : '{', i, i);
        buf_add_text(&b, "}");
        const char *why = scan_error(b.data, b.len);
        assert_true(extra ? why && strcmp(why, "too many members") == 0 : why == NULL);
        assert_true(valid(b.data, b.len));
    }
    buf_close(&b);
}

static void yields_the_bytes_as_written(void **state)
{
    struct str text = STR(
        " { \"event\" : \"join\" , \"data\":{ \"x\":[1, 2]} ,\"n\":-7,\"t\":true,\"z\":null,\"l\":[ ] } ");
    struct json_object o;
    const char *why;
    (void)state;
    assert_true(json_object_scan(text, &o, &why));
    assert_int_equal(o.count, 6);
    assert_true(str_eq(json_get(&o, "event", NULL).raw, STR("\"join\"")));
    assert_true(str_eq(json_get(&o, "data", NULL).raw, STR("{ \"x\":[1, 2]}")));
    assert_int_equal(json_get(&o, "event", NULL).type, JSON_STRING);
    assert_int_equal(json_get(&o, "data", NULL).type, JSON_OBJECT);
    assert_int_equal(json_get(&o, "n", NULL).type, JSON_NUMBER);
    assert_int_equal(json_get(&o, "t", NULL).type, JSON_TRUE);
    assert_int_equal(json_get(&o, "z", NULL).type, JSON_NULL);
    assert_int_equal(json_get(&o, "l", NULL).type, JSON_ARRAY);
    assert_int_equal(json_get(&o, "Event", NULL).type, JSON_NONE); /* case counts */
    assert_int_equal(json_get(&o, "eve", NULL).type, JSON_NONE);
    assert_int_equal(json_get(&o, "x", NULL).type, JSON_NONE); /* not from deeper levels */
}

static void members_of_a_member_in_the_same_pass(void **state)
{
    struct json_object o, inner;
    const char *why;
    (void)state;
    assert_true(
        json_object_scan_with(STR("{\"a\":1,\"data\":{\"x\":{\"data\":{\"y\":1}},\"z\":2},\"b\":{\"c\":3}}"),
                              &o, STR("data"), &inner, &why));
    assert_int_equal(o.count, 3);
    assert_int_equal(inner.count, 2);
    assert_int_equal(json_get(&inner, "z", NULL).type, JSON_NUMBER);
    assert_true(str_eq(inner.text, json_get(&o, "data", NULL).raw));
    static const char *const without[] = {"{}", "{\"data\":[{}]}", "{\"Data\":{\"x\":1}}",
                                          "{\"d\\u0061ta\":{\"x\":1}}"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        assert_true(json_object_scan_with(str_of(without[i]), &o, STR("data"), &inner, &why));
        assert_null(inner.text.p);
        assert_int_equal(inner.count, 0);
    }
    struct buf b = {0};
    buf_add_text(&b, "{\"data\":{\"k\":0");
    for (int i = 0; i < JSON_MEMBERS_MAX; i++)
        buf_add_fmt(&b, ",\"k%d\":%d", i, i);
    buf_add_text(&b, "},\"id\":7}");
    assert_true(json_object_scan_with(buf_str(&b), &o, STR("data"), &inner, &why));
    assert_true(inner.crowded);
    assert_int_equal(json_get(&o, "id", NULL).type, JSON_NUMBER); /* the rest is read all the same */
    buf_close(&b);
}

static void a_key_twice_is_no_key(void **state)
{
    struct json_object o;
    const char *why;
    bool twice = false;
    (void)state;
    assert_true(
        json_object_scan(STR("{\"a\":1,\"b\":2,\"\\u0061\":3}"), &o, &why)); /* an escape hides nothing */
    assert_int_equal(json_get(&o, "a", &twice).type, JSON_NONE);
    assert_true(twice);
    assert_int_equal(json_get(&o, "b", &twice).type, JSON_NUMBER);
    assert_false(twice);
    assert_true(json_object_scan(STR("{\"\\u0061b\":1}"), &o, &why));
    assert_int_equal(json_get(&o, "ab", &twice).type, JSON_NUMBER);
}

static struct json_value member(struct str text)
{
    struct json_object o;
    const char *why;
    assert_true(json_object_scan(text, &o, &why));
    return json_get(&o, "v", NULL);
}

static void reads_integers(void **state)
{
    int64_t n = 99;
    (void)state;
    assert_true(json_as_int(member(STR("{\"v\":-12}")), -12, 5, &n) && n == -12);
    assert_true(json_as_int(member(STR("{\"v\":9223372036854775807}")), 0, INT64_MAX, &n) && n == INT64_MAX);
    n = 99;
    assert_false(json_as_int(member(STR("{\"v\":9223372036854775808}")), INT64_MIN, INT64_MAX, &n));
    assert_false(json_as_int(member(STR("{\"v\":6}")), 0, 5, &n));
    assert_false(json_as_int(member(STR("{\"v\":-1}")), 0, 5, &n));
    assert_false(json_as_int(member(STR("{\"v\":1.0}")), 0, 5, &n));
    assert_false(json_as_int(member(STR("{\"v\":1e0}")), 0, 5, &n));
    assert_false(json_as_int(member(STR("{\"v\":\"1\"}")), 0, 5, &n));
    assert_false(json_as_int(member(STR("{\"w\":1}")), 0, 5, &n));
    assert_int_equal(n, 99);
}

static void reads_bools_and_text(void **state)
{
    char text[32];
    size_t n = 0;
    bool b = false;
    struct str plain;
    struct json_value v =
        member(STR("{\"v\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20ac\\ud83d\\ude00z\"}"));
    (void)state;
    assert_true(json_as_text(v, text, sizeof text, &n));
    assert_string_equal(text, "\"\\/\b\f\n\r\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    assert_int_equal(n, strlen(text));
    assert_true(json_as_text(v, text, n + 1, &n)); /* just fits */
    assert_false(json_as_text(v, text, n, &n));
    assert_false(json_as_text(v, text, 0, &n));
    assert_false(json_as_plain(v, &plain));
    assert_true(json_as_plain(member(STR("{\"v\":\"r_1\"}")), &plain) && str_eq(plain, STR("r_1")));
    assert_true(json_as_plain(member(STR("{\"v\":\"\"}")), &plain) && plain.n == 0);
    assert_false(json_as_plain(member(STR("{\"v\":1}")), &plain));
    assert_false(json_as_text(member(STR("{\"v\":1}")), text, sizeof text, &n));
    assert_true(json_as_bool(member(STR("{\"v\":true}")), &b) && b);
    assert_true(json_as_bool(member(STR("{\"v\":false}")), &b) && !b);
    assert_false(json_as_bool(member(STR("{\"v\":0}")), &b));
}

static void walks_arrays(void **state)
{
    static const char *const wanted[] = {"1", "\"a,]\"", "[2,3]", "{\"x\":[]}", "null"};
    struct str array = STR("[ 1 ,\"a,]\", [2,3],{\"x\":[]}\n,null ]");
    size_t at = 0;
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct json_value v = json_array_next(array, &at);
        assert_int_not_equal(v.type, JSON_NONE);
        assert_true(str_eq(v.raw, str_of(wanted[i])));
    }
    assert_int_equal(json_array_next(array, &at).type, JSON_NONE);
    at = 0;
    assert_int_equal(json_array_next(STR("[ ]"), &at).type, JSON_NONE);
}

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % n;
}

/* One pass for two levels finds what two passes find. */
static void compare_with_two_passes(struct str text)
{
    struct json_object o, both, inner, second;
    const char *why = "", *why_both = "";
    bool ok = json_object_scan(text, &o, &why);
    assert_int_equal(json_object_scan_with(text, &both, STR("data"), &inner, &why_both), ok);
    assert_string_equal(why, why_both);
    assert_int_equal(both.count, o.count);
    struct json_value last = {.type = JSON_NONE};
    for (size_t i = 0; i < both.count; i++) {
        assert_true(str_eq(both.members[i].key, o.members[i].key));
        assert_ptr_equal(both.members[i].value.raw.p, o.members[i].value.raw.p);
        assert_int_equal(both.members[i].value.raw.n, o.members[i].value.raw.n);
        if (str_eq(o.members[i].key, STR("data")) && o.members[i].value.type == JSON_OBJECT)
            last = o.members[i].value;
    }
    assert_ptr_equal(inner.text.p, last.raw.p);
    if (last.type == JSON_NONE) {
        assert_int_equal(inner.count, 0);
        return;
    }
    assert_int_equal(inner.text.n, last.raw.n);
    assert_int_equal(inner.crowded, !json_object_scan(last.raw, &second, &why));
    if (inner.crowded)
        return;
    assert_int_equal(inner.count, second.count);
    assert_int_equal(inner.escaped_keys, second.escaped_keys);
    for (size_t i = 0; i < inner.count; i++) {
        assert_ptr_equal(inner.members[i].key.p, second.members[i].key.p);
        assert_ptr_equal(inner.members[i].value.raw.p, second.members[i].value.raw.p);
        assert_int_equal(inner.members[i].value.type, second.members[i].value.type);
    }
}

static void compare_with_cjson(struct str text)
{
    compare_with_two_passes(text);
    struct str copy = exact(text.p, text.n);
    bool ok = json_valid(copy);
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(copy.p, copy.n, &end, 0);
    struct json_object o;
    const char *why = "";
    if (ok && tree == NULL)
        fail_msg("accepted what cJSON refuses: %.*s", (int)text.n, text.p);
    if (json_object_scan(copy, &o, &why)) {
        assert_true(ok && cJSON_IsObject(tree));
        assert_int_equal(o.count, cJSON_GetArraySize(tree));
    } else if (ok && text.n && cJSON_IsObject(tree))
        assert_string_equal(why, "too many members");
    cJSON_Delete(tree);
    release(copy);
}

static void whatever_is_accepted_cjson_accepts(void **state)
{
    static const char *const seeds[] = {
        "{\"event\":\"move\",\"data\":{\"roomId\":\"r_1\",\"m\":{\"x\":[1,2.5,-3e2],\"s\":\"\\u00e4\\n\"}}}",
        "{\"data\":{\"a\":{\"data\":{}},\"b\":2},\"id\":1,\"data\":{\"\\u0061\":1}}",
        "[true,false,null,\"\xc3\xa4\",{\"a\":[[]],\"b\":{}},-0.0,\"\\ud83d\\ude00\"]",
        "{\"v\":1,\"token\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"volatile\":true}",
    };
    static const char spice[] = "{}[]\",:\\u0eE+-.19tfn \n\xc3\xa4\xf0\x00\x1f";
    char text[256];
    unsigned accepted = 0;
    const char *given = getenv("TEST_SEED");
    (void)state;
    random_state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761u | 1;
    printf("TEST_SEED=%llu\n", (unsigned long long)random_state);
    for (int round = 0; round < 60000; round++) {
        struct str seed = str_of(seeds[random_below(3)]);
        size_t n = seed.n;
        memcpy(text, seed.p, n);
        for (uint32_t edits = random_below(4); edits > 0; edits--) {
            size_t at = random_below((uint32_t)n);
            char c = spice[random_below(sizeof spice - 1)];
            if (random_below(3) == 0 && n < sizeof text) { /* insert, remove or replace */
                memmove(text + at + 1, text + at, n++ - at);
                text[at] = c;
            } else if (random_below(2) == 0 && n > 1)
                memmove(text + at, text + at + 1, --n - at);
            else
                text[at] = c;
        }
        accepted += json_valid((struct str){text, n});
        compare_with_cjson((struct str){text, n});
    }
    assert_in_range(accepted, 6000, 55000); /* the test sees both kinds */
}

static void what_buf_writes_is_read_back(void **state)
{
    struct buf b = {0};
    (void)state;
    random_state = 88172645463325252;
    for (int round = 0; round < 2000; round++) {
        char text[64], back[64];
        size_t n = random_below(60), got;
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(1 + random_below(127));
        buf_clear(&b);
        buf_add_text(&b, "{\"v\":");
        buf_add_json(&b, (struct str){text, n});
        buf_add_text(&b, "}");
        assert_true(json_as_text(member(buf_str(&b)), back, sizeof back, &got));
        assert_true(str_eq((struct str){back, got}, (struct str){text, n}));
    }
    buf_close(&b);
}

static int nothing_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_every_beginning),
        cmocka_unit_test(depth_is_counted_from_the_outermost),
        cmocka_unit_test(members_are_bounded_on_top_only),
        cmocka_unit_test(members_of_a_member_in_the_same_pass),
        cmocka_unit_test(yields_the_bytes_as_written),
        cmocka_unit_test(a_key_twice_is_no_key),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_bools_and_text),
        cmocka_unit_test(walks_arrays),
        cmocka_unit_test(whatever_is_accepted_cjson_accepts),
        cmocka_unit_test(what_buf_writes_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_left);
}
