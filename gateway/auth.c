/* Verifies a client's token, or makes a development identity.
 *
 * A token passes four gates in this order, and nothing behind a gate is looked at before it is open:
 *   form       three base64url parts, canonical (no padding, no line breaks, no stray bits in the last
 * letter), so that one token has one spelling; header     strict JSON that says alg HS256; `crit` names
 * extensions we would have to understand, so it refuses; signature  HMAC-SHA256 over the first two parts
 * exactly as they came, compared in constant time; claims     strict JSON; exp, nbf, sub. Claims are read
 * only once the signature vouches for them. The header chooses nothing: there is one algorithm and one key,
 * so "none" or a public key used as an HMAC secret have nothing to aim at.
 *
 * What can fail: only the client's token; each cause has its own result and sentence. OpenSSL failing to
 * compute an HMAC is a bug (CHECK). All buffers are on the stack: the token is bounded before anything is
 * decoded. */
#include "gateway/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/err.h"
#include "common/json.h"

enum { PART_MAX = AUTH_TOKEN_MAX / 4 * 3, SIGNATURE_BYTES = 32 };
static const int64_t SECONDS_MAX =
    253402300799; /* the end of the year 9999: keeps the product with 1000 small */

static const struct {
    const char *name, *text;
    enum code code;
} results[AUTH_RESULT_COUNT] = {
    [AUTH_OK] = {"ok", "The identity is accepted.", CODE_OK},
    [AUTH_MISSING_TOKEN] =
        {"missing_token",
         "This server wants a signed token (playerId counts in development only): connect with "
         "?token= or send it in hello.",
         CODE_UNAUTHORIZED},
    [AUTH_MALFORMED] = {"malformed",
                        "The token is no JSON Web Token (compact, at most 4096 bytes, exp and nbf in whole "
                        "seconds); send it as issued.",
                        CODE_UNAUTHORIZED},
    [AUTH_WRONG_ALGORITHM] = {"wrong_algorithm",
                              "The token is not signed with HS256; have it issued with HS256.",
                              CODE_UNAUTHORIZED},
    [AUTH_BAD_SIGNATURE] = {"bad_signature",
                            "The token's signature does not match; get a new token from its issuer.",
                            CODE_UNAUTHORIZED},
    [AUTH_EXPIRED] = {"expired", "The token has expired; get a new one and connect again.",
                      CODE_UNAUTHORIZED},
    [AUTH_NOT_YET_VALID] = {"not_yet_valid", "The token is not valid yet (nbf); check the issuer's clock.",
                            CODE_UNAUTHORIZED},
    [AUTH_BAD_SUBJECT] = {"bad_subject",
                          "The token's sub must be the player id: 1-64 characters of A-Z a-z 0-9 _ . : -",
                          CODE_UNAUTHORIZED},
    [AUTH_BAD_PLAYER_ID] = {"bad_player_id", "playerId must be 1-64 characters of A-Z a-z 0-9 _ . : -",
                            CODE_BAD_REQUEST},
};

const char *auth_text(enum auth_result r)
{
    CHECK((unsigned)r < AUTH_RESULT_COUNT);
    return results[r].text;
}

const char *auth_name(enum auth_result r)
{
    CHECK((unsigned)r < AUTH_RESULT_COUNT);
    return results[r].name;
}

enum code auth_code(enum auth_result r)
{
    CHECK((unsigned)r < AUTH_RESULT_COUNT);
    return results[r].code;
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* RFC 4648 5 without padding, canonical. false: not that, or more than PART_MAX bytes. */
static bool base64url(struct str text, unsigned char out[PART_MAX], size_t *n)
{
    unsigned pending = 0, bits = 0;
    *n = 0;
    if (text.n % 4 == 1)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        int value = sextet(text.p[i]);
        if (value < 0)
            return false;
        pending = pending << 6 | (unsigned)value;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (*n == PART_MAX)
            return false;
        out[(*n)++] = (unsigned char)(pending >> bits);
        pending &= (1U << bits) - 1;
    }
    return pending == 0;
}

/* A part's bytes as a JSON object; `bytes` must outlive `out`. */
static bool part_object(struct str part, unsigned char bytes[PART_MAX], struct json_object *out)
{
    const char *why;
    size_t n;
    return base64url(part, bytes, &n) && json_object_scan((struct str){(const char *)bytes, n}, out, &why);
}

