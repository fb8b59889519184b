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

size_t str_from_int(char out[STR_INT_BYTES], int64_t value)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    char digits[STR_INT_BYTES], *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    for (; rest >= 10; rest /= 100)
        memcpy(at -= 2, pairs + 2 * (rest % 100), 2);
    if (rest > 0 || at == digits + sizeof digits)
        *--at = (char)('0' + rest);
    if (value < 0)
        *--at = '-';
    size_t n = (size_t)(digits + sizeof digits - at);
    memcpy(out, at, n);
    return n;
}

size_t str_utf8_next(struct str text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text.n == 0)
        return 0;
    unsigned char first = (unsigned char)text.p[0];
    size_t len = first < 0x80   ? 1
                 : first < 0xc2 ? 0
                 : first < 0xe0 ? 2
                 : first < 0xf0 ? 3
                 : first < 0xf5 ? 4
                                : 0;
    if (len == 0 || len > text.n)
        return 0;
    uint32_t value = len == 1 ? first : first & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (c & 0x3fU);
    }
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < least[len] || value > 0x10ffff || surrogate)
        return 0;
    *code = value;
    return len;
}

/* The first byte from p on that is not ASCII, or end. Nearly all text is ASCII. */
static const char *ascii_end(const char *p, const char *end)
{
    static const uint64_t not_ascii = UINT64_C(0x8080808080808080);
    uint64_t words[4];
    for (; end - p >= (ptrdiff_t)sizeof words; p += sizeof words) {
        memcpy(words, p, sizeof words);
        if ((words[0] | words[1] | words[2] | words[3]) & not_ascii)
            break;
    }
    for (; end - p >= (ptrdiff_t)sizeof *words; p += sizeof *words) {
        memcpy(words, p, sizeof *words);
        if (words[0] & not_ascii)
            break;
    }
    while (p < end && *(const signed char *)p >= 0)
        p++;
    return p;
}

bool str_is_utf8(struct str text)
{
    const char *p = text.p, *end = text.n ? text.p + text.n : text.p;
    while ((p = ascii_end(p, end)) < end) {
        uint32_t code;
        size_t n = str_utf8_next((struct str){p, (size_t)(end - p)}, &code);
        if (n == 0)
            return false;
        p += n;
    }
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
