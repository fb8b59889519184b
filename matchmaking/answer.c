/* Collects an answer as a flat list of items and turns it into a tree when it is complete. */
#include "matchmaking/answer.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdio.h>

/* What answer_clear keeps: enough for the usual answer, too little for one huge one to stay in memory for
 * ever. */
enum { KEEP_ITEMS = 1024, KEEP_BYTES = 64 * 1024 };

void answer_close(struct answer *a)
{
    mem_free(a->items);
    buf_close(&a->text);
    *a = (struct answer){0};
}

void answer_clear(struct answer *a)
{
    if (a->cap > KEEP_ITEMS || a->text.cap > KEEP_BYTES) {
        answer_close(a);
        return;
    }
    a->count = 0;
    buf_clear(&a->text);
}

static struct answer_item *append(struct answer *a, enum answer_type type)
{
    if (a->count == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 16;
        a->items = mem_resize(a->items, a->cap * sizeof *a->items);
    }
    struct answer_item *item = &a->items[a->count++];
    *item = (struct answer_item){.type = type};
    return item;
}

static void append_text(struct answer *a, enum answer_type type, struct str text)
{
    struct answer_item *item = append(a, type);
    item->at = a->text.len;
    item->length = text.n;
    buf_add_str(&a->text, text);
}

void answer_nil(struct answer *a)
{
    append(a, ANSWER_NIL);
}

void answer_int(struct answer *a, int64_t value)
{
    append(a, ANSWER_INT)->integer = value;
}

void answer_text(struct answer *a, struct str text)
{
    append_text(a, ANSWER_TEXT, text);
}

void answer_double(struct answer *a, double value)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%.17g",
                     value); /* infinities come out as Redis has them: inf, -inf */
    CHECK(n > 0 && (size_t)n < sizeof digits);
    answer_text(a, (struct str){digits, (size_t)n});
}

/* A status or an error is one line on the wire, so it is one here. */
static void append_line(struct answer *a, enum answer_type type, struct str text)
{
    append_text(a, type, text);
    char *bytes = a->text.data + (a->text.len - text.n);
    for (size_t i = 0; i < text.n; i++)
        if (bytes[i] == '\r' || bytes[i] == '\n')
            bytes[i] = ' ';
}

void answer_status(struct answer *a, struct str text)
{
    append_line(a, ANSWER_STATUS, text);
}

void answer_error(struct answer *a, struct str message)
{
    append_line(a, ANSWER_ERROR, message);
}

size_t answer_array(struct answer *a, size_t count)
{
    append(a, ANSWER_ARRAY)->length = count;
    return a->count - 1;
}

void answer_set_count(struct answer *a, size_t mark, size_t count)
{
    CHECK(mark < a->count && a->items[mark].type == ANSWER_ARRAY);
    a->items[mark].length = count;
}

void answer_append(struct answer *a, const struct answer *other)
{
    size_t shift = a->text.len;
    buf_add_str(&a->text, buf_str(&other->text));
    for (size_t i = 0; i < other->count; i++) {
        struct answer_item *item = append(a, ANSWER_NIL);
        *item = other->items[i];
        item->at += shift;
    }
}

struct str answer_item_text(const struct answer *a, const struct answer_item *item)
{
    return (struct str){a->text.data + item->at, item->length};
}

struct tree_walk {
    const struct answer *answer;
    size_t next_item;
    struct reply *spare; /* the unused rest of the block */
};

/* Elements of one array lie side by side, so their places are taken before any of them is filled. */
static void fill(struct tree_walk *w, struct reply *out)
{
    static const enum reply_type types[] = {
        [ANSWER_NIL] = REPLY_NIL,    [ANSWER_INT] = REPLY_INT,     [ANSWER_TEXT] = REPLY_STR,
        [ANSWER_STATUS] = REPLY_STR, [ANSWER_ERROR] = REPLY_ERROR, [ANSWER_ARRAY] = REPLY_ARRAY,
    };
    CHECK(w->next_item < w->answer->count);
    const struct answer_item *item = &w->answer->items[w->next_item++];
    *out = (struct reply){.type = types[item->type], .integer = item->integer};
    if (item->type == ANSWER_ARRAY) {
        struct reply *items = w->spare;
        w->spare += item->length;
        out->items = items;
        out->count = item->length;
        for (size_t i = 0; i < item->length; i++)
            fill(w, &items[i]);
    } else if (out->type == REPLY_STR || out->type == REPLY_ERROR) {
        out->str = answer_item_text(w->answer, item);
    }
}

struct reply *answer_tree(const struct answer *a)
{
    CHECK(a->count > 0);
    struct reply *block = mem_alloc(a->count * sizeof *block);
    struct tree_walk walk = {.answer = a, .spare = block + 1};
    fill(&walk, block);
    CHECK(walk.next_item == a->count);
    return block;
}