static enum auth_result check_header(struct str part)
{
    unsigned char bytes[PART_MAX];
    struct json_object header;
    struct str alg;
    bool twice = false, crit_twice = false;
    if (!part_object(part, bytes, &header))
        return AUTH_MALFORMED;
    struct json_value value = json_get(&header, "alg", &twice);
    if (twice || !json_as_plain(value, &alg))
        return AUTH_MALFORMED;
    if (!str_eq(alg, STR("HS256")))
        return AUTH_WRONG_ALGORITHM;
    if (json_get(&header, "crit", &crit_twice).type != JSON_NONE || crit_twice)
        return AUTH_MALFORMED;
    return AUTH_OK;
}

static enum auth_result check_signature(struct str signed_part, struct str signature, struct str secret)
{
    unsigned char given[PART_MAX], right[EVP_MAX_MD_SIZE];
    unsigned right_n = 0;
    size_t given_n;
    if (!base64url(signature, given, &given_n))
        return AUTH_MALFORMED;
    CHECK(secret.n <= INT32_MAX);
    CHECK(HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)signed_part.p, signed_part.n,
               right, &right_n) != NULL &&
          right_n == SIGNATURE_BYTES);
    if (given_n != SIGNATURE_BYTES || CRYPTO_memcmp(given, right, SIGNATURE_BYTES) != 0)
        return AUTH_BAD_SIGNATURE;
    return AUTH_OK;
}

/* A NumericDate in whole seconds as ms; absent_ms if it is not there. false: there, but not such a number. */
static bool claim_time(const struct json_object *claims, const char *key, uint64_t absent_ms,
                       uint64_t *out_ms)
{
    bool twice = false;
    int64_t seconds = 0;
    struct json_value value = json_get(claims, key, &twice);
    *out_ms = absent_ms;
    if (value.type == JSON_NONE)
        return !twice;
    if (!json_as_int(value, 0, SECONDS_MAX, &seconds))
        return false;
    *out_ms = (uint64_t)seconds * 1000;
    return true;
}

static enum auth_result check_claims(struct str part, uint64_t now_ms, struct auth_identity *out)
{
    unsigned char bytes[PART_MAX];
    struct json_object claims;
    struct auth_identity found = {.is_development = false};
    uint64_t exp_ms, nbf_ms;
    bool twice = false;
    size_t n;
    if (!part_object(part, bytes, &claims) || !claim_time(&claims, "exp", UINT64_MAX, &exp_ms) ||
        !claim_time(&claims, "nbf", 0, &nbf_ms))
        return AUTH_MALFORMED;
    if (exp_ms != UINT64_MAX) {
        found.expires_at_ms = exp_ms + AUTH_LEEWAY_MS;
        if (now_ms >= found.expires_at_ms)
            return AUTH_EXPIRED;
    }
    if (nbf_ms > now_ms + AUTH_LEEWAY_MS)
        return AUTH_NOT_YET_VALID;
    struct json_value sub = json_get(&claims, "sub", &twice);
    if (!json_as_text(sub, found.player_id, sizeof found.player_id, &n) ||
        !id_valid((struct str){found.player_id, n}))
        return AUTH_BAD_SUBJECT;
    *out = found;
    return AUTH_OK;
}

static enum auth_result check_token(struct str token, struct str secret, uint64_t now_ms,
                                    struct auth_identity *out)
{
    struct str rest = token;
    struct str header = str_cut(&rest, '.');
    struct str claims = str_cut(&rest, '.');
    /* rest.p is NULL without a second dot; a third one is no letter of base64url. */
    if (token.n > AUTH_TOKEN_MAX || rest.p == NULL || header.n == 0 || claims.n == 0 || rest.n == 0)
        return AUTH_MALFORMED;
    enum auth_result r = check_header(header);
    if (r == AUTH_OK)
        r = check_signature((struct str){token.p, header.n + 1 + claims.n}, rest, secret);
    if (r == AUTH_OK)
        r = check_claims(claims, now_ms, out);
    return r;
}

static enum auth_result development(struct str player_id, struct auth_identity *out)
{
    struct auth_identity found = {.is_development = true};
    if (player_id.n == 0)
        id_random(found.player_id, "p_");
    else if (!id_valid(player_id) || !str_copy(found.player_id, sizeof found.player_id, player_id))
        return AUTH_BAD_PLAYER_ID;
    *out = found;
    return AUTH_OK;
}

enum auth_result auth_identify(struct str token, struct str player_id, struct str secret, uint64_t now_ms,
                               struct auth_identity *out)
{
    if (secret.n == 0)
        return development(player_id, out);
    if (token.n == 0)
        return AUTH_MISSING_TOKEN;
    return check_token(token, secret, now_ms, out);
}
