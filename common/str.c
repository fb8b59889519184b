/* What can be done with a borrowed piece of text: cut, read as a number, copy out. */
#include "common/str.h"

struct str str_cut(struct str *rest, char separator)
{
    const char *at = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    struct str head = *rest;
    if (at == NULL) {
        *rest = (struct str){NULL, 0};
        return head;
    }
    head.n = (size_t)(at - head.p);
    *rest = (struct str){at + 1, rest->n - head.n - 1};
    return head;
}

bool str_to_int(struct str text, int64_t *out)
{
    size_t i = text.n > 0 && text.p[0] == '-';
    bool minus = i == 1;
    /* Counted downwards, since INT64_MIN has no positive twin. */
    int64_t value = 0;
    if (i == text.n)
        return false;
    for (; i < text.n; i++) {
        int digit = text.p[i] - '0';
        if (digit < 0 || digit > 9)
            return false;
        if (value < INT64_MIN / 10 || value * 10 < INT64_MIN + digit)
            return false;
        value = value * 10 - digit;
    }
    if (!minus && value == INT64_MIN)
        return false;
    *out = minus ? value : -value;
    return true;
}

bool str_copy(char *dst, size_t size, struct str src)
{
    if (size == 0)
        return false;
    if (src.n >= size) {
        dst[0] = '\0';
        return false;
    }
    if (src.n > 0)
        memcpy(dst, src.p, src.n);
    dst[src.n] = '\0';
    return true;
}
