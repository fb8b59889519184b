/* Hash map from short text keys to pointers (uthash inside). Keys are copied, values borrowed. */
#ifndef COMMON_MAP_H
#define COMMON_MAP_H

#include "common/str.h"

struct map;

struct map *map_new(void);
void map_free(struct map *m);                             /* frees the map, not the values; NULL is fine */
void *map_find(const struct map *m, struct str key);      /* NULL if absent */
void map_put(struct map *m, struct str key, void *value); /* replaces; value must not be NULL */
void *map_remove(struct map *m, struct str key);          /* the value, or NULL if it was absent */
size_t map_count(const struct map *m);
/* Calls fn for every entry; fn may remove the entry it is called with, nothing else. key is borrowed. */
typedef void (*map_each_cb)(void *arg, struct str key, void *value);
void map_each(struct map *m, map_each_cb fn, void *arg);

#endif
