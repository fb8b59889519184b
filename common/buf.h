/* A growing byte buffer for composing text. `data` is always NUL-terminated after the first append. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdarg.h>
#include "common/str.h"

struct buf {
    char *data; /* owned; NULL while nothing was appended */
    size_t len, cap;
    bool lent; /* data is the caller's: buf_on */
};

void buf_init(struct buf *b); /* no allocation; same as = {0} */
void buf_close(struct buf *b);
void buf_clear(struct buf *b);                                   /* keeps the memory */
void buf_reserve(struct buf *b, size_t n);                       /* n more bytes will cost no move */
void buf_add_slowly(struct buf *b, const void *bytes, size_t n); /* buf_add when there is no room */

/* Begins in space[size] (size > 0), mostly on the stack, and moves to memory of its own only if that is too
 * small: for what is composed, sent and forgotten. */
static inline struct buf buf_on(char *space, size_t size)
{
    space[0] = '\0';
    return (struct buf){space, 0, size, true};
}
static inline void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (!b->data || n >= b->cap - b->len) { /* one byte is for the NUL */
        buf_add_slowly(b, bytes, n);
        return;
    }
    if (n > 0)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}
static inline void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}
static inline void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}
void buf_add_int(struct buf *b, int64_t value);
/* s as a JSON string with its quotes: escapes quote, backslash and control characters; s must be UTF-8. */
void buf_add_json(struct buf *b, struct str s);
__attribute__((format(printf, 2, 3))) void buf_add_fmt(struct buf *b, const char *fmt, ...);
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->data, b->len};
}

#endif
