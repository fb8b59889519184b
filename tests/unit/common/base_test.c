/* Tests of the smallest pieces: err, str, clock, mem, list, id, reply. */
#include "common/clock.h"
#include "common/err.h"
#include "common/id.h"
#include "common/list.h"
#include "common/mem.h"
#include "common/reply.h"
#include "tests/unit/common/aborts.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void every_error_has_its_own_name(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_NONE), "ok");
    assert_string_equal(err_name(ERR_UNAVAILABLE), "unavailable");
    assert_string_equal(err_name(ERR_TIMEOUT), "timeout");
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_name(ERR_IO), "io");
    for (int a = 0; a >= ERR_IO; a--) {
        assert_string_not_equal(err_name(a), "undefined");
        assert_string_not_equal(err_text(a), err_text(1));
        for (const char *c = err_name(a); *c; c++)
            assert_true(islower((unsigned char)*c) || *c == '_');
        for (int b = 0; b > a; b--)
            assert_string_not_equal(err_name(a), err_name(b));
    }
    assert_string_equal(err_name(ERR_IO - 1), "undefined");
    assert_string_equal(err_name(1), "undefined");
}

static void check_that(void *arg)
{
    CHECK(arg != NULL);
}

static void check_aborts_only_when_broken(void **state)
{
    (void)state;
    assert_true(aborts(check_that, NULL));
    assert_false(aborts(check_that, &state));
}

static void cutting(void **state)
{
    struct str rest = STR("a,,bc");
    (void)state;
    assert_true(str_eq(str_cut(&rest, ','), STR("a")));
    assert_true(str_eq(str_cut(&rest, ','), STR("")));
    assert_true(str_eq(str_cut(&rest, ','), STR("bc")));
    assert_int_equal(rest.n, 0);
    assert_int_equal(str_cut(&rest, ',').n, 0);
    rest = STR("x,");
    assert_true(str_eq(str_cut(&rest, ','), STR("x")));
    assert_int_equal(rest.n, 0);
    assert_true(str_eq(str_of(NULL), STR("")));
    assert_false(str_eq(STR("a"), STR("b")));
    assert_false(str_eq(STR("a"), STR("ab")));
}

static void numbers_must_fit_whole(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"-12", -12},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "1e3",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "92233720368547758070",
        "99999999999999999999",
    };
    int64_t n = 77;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(str_to_int(str_of(good[i].text), &n) && n == good[i].value);
    n = 77;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (str_to_int(str_of(bad[i]), &n) || n != 77)
            fail_msg("took \"%s\"", bad[i]);
    assert_false(str_to_int((struct str){NULL, 0}, &n));
}

static void numbers_become_text(void **state)
{
    static const char *const texts[] = {
        "0", "7", "-1", "10", "-120", "1700000000000", "9223372036854775807", "-9223372036854775808",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char digits[STR_INT_BYTES];
        int64_t value = 0;
        assert_true(str_to_int(str_of(texts[i]), &value));
        assert_true(str_eq((struct str){digits, str_from_int(digits, value)}, str_of(texts[i])));
    }
}

static void copying_fits_or_fails(void **state)
{
    char small[4] = "zzz";
    (void)state;
    assert_true(str_copy(small, sizeof small, STR("abc")));
    assert_string_equal(small, "abc");
    assert_false(str_copy(small, sizeof small, STR("abcd")));
    assert_string_equal(small, "");
    assert_true(str_copy(small, sizeof small, (struct str){NULL, 0}));
    assert_false(str_copy(small, 0, STR("")));
}

/* All code points, encoded by hand, are read back; all two-byte sequences agree with the definition. */
/* A character, a lone continuation byte or half a character at every place of texts of every length. */
static void whole_texts_are_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        bool good;
    } pieces[] = {
        {"", 0, true},      {"\xc3\xa4", 2, true},  {"\xe2\x9c\x93", 3, true},  {"\xf0\x9f\x98\x80", 4, true},
        {"\x80", 1, false}, {"\xe2\x9c", 2, false}, {"\xed\xa0\x80", 3, false}, {"\0", 1, true}};
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++)
        for (size_t before = 0; before < 70; before++)
            for (size_t behind = 0; behind < 70; behind++) {
                size_t n = before + pieces[k].n + behind;
                char *text = malloc(n ? n : 1);
                memset(text, 'x', n);
                memcpy(text + before, pieces[k].bytes, pieces[k].n);
                assert_int_equal(str_is_utf8((struct str){text, n}), pieces[k].good);
                free(text);
            }
    assert_true(str_is_utf8((struct str){NULL, 0}));
}

