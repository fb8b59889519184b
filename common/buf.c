/* A byte buffer that doubles when it is full. */
#include "common/buf.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdio.h>

void buf_init(struct buf *b)
{
    *b = (struct buf){0};
}

void buf_close(struct buf *b)
{
    if (!b->lent)
        mem_free(b->data);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

/* Room for n more bytes and the NUL; returns where they go. */
static char *reserve(struct buf *b, size_t n)
{
    CHECK(n < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
    size_t need = b->len + n + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < need)
            cap *= 2;
        char *owned = mem_resize(b->lent ? NULL : b->data, cap);
        if (b->lent && b->data)
            memcpy(owned, b->data, b->len + 1);
        b->data = owned;
        b->cap = cap;
        b->lent = false;
    }
    return b->data + b->len;
}

void buf_reserve(struct buf *b, size_t n)
{
    char *at = reserve(b, n);
    *at = '\0';
}

static void grown(struct buf *b, size_t n)
{
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_add_slowly(struct buf *b, const void *bytes, size_t n)
{
    char *to = reserve(b, n);
    if (n > 0)
        memcpy(to, bytes, n);
    grown(b, n);
}

void buf_add_int(struct buf *b, int64_t value)
{
    grown(b, str_from_int(reserve(b, STR_INT_BYTES), value));
}

void buf_add_fmt(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    CHECK(n >= 0);
    vsnprintf(reserve(b, (size_t)n), (size_t)n + 1, fmt, again);
    grown(b, (size_t)n);
    va_end(again);
    va_end(args);
}

/* Returns the length of the escape written to out, 0 if c stands for itself. */
static size_t json_escape(unsigned char c, char out[8])
{
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    out[0] = '\\';
    if (c == '"' || c == '\\') {
        out[1] = (char)c;
        return 2;
    }
    if (c >= 0x20)
        return 0;
    if (c < sizeof shorts && shorts[c] != 0) {
        out[1] = shorts[c];
        return 2;
    }
    return (size_t)snprintf(out, 8, "\\u%04x", c);
}

void buf_add_json(struct buf *b, struct str s)
{
    size_t plain = 0; /* start of the run that needs no escape */
    buf_add(b, "\"", 1);
    for (size_t i = 0; i < s.n; i++) {
        char escape[8];
        size_t n = json_escape((unsigned char)s.p[i], escape);
        if (n == 0)
            continue;
        buf_add(b, s.p + plain, i - plain);
        buf_add(b, escape, n);
        plain = i + 1;
    }
    if (s.n > plain)
        buf_add(b, s.p + plain, s.n - plain);
    buf_add(b, "\"", 1);
}
