/* Hexadecimal fields of fixed width, and a filling that shows where it was damaged. */
#include "tests/bench/payload.h"

#include <string.h>

enum { FILLING = '.' };

static void put_hex(char *out, int digits, uint64_t value)
{
    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
}

static bool get_hex(const char *text, int digits, uint64_t *out)
{
    uint64_t value = 0;
    for (int i = 0; i < digits; i++) {
        unsigned c = (unsigned char)text[i];
        unsigned digit = c - '0';
        if (digit > 9) {
            digit = c - 'a' + 10;
            if (digit < 10 || digit > 15)
                return false;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

void payload_write(char *out, size_t n, const struct payload *p)
{
    put_hex(out, 8, p->sender);
    put_hex(out + 8, 8, p->number);
    put_hex(out + 16, 16, p->at);
    memset(out + PAYLOAD_HEAD, FILLING, n - PAYLOAD_HEAD);
}

bool payload_read(const char *text, size_t n, struct payload *out)
{
    uint64_t sender, number;
    if (n < PAYLOAD_HEAD || (n > PAYLOAD_HEAD && (text[PAYLOAD_HEAD] != FILLING || text[n - 1] != FILLING)))
        return false;
    if (!get_hex(text, 8, &sender) || !get_hex(text + 8, 8, &number) || !get_hex(text + 16, 16, &out->at))
        return false;
    out->sender = (uint32_t)sender;
    out->number = (uint32_t)number;
    return true;
}
