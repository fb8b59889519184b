/* List of texts with cheap ends: a ring of pointers. Reading any index and both ends are O(1), removing
 * within is O(n). */
#ifndef MATCHMAKING_STORE_LIST_H
#define MATCHMAKING_STORE_LIST_H

#include "common/str.h"

struct store_blob;

/* = {0} is an empty list. */
struct store_list {
    struct store_blob **ring; /* NULL while nothing is held */
    size_t size;              /* of the ring: a power of two, or 0 */
    size_t head;              /* where index 0 lies */
    size_t count;
};

void store_list_close(struct store_list *l);
void store_list_push(struct store_list *l, bool at_head, struct str text); /* copies */
/* Removes `count` elements (at most all) at one end. */
void store_list_drop(struct store_list *l, bool at_head, size_t count);
struct str store_list_at(const struct store_list *l, size_t index); /* borrowed; index < count */
/* Removes elements equal to text, at most `limit`, beginning at the head or at the tail; returns how many. */
size_t store_list_remove(struct store_list *l, struct str text, size_t limit, bool from_head);

#endif
