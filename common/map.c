/* Text to pointer, on uthash, with a keyed hash.
 *
 * Clients choose some of the keys (player ids). uthash's own hash functions are public and without a key, so
 * a client could send thousands of ids that share one bucket. We therefore hash with SipHash-1-3 under a
 * random key made once per map, and hand uthash the value. */
#include "common/map.h"

#include "common/err.h"
#include "common/mem.h"

#define uthash_malloc(bytes) mem_alloc(bytes)
#define uthash_free(block, bytes) mem_free(block)
#include <openssl/rand.h>
#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    void *value;
    size_t key_bytes;
    char key[]; /* NUL-terminated for the debugger's sake */
};

struct map {
    struct entry *head; /* uthash's handle: NULL while empty */
    uint64_t secret[2];
};

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* Inlined, since then v stays in registers: a lookup is mostly its hash. */
static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] = rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] = rotl(v[2], 32);
}

static inline __attribute__((always_inline)) void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static unsigned hash(const struct map *m, struct str key)
{
    uint64_t v[4] = {m->secret[0] ^ 0x736f6d6570736575, m->secret[1] ^ 0x646f72616e646f6d,
                     m->secret[0] ^ 0x6c7967656e657261, m->secret[1] ^ 0x7465646279746573};
    uint64_t word;
    size_t at = 0;
    for (; key.n - at >= sizeof word; at += sizeof word) {
        memcpy(&word, key.p + at, sizeof word);
        sip_word(v, word);
    }
    word = 0;
    if (key.n > at)
        memcpy(&word, key.p + at, key.n - at);
    sip_word(v, word | (uint64_t)key.n << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    uint64_t sum = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (unsigned)(sum ^ sum >> 32);
}

struct map *map_new(void)
{
    struct map *m = mem_alloc(sizeof *m);
    CHECK(RAND_bytes((unsigned char *)m->secret, sizeof m->secret) == 1);
    return m;
}

static void drop(struct map *m, struct entry *e)
{
    HASH_DEL(m->head, e);
    mem_free(e);
}

void map_free(struct map *m)
{
    if (m == NULL)
        return;
    while (m->head != NULL)
        drop(m, m->head);
    mem_free(m);
}

static struct entry *find(const struct map *m, struct str key, unsigned hashed)
{
    struct entry *e = NULL;
    const char *bytes = key.n ? key.p : "";
    HASH_FIND_BYHASHVALUE(hh, m->head, bytes, key.n, hashed, e);
    return e;
}

void *map_find(const struct map *m, struct str key)
{
    struct entry *e = find(m, key, hash(m, key));
    return e != NULL ? e->value : NULL;
}

void map_put(struct map *m, struct str key, void *value)
{
    unsigned hashed = hash(m, key);
    struct entry *e = find(m, key, hashed);
    CHECK(value != NULL);
    if (e == NULL) {
        e = mem_alloc(sizeof *e + key.n + 1);
        if (key.n > 0)
            memcpy(e->key, key.p, key.n);
        e->key_bytes = key.n;
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, m->head, e->key, key.n, hashed, e);
    }
    e->value = value;
}

void *map_remove(struct map *m, struct str key)
{
    struct entry *e = find(m, key, hash(m, key));
    void *value = e != NULL ? e->value : NULL;
    if (e != NULL)
        drop(m, e);
    return value;
}

size_t map_count(const struct map *m)
{
    return HASH_COUNT(m->head);
}

void map_each(struct map *m, map_each_cb fn, void *arg)
{
    struct entry *e, *next;
    HASH_ITER(hh, m->head, e, next)
    {
        fn(arg, (struct str){e->key, e->key_bytes}, e->value);
    }
}
