/* Tests of gateway/outbox.c: order, what fits into one write, and what is dropped at the limit; and a random
 * walk against a simple model. */
#include "common/mem.h"
#include "gateway/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>

enum { HEADER = 2, SCRATCH = 64 };

static struct outbox box;
static size_t dropped;

static int setup(void **state)
{
    (void)state;
    box = (struct outbox){0};
    dropped = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    outbox_clear(&box);
    return box.bytes == 0 && box.volatile_bytes == 0 && mem_live_count() == 0 ? 0 : -1;
}

/* A frame of n bytes on the wire, all of them the letter. */
static enum outbox_result push(char letter, size_t n, bool is_volatile, size_t max)
{
    char payload[256];
    memset(payload, letter, sizeof payload);
    struct frame *f = frame_text((struct str){payload, n - HEADER});
    enum outbox_result result = outbox_push(&box, f, is_volatile, max, &dropped);
    frame_unref(f);
    return result;
}

/* The letters of all frames in order, as they would be sent through scratch memory of that size. */
static const char *drain(size_t scratch_size)
{
    static char letters[4096];
    char scratch[4096];
    size_t n = 0;
    uint32_t frames;
    for (struct str s; (s = outbox_next(&box, scratch, scratch_size, &frames)).n > 0;
         outbox_take(&box, frames))
        for (size_t at = 0; at < s.n; at += HEADER + (unsigned char)s.p[at + 1])
            letters[n++] = s.p[at + HEADER];
    letters[n] = '\0';
    assert_int_equal(frames, 0);
    return letters;
}

static void test_order_and_gathering(void **state)
{
    (void)state;
    char scratch[SCRATCH];
    uint32_t frames;
    assert_int_equal(outbox_next(&box, scratch, sizeof scratch, &frames).n, 0);
    assert_int_equal(frames, 0);
    push('a', 30, false, 1000);
    struct str one = outbox_next(&box, scratch, sizeof scratch, &frames);
    assert_true(one.p < scratch || one.p >= scratch + sizeof scratch); /* alone: not copied */
    push('b', 30, false, 1000);
    push('c', 10, false, 1000);
    struct str two = outbox_next(&box, scratch, sizeof scratch, &frames);
    assert_int_equal(frames, 2);
    assert_int_equal(two.n, 60);
    assert_ptr_equal(two.p, scratch);
    outbox_take(&box, 1);
    assert_int_equal(box.bytes, 40);
    push('d', 100, false, 1000); /* larger than scratch: goes alone */
    push('e', 3, false, 1000);
    assert_string_equal(drain(SCRATCH), "bcde");
    assert_int_equal(box.bytes, 0);
}

static void test_many(void **state)
{
    (void)state;
    char expected[512];
    for (int i = 0; i < 300; i++) {
        expected[i] = (char)('a' + i % 26);
        assert_int_equal(push(expected[i], 10, i % 2, 100000), OUTBOX_QUEUED);
        if (i % 3 == 2) /* the head wanders through the ring */
            outbox_take(&box, 1);
    }
    expected[300] = '\0';
    assert_int_equal(box.count, 200);
    assert_string_equal(drain(1000), expected + 100);
}

static void test_volatile_is_dropped_when_full(void **state)
{
    (void)state;
    push('a', 50, false, 100);
    assert_int_equal(push('v', 50, true, 100), OUTBOX_QUEUED);
    assert_int_equal(push('w', 3, true, 100), OUTBOX_DROPPED);
    assert_int_equal(dropped, 1);
    assert_string_equal(drain(SCRATCH), "av");
}

static void test_reliable_takes_the_room_of_volatile(void **state)
{
    (void)state;
    push('a', 20, false, 100);
    push('v', 20, true, 100);
    push('b', 20, false, 100);
    push('w', 20, true, 100);
    push('x', 20, true, 100);
    assert_int_equal(push('c', 20, false, 100), OUTBOX_QUEUED);
    assert_int_equal(dropped, 3); /* its own 20 bytes and a quarter of the limit */
    assert_string_equal(drain(SCRATCH), "abc");
}

