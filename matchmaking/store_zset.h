/* Sorted set: members ordered by (score, bytes of the member), found by member in O(1) and by rank in O(log
 * n).
 *
 * Every range, by score or by rank, is expressed as a range of ranks [from, to): 0 is the lowest, `to` is not
 * included. Scores are never NaN. */
#ifndef MATCHMAKING_STORE_ZSET_H
#define MATCHMAKING_STORE_ZSET_H

#include "matchmaking/store_dict.h"

struct store_zset_node {
    struct store_zset_node *left, *right;
    struct str member; /* lies in the entry of `members` */
    double score;
    uint64_t priority;
    size_t count; /* of the tree below, itself included */
};

struct store_zset {
    struct store_dict members; /* member -> node */
    struct store_zset_node *root;
};

void store_zset_init(struct store_zset *z, uint64_t seed); /* allocates nothing */
void store_zset_close(struct store_zset *z);

static inline size_t store_zset_count(const struct store_zset *z)
{
    return z->members.count;
}
const struct store_zset_node *store_zset_find(const struct store_zset *z,
                                              struct str member); /* NULL if absent */
/* Adds the member or moves it to the new score; member is copied. */
void store_zset_put(struct store_zset *z, struct str member, double score);
bool store_zset_remove(struct store_zset *z,
                       struct str member); /* false if absent; member may be the node's own */

/* How many members have a score below `score` (or up to and with it, when `inclusive`): the rank where others
 * begin. */
size_t store_zset_rank(const struct store_zset *z, double score, bool inclusive);
const struct store_zset_node *store_zset_at(const struct store_zset *z,
                                            size_t rank); /* NULL if there are fewer */
/* Calls fn for the ranks from <= r < to in order; the set must not change meanwhile. O(log n + number of
 * calls). */
void store_zset_each(const struct store_zset *z, size_t from, size_t to,
                     void (*fn)(void *arg, const struct store_zset_node *node), void *arg);

#endif
