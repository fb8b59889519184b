/* Makes and judges identifiers. */
#include "common/id.h"

#include "common/clock.h"
#include "common/err.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <unistd.h>

enum { RANDOM_DIGITS = 22, BASE = 62 };

/* A bit per ASCII character: . - 0-9 :, A-Z _, a-z. */
static bool allowed(unsigned char c)
{
    static const uint64_t letters[4] = {UINT64_C(0x07ff600000000000), UINT64_C(0x07fffffe87fffffe), 0, 0};
    return letters[c >> 6] >> (c & 63) & 1;
}

bool id_valid(struct str text)
{
    bool good = text.n >= 1 && text.n <= ID_MAX;
    for (size_t i = 0; good && i < text.n; i++)
        good = allowed((unsigned char)text.p[i]);
    return good;
}

void id_random(char out[ID_SIZE], const char *prefix)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t at = strlen(prefix), end = at + RANDOM_DIGITS;
    CHECK(at <= 8);
    memcpy(out, prefix, at);
    while (at < end) {
        unsigned char bytes[32];
        CHECK(RAND_bytes(bytes, sizeof bytes) == 1);
        for (size_t i = 0; i < sizeof bytes && at < end; i++)
            if (bytes[i] < 4 * BASE) /* the rest would make some digits likelier */
                out[at++] = digits[bytes[i] % BASE];
    }
    out[end] = '\0';
}

void id_instance(char out[ID_SIZE])
{
    uint64_t random;
    CHECK(RAND_bytes((unsigned char *)&random, sizeof random) == 1);
    snprintf(out, ID_SIZE, "%ld-%" PRIu64 "%06u", (long)getpid(), clock_wall_ms(),
             (unsigned)(random % 1000000));
}