static void utf8_is_read_by_the_book(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        unsigned char u[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        uint32_t code = 0;
        u[0] = (unsigned char)(n == 1   ? c
                               : n == 2 ? 0xc0 | c >> 6
                               : n == 3 ? 0xe0 | c >> 12
                                        : 0xf0 | c >> 18);
        for (size_t i = 1; i < n; i++)
            u[i] = (unsigned char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
        bool good = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        struct str text = {(const char *)u, n};
        if (str_utf8_next(text, &code) != (good ? n : 0) || (good && code != c))
            fail_msg("U+%x", c);
        text.n--;
        if (str_utf8_next(text, &code) != 0)
            fail_msg("U+%x cut", c);
    }
    static const char *const overlong[] = {"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
                                           "\xf8\x88\x80\x80\x80"};
    for (size_t i = 0; i < 4; i++) {
        uint32_t code;
        assert_int_equal(str_utf8_next(str_of(overlong[i]), &code), 0);
    }
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        char u[2] = {(char)(pair >> 8), (char)(pair & 0xff)};
        unsigned first = pair >> 8, second = pair & 0xff;
        size_t want = first < 0x80                                                       ? 1
                      : first >= 0xc2 && first < 0xe0 && second >= 0x80 && second < 0xc0 ? 2
                                                                                         : 0;
        uint32_t code;
        assert_int_equal(str_utf8_next((struct str){u, 2}, &code), want);
    }
}

static void clocks_run(void **state)
{
    uint64_t a = clock_mono_us(), b = clock_mono_us();
    (void)state;
    assert_true(a <= b && b - a < 5000000);
    assert_in_range(clock_mono_ms(), b / 1000, b / 1000 + 5000);
    assert_true(clock_wall_ms() > 1704067200000); /* later than the year 2023 */
}

static void memory_is_zeroed_and_counted(void **state)
{
    size_t before = mem_live_count();
    char *a = mem_alloc(100), *b = mem_resize(NULL, 10), *c = mem_copy("xyz!", 3), *empty = mem_alloc(0);
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(a[i], 0);
    assert_string_equal(c, "xyz");
    assert_non_null(empty);
    assert_int_equal(mem_live_count(), before + 4);
    a = mem_resize(a, 1000);
    assert_int_equal(mem_live_count(), before + 4);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(empty);
    mem_free(NULL);
    assert_int_equal(mem_live_count(), before);
}

static void memory_is_taken_and_given_back(void **state)
{
    size_t before = mem_live_count();
    char *a = mem_take(100), *large = mem_take(100000);
    (void)state;
    memset(a, 'a', 100);
    memset(large, 'b', 100000);
    assert_int_equal(mem_live_count(), before + 2);
    mem_give(a, 100);
    mem_give(large, 100000);
    mem_give(NULL, 0);
    assert_int_equal(mem_live_count(), before);
}

/* The sanitizer would end the process itself, before mem.c can. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void exhaust(void *arg)
{
    (void)arg;
    mem_free(mem_alloc(SIZE_MAX / 2));
}

static void out_of_memory_aborts(void **state)
{
    (void)state;
    assert_true(aborts(exhaust, NULL));
}

struct item {
    int n;
    struct list node;
};

static void lists_keep_their_order(void **state)
{
    struct list head;
    struct item items[3] = {{.n = 1}, {.n = 2}, {.n = 3}};
    int sum = 0, weight = 1;
    (void)state;
    list_init(&head);
    assert_true(list_empty(&head));
    for (int i = 0; i < 3; i++)
        list_push(&head, &items[i].node);
    LIST_EACH(it, &head)
    {
        sum += weight * OWNER(it, struct item, node)->n;
        weight *= 10;
    }
    assert_int_equal(sum, 321);
    list_remove(&items[1].node);
    list_remove(&items[1].node); /* harmless */
    assert_true(head.next == &items[0].node && head.prev == &items[2].node);
    LIST_EACH_SAFE(it, next, &head)
    list_remove(it);
    assert_true(list_empty(&head));
}

static void ids_follow_the_pattern(void **state)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
    char text[ID_MAX + 1];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_false(id_valid(STR("")));
    assert_true(id_valid((struct str){text, ID_MAX}));
    assert_false(id_valid((struct str){text, ID_MAX + 1}));
    for (int c = 0; c < 256; c++) {
        char one[3] = {'a', (char)c, 'b'};
        bool ok = c != 0 && strchr(good, c) != NULL;
        assert_int_equal(id_valid((struct str){one, 3}), ok);
    }
}

