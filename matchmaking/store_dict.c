/* Chained hash table with a keyed hash, sizes that follow the contents, and resumable walks.
 *
 * Collisions are chained, so an entry never moves in memory. The number of buckets is a power of two: doubled
 * when there are more entries than buckets, halved when fewer than one in eight is used. Both rebuild the
 * table at once; that costs O(n), amortised O(1), and at the sizes of one process some milliseconds.
 *
 * The paged walk counts its cursor in bit-reversed order: the highest bit of the bucket number changes
 * fastest. When the table doubles, bucket b becomes b and b + size, which are neighbours in this order, so
 * what was already seen stays seen; the same holds for halving, where at worst a few entries are seen twice.
 *
 * The hash is SipHash with one round per word and three at the end: quick, and nobody without the seed can
 * make keys that meet in one bucket. */
#include "matchmaking/store_dict.h"

#include "common/err.h"
#include "common/mem.h"

enum { BUCKETS_MIN = 4, SPARSE = 8 };

struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(struct sip *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotate(s->b, 13) ^ s->a;
    s->d = rotate(s->d, 16) ^ s->c;
    s->a = rotate(s->a, 32) + s->d;
    s->c += s->b;
    s->d = rotate(s->d, 21) ^ s->a;
    s->b = rotate(s->b, 17) ^ s->c;
    s->c = rotate(s->c, 32);
}

static uint64_t hash_of(struct str key, uint64_t seed)
{
    uint64_t second = rotate(seed, 29) * 0x9e3779b97f4a7c15u;
    struct sip s = {seed ^ 0x736f6d6570736575u, second ^ 0x646f72616e646f6du, seed ^ 0x6c7967656e657261u,
                    second ^ 0x7465646279746573u};
    size_t at = 0;
    for (; key.n - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, key.p + at, 8);
        s.d ^= word;
        sip_round(&s);
        s.a ^= word;
    }
    uint64_t last = (uint64_t)key.n << 56;
    for (size_t i = at; i < key.n; i++)
        last |= (uint64_t)(unsigned char)key.p[i] << (8 * (i - at));
    s.d ^= last;
    sip_round(&s);
    s.a ^= last;
    s.c ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

void store_dict_init(struct store_dict *d, uint64_t seed)
{
    *d = (struct store_dict){.seed = seed};
}

void store_dict_close(struct store_dict *d, void (*free_value)(void *value))
{
    for (size_t i = 0; i < d->bucket_count; i++) {
        for (struct store_dict_entry *e = d->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            if (free_value != NULL)
                free_value(e->value);
            mem_free(e);
        }
    }
    mem_free(d->buckets);
    store_dict_init(d, d->seed);
}

static struct store_dict_entry **bucket_of(const struct store_dict *d, uint64_t hash)
{
    return &d->buckets[hash & (d->bucket_count - 1)];
}

static void resize(struct store_dict *d, size_t bucket_count)
{
    struct store_dict old = *d;
    d->bucket_count = bucket_count;
    d->buckets = bucket_count ? mem_alloc(bucket_count * sizeof *d->buckets) : NULL;
    for (size_t i = 0; i < old.bucket_count; i++) {
        for (struct store_dict_entry *e = old.buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            struct store_dict_entry **bucket = bucket_of(d, e->hash);
            e->next = *bucket;
            *bucket = e;
        }
    }
    mem_free(old.buckets);
}

/* Where the pointer to the entry is kept: in the bucket or in the entry before it. NULL if there is none. */
static struct store_dict_entry **place_of(const struct store_dict *d, struct str key, uint64_t hash)
{
    if (d->count == 0)
        return NULL;
    for (struct store_dict_entry **at = bucket_of(d, hash); *at != NULL; at = &(*at)->next)
        if ((*at)->hash == hash && str_eq(store_dict_key(*at), key))
            return at;
    return NULL;
}

struct store_dict_entry *store_dict_find(const struct store_dict *d, struct str key)
{
    struct store_dict_entry **at = d->count ? place_of(d, key, hash_of(key, d->seed)) : NULL;
    return at != NULL ? *at : NULL;
}

struct store_dict_entry *store_dict_put(struct store_dict *d, struct str key, bool *created)
{
    uint64_t hash = hash_of(key, d->seed);
    struct store_dict_entry **at = place_of(d, key, hash);
    if (created != NULL)
        *created = at == NULL;
    if (at != NULL)
        return *at;
    if (d->count == d->bucket_count)
        resize(d, d->bucket_count ? d->bucket_count * 2 : BUCKETS_MIN);
    struct store_dict_entry *e = mem_alloc(sizeof *e + key.n);
    e->hash = hash;
    e->key_bytes = key.n;
    if (key.n > 0)
        memcpy(e->key, key.p, key.n);
    at = bucket_of(d, hash);
    e->next = *at;
    *at = e;
    d->count++;
    return e;
}

bool store_dict_remove(struct store_dict *d, struct str key, void **value)
{
    struct store_dict_entry **at = d->count ? place_of(d, key, hash_of(key, d->seed)) : NULL;
    if (at == NULL)
        return false;
    struct store_dict_entry *e = *at;
    *at = e->next;
    if (value != NULL)
        *value = e->value;
    mem_free(e);
    d->count--;
    if (d->count == 0)
        resize(d, 0);
    else if (d->count < d->bucket_count / SPARSE && d->bucket_count > BUCKETS_MIN)
        resize(d, d->bucket_count / 2);
    return true;
}

struct store_dict_entry *store_dict_next(const struct store_dict *d, struct store_dict_walk *walk)
{
    if (walk->entry != NULL)
        walk->entry = walk->entry->next;
    while (walk->entry == NULL && walk->bucket < d->bucket_count)
        walk->entry = d->buckets[walk->bucket++];
    return walk->entry;
}

static uint64_t swap_groups(uint64_t x, unsigned bits, uint64_t mask)
{
    return (x >> bits & mask) | (x & mask) << bits;
}

/* The bits of x from last to first. */
static uint64_t reversed(uint64_t x)
{
    x = swap_groups(x, 1, 0x5555555555555555u);
    x = swap_groups(x, 2, 0x3333333333333333u);
    x = swap_groups(x, 4, 0x0f0f0f0f0f0f0f0fu);
    return __builtin_bswap64(x);
}

uint64_t store_dict_scan(const struct store_dict *d, uint64_t cursor,
                         void (*fn)(void *arg, struct store_dict_entry *e), void *arg)
{
    if (d->bucket_count == 0)
        return 0;
    uint64_t mask = d->bucket_count - 1;
    for (struct store_dict_entry *e = d->buckets[cursor & mask]; e != NULL; e = e->next)
        fn(arg, e);
    /* Add one to the reversed number: fill the bits above the table's size, so that the carry runs out of the
     * top into the highest bit in use. When it runs out at the bottom, the walk is over and the cursor is 0
     * again. */
    return reversed(reversed(cursor | ~mask) + 1);
}
