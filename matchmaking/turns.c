/* Keeps calls until it is their turn. */
#include "matchmaking/turns.h"

#include "common/err.h"
#include "common/list.h"
#include "common/mem.h"
#include "common/metrics.h"

void turns_init(struct turns *t)
{
    *t = (struct turns){0};
    list_init(&t->waiting);
}

void turns_close(struct turns *t)
{
    mem_free(t->sizes);
    t->sizes = NULL;
}

static void grow(struct turns *t)
{
    size_t cap = t->size_cap ? 2 * t->size_cap : 64;
    uint16_t *sizes = mem_alloc(cap * sizeof *sizes);
    for (size_t i = 0; i < t->size_count; i++)
        sizes[i] = t->sizes[(t->size_first + i) % t->size_cap];
    mem_free(t->sizes);
    t->sizes = sizes;
    t->size_cap = cap;
    t->size_first = 0;
}

void turns_went(struct turns *t, size_t calls)
{
    CHECK(calls > 0 && calls <= UINT16_MAX);
    if (t->size_count == t->size_cap)
        grow(t);
    t->sizes[(t->size_first + t->size_count++) % t->size_cap] = (uint16_t)calls;
    t->under_way += calls;
}

void turns_came(struct turns *t)
{
    CHECK(t->size_count > 0);
    t->under_way -= t->sizes[t->size_first];
    t->size_first = (t->size_first + 1) % t->size_cap;
    t->size_count--;
}

bool turns_full(const struct turns *t)
{
    return t->waiting_count > 0 || t->under_way >= TURNS_UNDER_WAY;
}

static size_t bytes_of(const struct str *texts, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += texts[i].n;
    return bytes;
}

/* Copies `count` texts to `to` and their bytes to `at`; returns where the next bytes go. */
static char *copy(struct str *to, const struct str *from, size_t count, char *at)
{
    for (size_t i = 0; i < count; i++) {
        if (from[i].n)
            memcpy(at, from[i].p, from[i].n);
        to[i] = (struct str){at, from[i].n};
        at += from[i].n;
    }
    return at;
}

bool turns_wait(struct turns *t, const struct script *s, const struct str *keys, size_t key_count,
                const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    if (t->waiting_count >= TURNS_WAITING_MAX)
        return false;
    size_t count = key_count + arg_count;
    struct turn *turn = mem_alloc(sizeof *turn + count * sizeof *turn->texts + bytes_of(keys, key_count) +
                                  bytes_of(args, arg_count));
    *turn = (struct turn){.script = s, .key_count = key_count, .arg_count = arg_count, .fn = fn, .arg = arg};
    char *at = copy(turn->texts, keys, key_count, (char *)(turn->texts + count));
    (void)copy(turn->texts + key_count, args, arg_count, at);
    list_push(&t->waiting, &turn->link);
    metrics_set(METRIC_REDIS_WAITING, (int64_t)++t->waiting_count);
    return true;
}

struct turn *turns_next(struct turns *t, bool all)
{
    if (t->waiting_count == 0 || (!all && t->under_way >= TURNS_UNDER_WAY))
        return NULL;
    struct turn *turn = OWNER(t->waiting.next, struct turn, link);
    list_remove(&turn->link);
    metrics_set(METRIC_REDIS_WAITING, (int64_t)--t->waiting_count);
    return turn;
}
