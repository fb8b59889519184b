/* Tests of the sorted set: order, ranks, and that it stays flat. */
#include "common/mem.h"
#include "matchmaking/store_zset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MEMBERS = 60, NAME_SIZE = 16 };

struct model {
    double score;
    bool in;
};

/* The position the model gives member i: how many are before it by (score, member). */
static size_t model_rank(const struct model *model, int count, int i, char names[][NAME_SIZE])
{
    size_t rank = 0;
    for (int k = 0; k < count; k++)
        rank += model[k].in && (model[k].score < model[i].score ||
                                (model[k].score == model[i].score && strcmp(names[k], names[i]) < 0));
    return rank;
}

/* Thousands of random changes: every member stands where a plain count says. */
static void zset_keeps_order(void **state)
{
    struct model model[MEMBERS] = {{0}};
    char names[MEMBERS][NAME_SIZE];
    struct store_zset z;
    (void)state;
    srand(7);
    store_zset_init(&z, 1);
    for (int i = 0; i < MEMBERS; i++)
        (void)snprintf(names[i], sizeof names[i], "m%d", i);
    for (int step = 0; step < 20000; step++) {
        int i = rand() % MEMBERS;
        struct str name = str_of(names[i]);
        if (rand() % 3 == 0) {
            assert_int_equal(store_zset_remove(&z, name), model[i].in);
            model[i].in = false;
        } else {
            model[i] = (struct model){rand() % 10, true};
            store_zset_put(&z, name, model[i].score);
        }
        int probe = rand() % MEMBERS;
        const struct store_zset_node *node = store_zset_find(&z, str_of(names[probe]));
        assert_int_equal(node != NULL, model[probe].in);
        if (node == NULL)
            continue;
        assert_true(node->score == model[probe].score);
        assert_ptr_equal(store_zset_at(&z, model_rank(model, MEMBERS, probe, names)), node);
    }
    store_zset_close(&z);
    assert_int_equal(mem_live_count(), 0);
}

/* Ascending scores, the worst case of a plain tree: the depth must stay small, else the recursion ends here.
 */
static void zset_stays_flat(void **state)
{
    struct store_zset z;
    char name[16];
    (void)state;
    store_zset_init(&z, 1);
    for (int i = 0; i < 50000; i++) {
        int n = snprintf(name, sizeof name, "%d", i);
        store_zset_put(&z, (struct str){name, (size_t)n}, i);
    }
    int deepest = 0;
    for (int i = 0; i < 50000; i += 977) {
        int depth = 0;
        for (const struct store_zset_node *at = z.root; at->score != i; depth++)
            at = at->score < i ? at->right : at->left;
        deepest = depth > deepest ? depth : deepest;
    }
    assert_true(deepest > 10 && deepest < 64);
    store_zset_close(&z);
    assert_int_equal(mem_live_count(), 0);
}

static void note_member(void *arg, const struct store_zset_node *node)
{
    strncat(arg, node->member.p, node->member.n);
}

static void ranges(void **state)
{
    struct store_zset z;
    const char *letters = "abcdefgh";
    char text[16] = "";
    (void)state;
    store_zset_init(&z, 9);
    assert_null(store_zset_at(&z, 0));
    for (int i = 0; i < 8; i++) /* scores 0 0 1 1 2 2 3 3 */
        store_zset_put(&z, (struct str){&letters[i], 1}, i / 2);
    assert_int_equal(store_zset_rank(&z, 1, false), 2);
    assert_int_equal(store_zset_rank(&z, 1, true), 4);
    assert_int_equal(store_zset_rank(&z, -1, true), 0);
    assert_int_equal(store_zset_rank(&z, 9, false), 8);
    store_zset_each(&z, 2, 5, note_member, text);
    assert_string_equal(text, "cde");
    store_zset_each(&z, 6, 99, note_member, text);
    assert_string_equal(text, "cdegh");
    store_zset_each(&z, 5, 5, note_member, text);
    assert_string_equal(text, "cdegh");
    assert_null(store_zset_at(&z, 8));
    store_zset_close(&z);
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zset_keeps_order),
        cmocka_unit_test(zset_stays_flat),
        cmocka_unit_test(ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
