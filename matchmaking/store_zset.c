/* Sorted set as a treap: a search tree by (score, member) that is at the same time a heap by priority.
 *
 * A node's priority is the keyed hash of its member, which is as good as random. A tree that is a search tree
 * by key and a heap by random priorities has the shape it would have had if the members had come in random
 * order: depth O(log n) on average, whatever order they really came in. Every change is made of two moves,
 * `split` (one tree into two at a key) and `merge` (two trees into one), so there is no balancing case to get
 * wrong. Each node counts the nodes below it; that yields ranks, and with ranks every range command.
 *
 * A hash table from member to node answers the lookups by member; the node borrows the member's bytes from
 * there. */
#include "matchmaking/store_zset.h"

#include "common/err.h"
#include "common/mem.h"

void store_zset_init(struct store_zset *z, uint64_t seed)
{
    *z = (struct store_zset){0};
    store_dict_init(&z->members, seed);
}

void store_zset_close(struct store_zset *z)
{
    store_dict_close(&z->members, mem_free);
    z->root = NULL;
}

static size_t count_of(const struct store_zset_node *node)
{
    return node != NULL ? node->count : 0;
}

static void recount(struct store_zset_node *node)
{
    node->count = 1 + count_of(node->left) + count_of(node->right);
}

static bool text_less(struct str a, struct str b)
{
    size_t shorter = a.n < b.n ? a.n : b.n;
    int order = shorter ? memcmp(a.p, b.p, shorter) : 0;
    return order < 0 || (order == 0 && a.n < b.n);
}

static bool less(const struct store_zset_node *a, const struct store_zset_node *b)
{
    return a->score < b->score || (a->score == b->score && text_less(a->member, b->member));
}

/* Parts `tree` into what is less than `pivot` and the rest. */
static void split(struct store_zset_node *tree, const struct store_zset_node *pivot,
                  struct store_zset_node **low, struct store_zset_node **high)
{
    if (tree == NULL) {
        *low = *high = NULL;
        return;
    }
    if (less(tree, pivot)) {
        split(tree->right, pivot, &tree->right, high);
        *low = tree;
    } else {
        split(tree->left, pivot, low, &tree->left);
        *high = tree;
    }
    recount(tree);
}

/* Everything in `low` is less than everything in `high`. */
static struct store_zset_node *merge(struct store_zset_node *low, struct store_zset_node *high)
{
    if (low == NULL || high == NULL)
        return low != NULL ? low : high;
    struct store_zset_node *top = low->priority >= high->priority ? low : high;
    if (top == low)
        low->right = merge(low->right, high);
    else
        high->left = merge(low, high->left);
    recount(top);
    return top;
}

static struct store_zset_node *insert(struct store_zset_node *tree, struct store_zset_node *node)
{
    if (tree == NULL || tree->priority < node->priority) {
        split(tree, node, &node->left, &node->right);
        recount(node);
        return node;
    }
    if (less(node, tree))
        tree->left = insert(tree->left, node);
    else
        tree->right = insert(tree->right, node);
    recount(tree);
    return tree;
}

static struct store_zset_node *detach(struct store_zset_node *tree, const struct store_zset_node *node)
{
    CHECK(tree != NULL);
    if (tree == node)
        return merge(tree->left, tree->right);
    if (less(node, tree))
        tree->left = detach(tree->left, node);
    else
        tree->right = detach(tree->right, node);
    recount(tree);
    return tree;
}

const struct store_zset_node *store_zset_find(const struct store_zset *z, struct str member)
{
    const struct store_dict_entry *e = store_dict_find(&z->members, member);
    return e != NULL ? e->value : NULL;
}

void store_zset_put(struct store_zset *z, struct str member, double score)
{
    bool created;
    struct store_dict_entry *e = store_dict_put(&z->members, member, &created);
    struct store_zset_node *node = e->value;
    if (created) {
        node = e->value = mem_alloc(sizeof *node);
        node->member = store_dict_key(e);
        node->priority = e->hash;
    } else {
        z->root = detach(z->root, node);
    }
    node->score = score;
    z->root = insert(z->root, node);
}

bool store_zset_remove(struct store_zset *z, struct str member)
{
    const struct store_dict_entry *e = store_dict_find(&z->members, member);
    if (e == NULL)
        return false;
    struct store_zset_node *node = e->value;
    z->root = detach(z->root, node);
    store_dict_remove(&z->members, member, NULL);
    mem_free(node);
    return true;
}

size_t store_zset_rank(const struct store_zset *z, double score, bool inclusive)
{
    size_t rank = 0;
    for (const struct store_zset_node *at = z->root; at != NULL;) {
        if (at->score < score || (inclusive && at->score == score)) {
            rank += count_of(at->left) + 1;
            at = at->right;
        } else {
            at = at->left;
        }
    }
    return rank;
}

const struct store_zset_node *store_zset_at(const struct store_zset *z, size_t rank)
{
    const struct store_zset_node *at = z->root;
    while (at != NULL && rank != count_of(at->left)) {
        if (rank < count_of(at->left)) {
            at = at->left;
        } else {
            rank -= count_of(at->left) + 1;
            at = at->right;
        }
    }
    return at;
}

struct visit {
    void (*fn)(void *arg, const struct store_zset_node *node);
    void *arg;
};

/* Ranks count within `tree`. */
static void each(const struct store_zset_node *tree, size_t from, size_t to, const struct visit *v)
{
    if (tree == NULL || from >= to || from >= tree->count)
        return;
    size_t rank = count_of(tree->left);
    each(tree->left, from, to < rank ? to : rank, v);
    if (from <= rank && rank < to)
        v->fn(v->arg, tree);
    if (to > rank + 1)
        each(tree->right, from > rank ? from - rank - 1 : 0, to - rank - 1, v);
}

void store_zset_each(const struct store_zset *z, size_t from, size_t to,
                     void (*fn)(void *arg, const struct store_zset_node *node), void *arg)
{
    each(z->root, from, to, &(struct visit){fn, arg});
}
