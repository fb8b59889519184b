/* Decides who may do admin calls. */
#include "gateway/admin.h"

#include <openssl/crypto.h>

int admin_check(struct str authorization, const char *admin_token)
{
    static const char scheme[] = "Bearer ";
    struct str token = str_of(admin_token);
    if (token.n == 0)
        return 403;
    size_t skip = sizeof scheme - 1;
    if (authorization.n != skip + token.n || memcmp(authorization.p, scheme, skip) != 0)
        return 401;
    return CRYPTO_memcmp(authorization.p + skip, token.p, token.n) == 0 ? 200 : 401;
}
