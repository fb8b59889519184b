/* Hash table from byte strings to pointers that can be walked in pages while it changes.
 *
 * common/map.h has no cursor; SCAN, HSCAN and SSCAN need one that survives growing and shrinking. Keys are
 * copied and may hold any bytes; values are the owner's. The table shrinks with its contents and holds no
 * memory when empty. The hash is keyed, because player ids come from outside and must not be able to choose
 * their bucket. */
#ifndef MATCHMAKING_STORE_DICT_H
#define MATCHMAKING_STORE_DICT_H

#include "common/str.h"

/* Stays where it is until it is removed, so that others may borrow its key. */
struct store_dict_entry {
    struct store_dict_entry *next; /* in its bucket */
    uint64_t hash;
    void *value; /* the owner's */
    size_t key_bytes;
    char key[];
};

struct store_dict {
    struct store_dict_entry **buckets; /* NULL while empty */
    size_t bucket_count;               /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

void store_dict_init(struct store_dict *d, uint64_t seed); /* allocates nothing */
/* Frees all entries; free_value (may be NULL) is called with each value. */
void store_dict_close(struct store_dict *d, void (*free_value)(void *value));

struct store_dict_entry *store_dict_find(const struct store_dict *d, struct str key); /* NULL if absent */
/* The entry of key, made with value NULL if it was absent; *created (may be NULL) says which. Never NULL. */
struct store_dict_entry *store_dict_put(struct store_dict *d, struct str key, bool *created);
/* false if absent; else the entry is freed and *value (may be NULL) is what it held. key may be the entry's
 * own. */
bool store_dict_remove(struct store_dict *d, struct str key, void **value);

/* All entries, in no order; the table must not change meanwhile. `= {0}` is before the first; NULL at the
 * end. */
struct store_dict_walk {
    size_t bucket;
    struct store_dict_entry *entry;
};
struct store_dict_entry *store_dict_next(const struct store_dict *d, struct store_dict_walk *walk);

/* One step of a paged walk: calls fn for each entry of the bucket at `cursor` (0 begins) and returns the next
 * cursor, 0 at the end. Between steps the table may change in any way: an entry that was there all the time
 * is seen at least once. fn must not change the table. */
uint64_t store_dict_scan(const struct store_dict *d, uint64_t cursor,
                         void (*fn)(void *arg, struct store_dict_entry *e), void *arg);

static inline struct str store_dict_key(const struct store_dict_entry *e)
{
    return (struct str){e->key, e->key_bytes};
}

#endif