static void random_ids_differ_and_use_all_digits(void **state)
{
    char id[ID_SIZE], other[ID_SIZE];
    unsigned seen[256] = {0};
    int used = 0;
    (void)state;
    id_random(id, "");
    assert_int_equal(strlen(id), 22);
    for (int i = 0; i < 500; i++) {
        id_random(id, "room_");
        id_random(other, "room_");
        assert_true(id_valid(str_of(id)));
        assert_int_equal(strlen(id), 27);
        assert_memory_equal(id, "room_", 5);
        assert_string_not_equal(id, other);
        for (const char *c = id + 5; *c; c++)
            seen[(unsigned char)*c]++;
    }
    for (int c = 0; c < 256; c++)
        used += seen[c] > 0;
    assert_int_equal(used, 62);
}

/* Ids are made of bytes that are kept in stock: a child process must not use those of its parent. */
static void random_ids_differ_from_those_of_a_child_process(void **state)
{
    char id[ID_SIZE], other[ID_SIZE] = "";
    int ends[2], status = -1;
    (void)state;
    id_random(id, "");
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        id_random(id, "");
        _exit(write(ends[1], id, sizeof id) == sizeof id ? 0 : 1);
    }
    id_random(id, "");
    assert_int_equal(read(ends[0], other, sizeof other), sizeof other);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(id_valid(str_of(other)));
    assert_string_not_equal(id, other);
    close(ends[0]);
    close(ends[1]);
}

static void timed_ids_grow_with_the_time(void **state)
{
    char id[ID_SIZE], other[ID_SIZE];
    (void)state;
    id_timed(id, "s_", UINT64_C(1795192095581));
    id_timed(other, "s_", UINT64_C(1795192095582));
    assert_int_equal(strlen(id), 24);
    assert_memory_equal(id, "s_", 2);
    assert_int_equal(
        strtoull((char[]){id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9], '\0'}, NULL, 36),
        UINT64_C(1795192095581));
    assert_true(strncmp(id, other, 10) < 0);
    assert_string_not_equal(id + 10, other + 10);
    assert_true(id_valid(str_of(id)));
}

static void instance_ids_name_process_and_time(void **state)
{
    char id[ID_SIZE], other[ID_SIZE], *end;
    (void)state;
    id_instance(id);
    id_instance(other);
    assert_true(id_valid(str_of(id)));
    assert_string_not_equal(id, other);
    assert_int_equal(strtol(id, &end, 10), getpid());
    assert_int_equal(*end, '-');
    assert_int_equal(strlen(end + 1), 13 + 6);
    end[1 + 13] = '\0';
    assert_in_range(strtoull(end + 1, NULL, 10), clock_wall_ms() - 5000, clock_wall_ms());
}

static void replies_are_read_without_fear(void **state)
{
    struct reply items[] = {
        {.type = REPLY_INT, .integer = -7},       {.type = REPLY_STR, .str = STR("42")},
        {.type = REPLY_STR, .str = STR("x")},     {.type = REPLY_NIL},
        {.type = REPLY_ERROR, .str = STR("ERR")},
    };
    struct reply r = {.type = REPLY_ARRAY, .items = items, .count = 5};
    (void)state;
    assert_int_equal(reply_int(&r, 0), -7);
    assert_int_equal(reply_int(&r, 1), 42);
    assert_int_equal(reply_int(&r, 2), 0);
    assert_int_equal(reply_int(&r, 3), 0);
    assert_int_equal(reply_int(&r, 9), 0);
    assert_true(str_eq(reply_str(&r, 1), STR("42")));
    assert_int_equal(reply_str(&r, 0).n, 0);
    assert_int_equal(reply_str(&r, 4).n, 0); /* an error is not data */
    assert_int_equal(reply_at(&r, 5)->type, REPLY_NIL);
    assert_int_equal(reply_at(&items[0], 0)->type, REPLY_NIL);
    assert_int_equal(reply_at(NULL, 0)->type, REPLY_NIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_name),
        cmocka_unit_test(check_aborts_only_when_broken),
        cmocka_unit_test(cutting),
        cmocka_unit_test(numbers_must_fit_whole),
        cmocka_unit_test(numbers_become_text),
        cmocka_unit_test(copying_fits_or_fails),
        cmocka_unit_test(utf8_is_read_by_the_book),
        cmocka_unit_test(whole_texts_are_utf8),
        cmocka_unit_test(clocks_run),
        cmocka_unit_test(memory_is_zeroed_and_counted),
        cmocka_unit_test(memory_is_taken_and_given_back),
        cmocka_unit_test(out_of_memory_aborts),
        cmocka_unit_test(lists_keep_their_order),
        cmocka_unit_test(ids_follow_the_pattern),
        cmocka_unit_test(random_ids_differ_and_use_all_digits),
        cmocka_unit_test(random_ids_differ_from_those_of_a_child_process),
        cmocka_unit_test(timed_ids_grow_with_the_time),
        cmocka_unit_test(instance_ids_name_process_and_time),
        cmocka_unit_test(replies_are_read_without_fear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
