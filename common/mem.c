/* The allocator: libc's, zeroed, counted, and never out of memory.
 *
 * The stock of mem_take holds blocks by size, in steps of STEP bytes, last in first out, at most
 * STOCK_BYTES_MAX of each size. libc keeps seven, and a pass of the loop needs hundreds at a time. Under
 * AddressSanitizer nothing is kept, so that it sees every use of what was given back. */
#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(MEM_STOCK) && defined(__SANITIZE_ADDRESS__)
#define MEM_STOCK 0
#elif !defined(MEM_STOCK) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_STOCK 0
#endif
#endif
#ifndef MEM_STOCK
#define MEM_STOCK 1
#endif

enum { STEP = 64, SIZES = 16, STOCK_BYTES_MAX = 262144 };

struct kept { /* lies in the block itself */
    struct kept *next;
};

static size_t live_count;
static struct {
    struct kept *first;
    size_t bytes;
} stock[SIZES]; /* by size in steps */

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

/* Where blocks of that size are kept; SIZES: nowhere. */
static size_t place_of(size_t bytes)
{
    return !MEM_STOCK || bytes == 0 || bytes > (size_t)SIZES * STEP ? SIZES : (bytes - 1) / STEP;
}

void *mem_take(size_t bytes)
{
    size_t place = place_of(bytes);
    if (place == SIZES)
        return mem_resize(NULL, bytes);
    struct kept *k = stock[place].first;
    if (k == NULL)
        return mem_resize(NULL, (place + 1) * STEP);
    stock[place].first = k->next;
    stock[place].bytes -= (place + 1) * STEP;
    live_count++;
    return k;
}

void mem_give(void *block, size_t bytes)
{
    size_t place = place_of(bytes);
    if (place == SIZES || block == NULL || stock[place].bytes >= STOCK_BYTES_MAX) {
        mem_free(block);
        return;
    }
    struct kept *k = block;
    k->next = stock[place].first;
    stock[place].first = k;
    stock[place].bytes += (place + 1) * STEP;
    live_count--;
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
