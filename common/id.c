/* Makes and judges identifiers.
 *
 * Randomness comes from the kernel (getrandom): a system call costs less than OpenSSL's generator, whatever
 * it is asked for, and there is nothing to keep, to wipe, or to empty in a child process. */
#include "common/id.h"

#include "common/clock.h"
#include "common/err.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum { RANDOM_DIGITS = 22, BASE = 62, DRAWN_BYTES = 32 /* nearly always enough for so many digits */ };

bool id_valid(struct str text)
{
    static const bool allowed[256] = {
        ['-'] = 1, ['.'] = 1, [':'] = 1, ['_'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
    };
    if (text.n < 1 || text.n > ID_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (!allowed[(unsigned char)text.p[i]])
            return false;
    return true;
}

static void draw(void *out, size_t bytes)
{
    ssize_t n; /* so few bytes come all at once or, before the kernel has any, not at all */
    do
        n = getrandom(out, bytes, 0);
    while (n < 0 && errno == EINTR);
    CHECK(n == (ssize_t)bytes);
}

void id_random(char out[ID_SIZE], const char *prefix)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t at = strlen(prefix), end = at + RANDOM_DIGITS;
    CHECK(at <= 8);
    memcpy(out, prefix, at);
    while (at < end) {
        unsigned char drawn[DRAWN_BYTES];
        draw(drawn, sizeof drawn);
        for (size_t i = 0; i < sizeof drawn && at < end; i++)
            if (drawn[i] < 4 * BASE) /* the rest would make some digits likelier */
                out[at++] = digits[drawn[i] % BASE];
        explicit_bzero(drawn, sizeof drawn);
    }
    out[end] = '\0';
}

void id_time(char out[ID_TIME_DIGITS + 1], uint64_t ms)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (size_t i = ID_TIME_DIGITS; i > 0; i--, ms /= sizeof digits - 1)
        out[i - 1] = digits[ms % (sizeof digits - 1)];
    out[ID_TIME_DIGITS] = '\0';
}

void id_timed(char out[ID_SIZE], const char *prefix, uint64_t ms)
{
    char time[ID_TIME_DIGITS + 1];
    id_random(out, prefix);
    id_time(time, ms);
    memcpy(out + strlen(prefix), time, ID_TIME_DIGITS);
}

void id_instance(char out[ID_SIZE])
{
    uint64_t random;
    draw(&random, sizeof random);
    snprintf(out, ID_SIZE, "%ld-%" PRIu64 "%06u", (long)getpid(), clock_wall_ms(),
             (unsigned)(random % 1000000));
}
