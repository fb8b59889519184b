/* Makes and judges identifiers.
 *
 * A call of OpenSSL's generator costs 7,000 instructions whatever it is asked for, and a client who connects
 * gets three ids. So its bytes are drawn in bulk. Each is used once and wiped as it is taken: the pool never
 * tells an id that was given out. A child process begins with an empty pool, lest it give out the ids of its
 * parent. */
#include "common/id.h"

#include "common/clock.h"
#include "common/err.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { RANDOM_DIGITS = 22, BASE = 62, POOL_BYTES = 2048 };

static struct { /* the process's, like the generator behind it */
    unsigned char bytes[POOL_BYTES];
    size_t left; /* the first so many are unused */
    bool watched;
} pool;

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

static void empty_pool(void)
{
    OPENSSL_cleanse(pool.bytes, sizeof pool.bytes);
    pool.left = 0;
}

static void fill_pool(void)
{
    if (!pool.watched)
        CHECK(pthread_atfork(NULL, NULL, empty_pool) == 0);
    pool.watched = true;
    CHECK(RAND_bytes(pool.bytes, sizeof pool.bytes) == 1);
    pool.left = sizeof pool.bytes;
}

static unsigned char random_byte(void)
{
    if (pool.left == 0)
        fill_pool();
    volatile unsigned char *at = &pool.bytes[--pool.left]; /* or the compiler may leave out the wiping */
    unsigned char byte = *at;
    *at = 0;
    return byte;
}

void id_random(char out[ID_SIZE], const char *prefix)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t at = strlen(prefix), end = at + RANDOM_DIGITS;
    CHECK(at <= 8);
    memcpy(out, prefix, at);
    while (at < end) {
        unsigned char byte = random_byte();
        if (byte < 4 * BASE) /* the rest would make some digits likelier */
            out[at++] = digits[byte % BASE];
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
