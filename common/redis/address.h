/* Where Redis is and who we are there. */
#ifndef COMMON_REDIS_ADDRESS_H
#define COMMON_REDIS_ADDRESS_H

#include "common/str.h"

struct redis_address {
    char host[256]; /* or the socket's path with is_unix */
    int port;
    int db;
    char username[128], password[256];
    bool is_unix;
};
/* redis://[user][:password]@host[:port][/db] with percent-decoding, unix:///path[?db=n]; rediss:// is refused
 * here since this hiredis has no TLS. false: why (static text, no piece of the URL) names what is wrong, *out
 * is untouched. */
bool redis_address_parse(const char *url, struct redis_address *out, const char **why);

/* "host:port", "[::1]:port" or "unix:path" for logs; cut off if it does not fit. */
void redis_address_text(const struct redis_address *a, char *out, size_t size);

#endif
