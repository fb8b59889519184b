/* The one allocator. Running out of memory aborts: every size a client drives is bounded at the door. */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stddef.h>

void *mem_alloc(size_t bytes);              /* zeroed; never NULL */
void *mem_resize(void *old, size_t bytes);  /* like realloc; never NULL; new bytes are not zeroed */
void mem_free(void *block);                 /* NULL is fine */
char *mem_copy(const char *text, size_t n); /* n bytes and a NUL; caller frees with mem_free */
/* For what comes and goes with every message. Not zeroed. It goes back with the size it was taken with, to a
 * stock for the next one: no way through the allocator, and the memory is still in the processor's cache. */
void *mem_take(size_t bytes);
void mem_give(void *block, size_t bytes);
/* Blocks allocated and not yet freed: must be back at its start value when all clients are gone. */
size_t mem_live_count(void);

#endif