static void test_oldest_volatile_goes_first(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        push((char)('p' + i), 10, true, 100);
    assert_int_equal(push('A', 10, false, 100), OUTBOX_QUEUED);
    assert_int_equal(dropped, 4); /* 10 for it, 25 in reserve */
    assert_string_equal(drain(SCRATCH), "tuvwxyA");
}

static void test_full_of_reliable(void **state)
{
    (void)state;
    push('a', 90, false, 100);
    push('v', 10, true, 100);
    assert_int_equal(push('b', 11, false, 100), OUTBOX_FULL);
    assert_int_equal(dropped, 0); /* nothing is lost for nothing */
    assert_string_equal(drain(SCRATCH), "av");
}

static void test_larger_than_the_limit(void **state)
{
    (void)state;
    assert_int_equal(push('a', 150, false, 100), OUTBOX_QUEUED); /* alone: always */
    assert_int_equal(push('b', 10, false, 100), OUTBOX_FULL);
    outbox_clear(&box);
    assert_int_equal(push('v', 10, true, 100), OUTBOX_QUEUED);
    assert_int_equal(push('c', 150, false, 100), OUTBOX_QUEUED); /* the volatile one had to go */
    assert_int_equal(dropped, 1);
    outbox_clear(&box);
    assert_int_equal(push('w', 150, true, 100), OUTBOX_QUEUED);
    assert_int_equal(box.count, 1);
}

static void test_pings_ignore_the_limit(void **state)
{
    (void)state;
    struct frame *ping = frame_ping(STR("hb"));
    push('a', 100, false, 100);
    outbox_push_always(&box, ping);
    frame_unref(ping);
    assert_int_equal(box.count, 2);
    assert_int_equal(box.bytes, 104);
}

static void test_shrink(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < OUTBOX_FIRST; i++) {
        assert_null(box.ring); /* they find room in the struct */
        push('a', 10, false, 100);
    }
    assert_null(box.ring);
    push('a', 10, false, 100);
    assert_non_null(box.ring);
    outbox_shrink(&box);
    assert_int_equal(box.count, OUTBOX_FIRST + 1);
    outbox_take(&box, OUTBOX_FIRST + 1);
    assert_non_null(box.ring);
    outbox_shrink(&box);
    assert_null(box.ring);
    assert_int_equal(mem_live_count(), 0);
    push('b', 10, false, 100);
    assert_string_equal(drain(SCRATCH), "b");
}

/* Reliable frames are never lost nor moved, volatile ones keep their order, and the limit holds. */
static void test_random_walk(void **state)
{
    (void)state;
    enum { MAX = 400 };
    char sent[1024];
    size_t sent_count = 0, wanted = 0;
    char reliable[1024];
    srand(7);
    for (int i = 0; i < 1000; i++) {
        bool is_volatile = rand() % 2;
        char letter = (char)(is_volatile ? 'v' : 'A' + wanted % 26);
        enum outbox_result result = push(letter, (size_t)(3 + rand() % 60), is_volatile, MAX);
        if (!is_volatile && result == OUTBOX_QUEUED)
            reliable[wanted++] = letter;
        assert_true(result != OUTBOX_DROPPED || is_volatile);
        assert_true(box.bytes <= MAX || box.count == 1);
        assert_true(box.volatile_bytes <= box.bytes);
        if (result == OUTBOX_FULL || rand() % 8 == 0) {
            const char *letters = drain((size_t)(20 + rand() % 200));
            for (; *letters != '\0'; letters++)
                if (*letters != 'v')
                    sent[sent_count++] = *letters;
        }
    }
    assert_true(sent_count > 100 && dropped > 10);
    assert_memory_equal(sent, reliable, sent_count);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_order_and_gathering),
        TEST(test_many),
        TEST(test_volatile_is_dropped_when_full),
        TEST(test_reliable_takes_the_room_of_volatile),
        TEST(test_oldest_volatile_goes_first),
        TEST(test_full_of_reliable),
        TEST(test_larger_than_the_limit),
        TEST(test_pings_ignore_the_limit),
        TEST(test_shrink),
        TEST(test_random_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
