/* The ring behind a list: grows by doubling, halves when three quarters are unused, vanishes when empty. */
#include "matchmaking/store_list.h"

#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/store_blob.h"

enum { SIZE_MIN = 4 };

static struct store_blob **slot(const struct store_list *l, size_t index)
{
    return &l->ring[(l->head + index) & (l->size - 1)];
}

static void resize(struct store_list *l, size_t size)
{
    struct store_blob **ring = size ? mem_alloc(size * sizeof *ring) : NULL;
    CHECK(l->count <= size);
    for (size_t i = 0; ring != NULL && i < l->count; i++)
        ring[i] = *slot(l, i);
    mem_free(l->ring);
    l->ring = ring;
    l->size = size;
    l->head = 0;
}

static void shrink(struct store_list *l)
{
    if (l->count == 0 && l->size > 0)
        resize(l, 0);
    while (l->size > SIZE_MIN && l->count <= l->size / 4)
        resize(l, l->size / 2);
}

void store_list_close(struct store_list *l)
{
    store_list_drop(l, true, l->count);
}

void store_list_push(struct store_list *l, bool at_head, struct str text)
{
    if (l->count == l->size)
        resize(l, l->size ? l->size * 2 : SIZE_MIN);
    if (at_head)
        l->head = (l->head - 1) & (l->size - 1);
    l->count++;
    *slot(l, at_head ? 0 : l->count - 1) = store_blob_new(text);
}

void store_list_drop(struct store_list *l, bool at_head, size_t count)
{
    CHECK(count <= l->count);
    for (size_t i = 0; i < count; i++)
        mem_free(*slot(l, at_head ? i : l->count - 1 - i));
    if (at_head && l->size > 0)
        l->head = (l->head + count) & (l->size - 1);
    l->count -= count;
    shrink(l);
}

struct str store_list_at(const struct store_list *l, size_t index)
{
    CHECK(index < l->count);
    return store_blob_str(*slot(l, index));
}

size_t store_list_remove(struct store_list *l, struct str text, size_t limit, bool from_head)
{
    /* One pass from the chosen end: found elements are freed, the others close up towards that end. */
    size_t kept = 0, removed = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct store_blob **at = slot(l, from_head ? i : l->count - 1 - i);
        if (removed < limit && str_eq(store_blob_str(*at), text)) {
            mem_free(*at);
            removed++;
            continue;
        }
        *slot(l, from_head ? kept : l->count - 1 - kept) = *at;
        kept++;
    }
    if (!from_head && l->size > 0)
        l->head = (l->head + removed) & (l->size - 1);
    l->count = kept;
    shrink(l);
    return removed;
}
