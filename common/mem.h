/* The one allocator. Running out of memory aborts: every size a client drives is bounded at the door. */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stddef.h>

void *mem_alloc(size_t bytes);              /* zeroed; never NULL */
void *mem_resize(void *old, size_t bytes);  /* like realloc; never NULL; new bytes are not zeroed */
void mem_free(void *block);                 /* NULL is fine */
char *mem_copy(const char *text, size_t n); /* n bytes and a NUL; caller frees with mem_free */
/* Blocks allocated and not yet freed: must be back at its start value when all clients are gone. */
size_t mem_live_count(void);

#endif
