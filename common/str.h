/* A borrowed piece of text: pointer and length, not NUL-terminated, never owned. */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p; /* may be NULL when n == 0 */
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1}) /* string literals only */

static inline struct str str_of(const char *text) /* text NULL = empty */
{
    return (struct str){text, text ? strlen(text) : 0};
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Cuts off and returns what stands before the first `separator` in *rest; *rest becomes what follows it
 * (empty when there is none). */
struct str str_cut(struct str *rest, char separator);
/* Decimal, optional minus, whole text, must fit: true and *out; else false and *out untouched. */
bool str_to_int(struct str text, int64_t *out);
/* The reverse: writes the digits without a NUL and returns their number. */
enum { STR_INT_BYTES = 20 };
size_t str_from_int(char out[STR_INT_BYTES], int64_t value);
/* The UTF-8 character at the start of text: its length and *code, or 0 if text is empty or does not start
 * with one (overlong forms, surrogates and what lies above U+10FFFF are not characters). */
size_t str_utf8_next(struct str text, uint32_t *code);
/* Is all of it UTF-8? */
bool str_is_utf8(struct str text);
/* Copies with a NUL into dst[size]; false (and dst empty) if it does not fit. */
bool str_copy(char *dst, size_t size, struct str src);

#endif
