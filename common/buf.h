/* A growing byte buffer for composing text. `data` is always NUL-terminated after the first append. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdarg.h>
#include "common/str.h"

struct buf {
    char *data; /* owned; NULL while nothing was appended */
    size_t len, cap;
};

void buf_init(struct buf *b); /* no allocation; same as = {0} */
void buf_close(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_int(struct buf *b, int64_t value);
/* s as a JSON string with its quotes: escapes quote, backslash and control characters; s must be UTF-8. */
void buf_add_json(struct buf *b, struct str s);
__attribute__((format(printf, 2, 3))) void buf_add_fmt(struct buf *b, const char *fmt, ...);
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->data, b->len};
}

#endif
