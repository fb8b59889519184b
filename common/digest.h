/* SHA-256, many times over: what makes one slow in OpenSSL 3 is looking up the algorithm, done here once. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include "common/str.h"

enum { DIGEST_HEX_SIZE = 65 /* with NUL */ };

struct digest;

struct digest *digest_new(void);
void digest_free(struct digest *d); /* NULL is fine */
/* The SHA-256 of text in lower-case hex. Keeps nothing of it. */
void digest_hex(struct digest *d, struct str text, char out[DIGEST_HEX_SIZE]);

#endif
