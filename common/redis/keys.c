/* The table of Redis keys as data. */
#include "common/redis/keys.h"

const char *redis_key_pattern(enum redis_key key)
{
    static const char *const patterns[] = {
#define KEY(id, pattern, type, lifetime, what) pattern,
        REDIS_KEYS(KEY)
#undef KEY
    };
    return patterns[key];
}
