/* Damages texts bit by bit, byte by byte, stretch by stretch, by a repeatable chance. */
#include "tests/lib/damage.h"

#include <string.h>

static uint64_t random_state;

void damage_seed(uint64_t seed)
{
    random_state = seed;
}

static uint64_t random_next(void) /* splitmix64 */
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

size_t damage_below(size_t n)
{
    return (size_t)(random_next() % n);
}

static void insert(struct damage_text *t, size_t at, const char *bytes, size_t n)
{
    if (n > DAMAGE_TEXT_MAX - t->n)
        return;
    memmove(t->bytes + at + n, t->bytes + at, t->n - at);
    memcpy(t->bytes + at, bytes, n);
    t->n += n;
}

static void cut(struct damage_text *t, size_t at, size_t n)
{
    memmove(t->bytes + at, t->bytes + at + n, t->n - at - n);
    t->n -= n;
}

static void damage(struct damage_text *t, const struct damage_words *words)
{
    char copy[64];
    size_t at = t->n ? damage_below(t->n) : 0, n = t->n - at < sizeof copy ? t->n - at : sizeof copy;
    n = n ? 1 + damage_below(n) : 0;
    const char *piece;
    switch (damage_below(8)) {
    case 0: /* a bit */
        if (n > 0)
            t->bytes[at] = (char)(t->bytes[at] ^ (1 << damage_below(8)));
        break;
    case 1: /* a byte */
        if (n > 0)
            t->bytes[at] = (char)damage_below(256);
        break;
    case 2:
        cut(t, at, n);
        break;
    case 3: /* a copy of a stretch, elsewhere */
        memcpy(copy, t->bytes + at, n);
        insert(t, damage_below(t->n + 1), copy, n);
        break;
    case 4: /* truncation */
        t->n = at;
        break;
    case 5: /* the rest of another message */
        piece = words->seeds[damage_below(words->seed_count)];
        piece += damage_below(strlen(piece));
        t->n = at;
        insert(t, at, piece, strlen(piece));
        break;
    default: /* likelier than the others: these often leave something valid */
        piece = words->pieces[damage_below(words->piece_count)];
        insert(t, at, piece, strlen(piece));
        break;
    }
}

void damage_pick(struct damage_text *t, const struct damage_words *words)
{
    const char *seed = words->seeds[damage_below(words->seed_count)];
    t->n = strlen(seed);
    memcpy(t->bytes, seed, t->n);
    for (size_t times = damage_below(4); times > 0; times--)
        damage(t, words);
}
