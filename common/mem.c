/* The allocator: libc's, zeroed, counted, and never out of memory. */
#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t live_count;

static void *must(void *block, size_t bytes)
{
    if (block == NULL) {
        fprintf(stderr, "mem.exhausted bytes=%zu next=abort\n", bytes);
        abort();
    }
    return block;
}

void *mem_alloc(size_t bytes)
{
    void *block = must(calloc(1, bytes ? bytes : 1), bytes);
    live_count++;
    return block;
}

void *mem_resize(void *old, size_t bytes)
{
    void *block = must(realloc(old, bytes ? bytes : 1), bytes);
    if (old == NULL)
        live_count++;
    return block;
}

void mem_free(void *block)
{
    if (block != NULL)
        live_count--;
    free(block);
}

char *mem_copy(const char *text, size_t n)
{
    char *copy = mem_alloc(n + 1);
    if (n > 0)
        memcpy(copy, text, n);
    return copy;
}

size_t mem_live_count(void)
{
    return live_count;
}
