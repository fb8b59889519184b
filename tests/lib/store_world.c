/* Runs commands on a store of the test's own and compares answers. */
#include "tests/lib/store_world.h"

#include "common/mem.h"
#include "tests/lib/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { WORDS_MAX = 64 };

static uint64_t now_us(void *arg)
{
    return ((struct store_world *)arg)->now_us;
}

static int64_t on_publish(void *arg, struct str channel, struct str message)
{
    struct store_world *w = arg;
    buf_add_str(&w->published, channel);
    buf_add_text(&w->published, "=");
    buf_add_str(&w->published, message);
    buf_add_text(&w->published, ";");
    return 3;
}

int store_world_open(void **state)
{
    static struct store_world w;
    w = (struct store_world){.now_us = 1700000000123456};
    w.store = store_new(
        &(struct store_options){.now_us = now_us, .publish = on_publish, .arg = &w, .hash_seed = 42});
    *state = &w;
    return 0;
}

int store_world_close(void **state)
{
    struct store_world *w = *state;
    store_free(w->store);
    buf_close(&w->published);
    return mem_live_count() == 0 ? 0 : -1;
}

static size_t split(const char *line, struct str *words)
{
    struct str rest = str_of(line);
    size_t count = 0;
    for (; rest.n > 0; count++) {
        assert_true(count < WORDS_MAX);
        words[count] = str_cut(&rest, ' ');
        if (str_eq(words[count], STR("''")))
            words[count].n = 0;
    }
    return count;
}

void store_world_call(struct store_world *w, const char *line, struct answer *out)
{
    struct str words[WORDS_MAX];
    size_t count = split(line, words);
    store_begin(w->store, false);
    store_call(w->store, words, count, out);
}

void store_world_expect_sorted(struct store_world *w, const char *line, size_t group, const char *expected)
{
    struct answer answer = {0};
    struct buf text = {0};
    store_world_call(w, line, &answer);
    struct reply *reply = answer_tree(&answer);
    if (group > 0)
        render_sorted(&text, reply, group);
    else
        render_reply(&text, reply);
    if (strcmp(text.data, expected) != 0)
        fail_msg("%s\n  answers  %s\n  expected %s", line, text.data, expected);
    mem_free(reply);
    buf_close(&text);
    answer_close(&answer);
}

void store_world_expect(struct store_world *w, const char *line, const char *expected)
{
    store_world_expect_sorted(w, line, 0, expected);
}
