/* SHA-256 with OpenSSL's context kept between uses. */
#include "common/digest.h"

#include <openssl/evp.h>

#include "common/err.h"
#include "common/mem.h"

struct digest {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

struct digest *digest_new(void)
{
    struct digest *d = mem_alloc(sizeof *d);
    d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    d->context = EVP_MD_CTX_new();
    CHECK(d->sha256 != NULL && d->context != NULL);
    return d;
}

void digest_free(struct digest *d)
{
    if (d == NULL)
        return;
    EVP_MD_CTX_free(d->context);
    EVP_MD_free(d->sha256);
    mem_free(d);
}

void digest_hex(struct digest *d, struct str text, char out[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;
    CHECK(EVP_DigestInit_ex(d->context, d->sha256, NULL) == 1 &&
          EVP_DigestUpdate(d->context, text.p, text.n) == 1 &&
          EVP_DigestFinal_ex(d->context, sum, &bytes) == 1 && bytes == 32);
    for (unsigned i = 0; i < bytes; i++) {
        *out++ = digits[sum[i] >> 4];
        *out++ = digits[sum[i] & 15];
    }
    *out = '\0';
}
