/* Identities: known answers, every refusal with its cause, and tokens cut short or changed by a bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "common/buf.h"
#include "gateway/auth.h"

#define NONE ((struct str){NULL, 0})
#define NOW_MS UINT64_C(1731000000000)
#define SECRET "a-secret-of-more-than-thirty-two-bytes!"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static struct auth_identity identity;

/* --- a second implementation, to sign test tokens: EVP_DigestSign instead of HMAC(), EVP_EncodeBlock for
 * base64 --- */

static void add_part(struct buf *b, const void *bytes, size_t n)
{
    unsigned char *text = malloc(n * 2 + 8);
    assert_non_null(text);
    int len = EVP_EncodeBlock(text, bytes, (int)n);
    while (len > 0 && text[len - 1] == '=')
        len--;
    for (int i = 0; i < len; i++)
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    buf_add(b, text, (size_t)len);
    free(text);
}

static void add_signature(struct buf *b, const char *secret)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t n = sizeof mac;
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, (const unsigned char *)secret, strlen(secret));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, mac, &n, (const unsigned char *)b->data, b->len), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    buf_add_text(b, ".");
    add_part(b, mac, n);
}

static struct buf token_of(const char *header, const char *payload, const char *secret)
{
    struct buf b = {0};
    add_part(&b, header, strlen(header));
    buf_add_text(&b, ".");
    add_part(&b, payload, strlen(payload));
    add_signature(&b, secret);
    return b;
}

/* The token in memory of exactly its size, so that the sanitizer sees a read behind it. */
static enum auth_result identify(struct str token, struct str player_id, const char *secret, uint64_t now_ms)
{
    char *exact = malloc(token.n ? token.n : 1);
    assert_non_null(exact);
    if (token.n > 0)
        memcpy(exact, token.p, token.n);
    memset(&identity, 0xee, sizeof identity);
    enum auth_result r =
        auth_identify((struct str){exact, token.n}, player_id, str_of(secret), now_ms, &identity);
    free(exact);
    return r;
}

static enum auth_result signed_with(const char *header, const char *payload)
{
    struct buf b = token_of(header, payload, SECRET);
    enum auth_result r = identify(buf_str(&b), NONE, SECRET, NOW_MS);
    buf_close(&b);
    return r;
}

static enum auth_result claims(const char *payload)
{
    return signed_with(HEADER, payload);
}

/* --- known answers --- */

/* RFC 7515, A.1: the signature holds, the claims name no subject; after 2011-03-22 it has expired. */
static void rfc7515_example(void **state)
{
    (void)state;
    static const unsigned char key[] = {3,   35,  53,  75,  43,  15,  165, 188, 131, 126, 6,   101, 119,
                                        123, 166, 143, 90,  179, 40,  230, 240, 84,  201, 40,  169, 15,
                                        132, 178, 210, 80,  46,  191, 211, 251, 90,  146, 210, 6,   71,
                                        239, 150, 138, 180, 195, 119, 98,  61,  34,  61,  46,  33,  114,
                                        5,   46,  79,  8,   192, 205, 154, 245, 103, 208, 128, 163};
    static const char token[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                                "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
                                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    struct str secret = {(const char *)key, sizeof key};
    const uint64_t exp_ms = 1300819380000;
    assert_int_equal(auth_identify(STR(token), NONE, secret, exp_ms - 1, &identity), AUTH_BAD_SUBJECT);
    assert_int_equal(auth_identify(STR(token), NONE, secret, exp_ms + 4999, &identity), AUTH_BAD_SUBJECT);
    assert_int_equal(auth_identify(STR(token), NONE, secret, exp_ms + 5000, &identity), AUTH_EXPIRED);
    secret.n--;
    assert_int_equal(auth_identify(STR(token), NONE, secret, exp_ms - 1, &identity), AUTH_BAD_SIGNATURE);
}

/* Made with `openssl dgst -sha256 -hmac` and coreutils' basenc. */
static void a_token_from_another_tool(void **state)
{
    (void)state;
    static const char token[] =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJleHAiOjE3MzEwMDM2MDB9.r-0_"
        "yIqXWmh0TeJnrwJo36vcoVTc3xufjorelHiLEUg";
    assert_int_equal(identify(STR(token), NONE, SECRET, NOW_MS), AUTH_OK);
    assert_string_equal(identity.player_id, "ann");
    assert_int_equal(identity.expires_at_ms, UINT64_C(1731003600000) + AUTH_LEEWAY_MS);
    assert_false(identity.is_development);
}

static void tokens_signed_here(void **state)
{
    (void)state;
    assert_int_equal(claims("{\"sub\":\"ann\"}"), AUTH_OK);
    assert_string_equal(identity.player_id, "ann");
    assert_int_equal(identity.expires_at_ms, 0);
    assert_false(identity.is_development);
    assert_int_equal(
        signed_with("{ \"kid\":\"k\",\n\"alg\" : \"HS256\" }", " {\"aud\":[1], \"sub\":\"b\\u006fb\"} "),
        AUTH_OK);
    assert_string_equal(identity.player_id, "bob");
}

/* --- what the claims may say --- */

static void times(void **state)
{
    (void)state;
    /* NOW_MS is 1731000000 s */
    assert_int_equal(claims("{\"sub\":\"a\",\"exp\":1731000000}"), AUTH_OK);
    assert_int_equal(identity.expires_at_ms, NOW_MS + 5000);
    assert_int_equal(claims("{\"sub\":\"a\",\"exp\":1730999996}"), AUTH_OK);
    assert_int_equal(claims("{\"sub\":\"a\",\"exp\":1730999995}"), AUTH_EXPIRED);
    assert_int_equal(claims("{\"sub\":\"a\",\"exp\":0}"), AUTH_EXPIRED);
    assert_int_equal(claims("{\"sub\":\"a\",\"exp\":253402300799}"), AUTH_OK);
    assert_int_equal(claims("{\"sub\":\"a\",\"nbf\":1731000000}"), AUTH_OK);
    assert_int_equal(claims("{\"sub\":\"a\",\"nbf\":1731000005}"), AUTH_OK);
    assert_int_equal(claims("{\"sub\":\"a\",\"nbf\":1731000006}"), AUTH_NOT_YET_VALID);
    assert_int_equal(claims("{\"sub\":\"a\",\"nbf\":0,\"iat\":99999999999}"), AUTH_OK);
    const char *const bad[] = {"\"exp\":\"1731003600\"",
                               "\"exp\":1731003600.5",
                               "\"exp\":1e12",
                               "\"exp\":-1",
                               "\"exp\":null",
                               "\"exp\":253402300800",
                               "\"exp\":1731003600,\"exp\":1731003600",
                               "\"nbf\":\"1\"",
                               "\"nbf\":1.5",
                               "\"nbf\":1,\"nbf\":1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char payload[128];
        snprintf(payload, sizeof payload, "{\"sub\":\"a\",%s}", bad[i]);
        assert_int_equal(claims(payload), AUTH_MALFORMED);
    }
}

static void subjects(void **state)
{
    (void)state;
    const char *const bad[] = {
        "{}",
        "{\"sub\":\"\"}",
        "{\"sub\":7}",
        "{\"sub\":null}",
        "{\"sub\":\"a b\"}",
        "{\"Sub\":\"a\"}",
        "{\"sub\":\"a\",\"sub\":\"b\"}",
        "{\"sub\":\"a\",\"s\\u0075b\":\"b\"}",
        "{\"sub\":\"a\\nb\"}",
        "{\"sub\":[\"a\"]}",
        "{\"sub\":\"0123456789012345678901234567890123456789012345678901234567890123x\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(claims(bad[i]), AUTH_BAD_SUBJECT);
    assert_int_equal(claims("{\"sub\":\"0123456789012345678901234567890123456789012345678901234567890123\"}"),
                     AUTH_OK);
}

static void payloads_that_are_no_json(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "null",
                               "[\"a\"]",
                               "{\"sub\":\"a\"",
                               "{\"sub\":\"a\"}x",
                               "{\"sub\":\"a\\u0000\"}",
                               "{\"sub\":\"a\",}",
                               "{'sub':'a'}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(claims(bad[i]), AUTH_MALFORMED);
}

/* --- what the header may say --- */

static void algorithms(void **state)
{
    (void)state;
    const char *const wrong[] = {"none", "None", "RS256", "HS384", "HS512", "ES256", "EdDSA", "hs256", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char header[64];
        snprintf(header, sizeof header, "{\"alg\":\"%s\"}", wrong[i]);
        assert_int_equal(signed_with(header, "{\"sub\":\"a\"}"), AUTH_WRONG_ALGORITHM);
    }
    const char *const bad[] = {"{}",
                               "{\"alg\":null}",
                               "{\"alg\":[\"HS256\"]}",
                               "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
                               "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
                               "{\"ALG\":\"HS256\"}",
                               "[]",
                               "HS256",
                               "{\"alg\":\"HS256\",\"crit\":1,\"crit\":2}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(signed_with(bad[i], "{\"sub\":\"a\"}"), AUTH_MALFORMED);
}

/* "none" with an empty signature, the classic. */
static void unsigned_tokens(void **state)
{
    (void)state;
    struct buf b = {0};
    add_part(&b, "{\"alg\":\"none\"}", 14);
    buf_add_text(&b, ".");
    add_part(&b, "{\"sub\":\"a\"}", 11);
    buf_add_text(&b, ".");
    assert_int_equal(identify(buf_str(&b), NONE, SECRET, NOW_MS), AUTH_MALFORMED);
    buf_add_text(&b, "AAAA");
    assert_int_equal(identify(buf_str(&b), NONE, SECRET, NOW_MS), AUTH_WRONG_ALGORITHM);
    buf_close(&b);
    b = token_of(HEADER, "{\"sub\":\"a\"}", "another secret");
    assert_int_equal(identify(buf_str(&b), NONE, SECRET, NOW_MS), AUTH_BAD_SIGNATURE);
    b.len -= 2; /* a shorter signature in good base64url: 42 letters, the last one made canonical */
    b.data[b.len++] = 'A';
    assert_int_equal(identify(buf_str(&b), NONE, SECRET, NOW_MS), AUTH_BAD_SIGNATURE);
    buf_add_text(&b, "AAAAAAAA");
    assert_int_equal(identify(buf_str(&b), NONE, SECRET, NOW_MS), AUTH_BAD_SIGNATURE);
    buf_close(&b);
}

/* --- form --- */

static void forms(void **state)
{
    (void)state;
    struct buf good = token_of(HEADER, "{\"sub\":\"a\"}", SECRET), b = {0};
    struct str text = buf_str(&good);
    assert_int_equal(identify(text, NONE, SECRET, NOW_MS), AUTH_OK);
    const char *const behind[] = {".", "=", " ", "\n", ".AAAA"};
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        buf_clear(&b);
        buf_add_str(&b, text);
        buf_add_text(&b, behind[i]);
        assert_int_equal(identify(buf_str(&b), NONE, SECRET, NOW_MS), AUTH_MALFORMED);
    }
    const char *const bad[] = {
        ".",         "..", "...", "a", "a.b", "a.b.c", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9..AA",
        "+/+/.AA.AA"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(identify(str_of(bad[i]), NONE, SECRET, NOW_MS), AUTH_MALFORMED);
    buf_close(&b);
    buf_close(&good);
}

/* The last letter of a 32-byte signature carries two bits that mean nothing: they must be zero. */
static void one_token_has_one_spelling(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct buf good = token_of(HEADER, "{\"sub\":\"a\"}", SECRET);
    char *last = &good.data[good.len - 1];
    ptrdiff_t value = strchr(letters, *last) - letters;
    assert_int_equal(value % 4, 0);
    for (ptrdiff_t stray = 1; stray < 4; stray++) {
        *last = letters[value + stray];
        assert_int_equal(identify(buf_str(&good), NONE, SECRET, NOW_MS), AUTH_MALFORMED);
    }
    buf_close(&good);
}

static void lengths(void **state)
{
    (void)state;
    /* header 36 letters, dot, payload, dot, signature 43: the payload's letters decide */
    for (size_t filling = 2900; filling < 3100; filling++) {
        char *payload = malloc(filling + 64);
        assert_non_null(payload);
        int head = sprintf(payload, "{\"sub\":\"a\",\"x\":\"");
        memset(payload + head, 'x', filling);
        strcpy(payload + head + filling, "\"}");
        struct buf b = token_of(HEADER, payload, SECRET);
        assert_int_equal(identify(buf_str(&b), NONE, SECRET, NOW_MS),
                         b.len <= AUTH_TOKEN_MAX ? AUTH_OK : AUTH_MALFORMED);
        buf_close(&b);
        free(payload);
    }
    char *huge = malloc(100000);
    assert_non_null(huge);
    memset(huge, 'A', 100000);
    huge[10] = huge[50000] = '.';
    assert_int_equal(identify((struct str){huge, 100000}, NONE, SECRET, NOW_MS), AUTH_MALFORMED);
    free(huge);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct buf good = token_of(HEADER, "{\"sub\":\"ann\",\"exp\":1731003600}", SECRET);
    for (size_t n = 0; n < good.len; n++) {
        enum auth_result r = identify((struct str){good.data, n}, NONE, SECRET, NOW_MS);
        assert_int_equal(r == AUTH_MISSING_TOKEN, n == 0);
        assert_int_not_equal(r, AUTH_OK);
    }
    buf_close(&good);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct buf good = token_of(HEADER, "{\"sub\":\"ann\",\"exp\":1731003600}", SECRET);
    size_t bad_signatures = 0;
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        good.data[bit / 8] = (char)(good.data[bit / 8] ^ (1 << bit % 8));
        enum auth_result r = identify(buf_str(&good), NONE, SECRET, NOW_MS);
        assert_true(r == AUTH_MALFORMED || r == AUTH_WRONG_ALGORITHM || r == AUTH_BAD_SIGNATURE);
        bad_signatures += r == AUTH_BAD_SIGNATURE;
        good.data[bit / 8] = (char)(good.data[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(bad_signatures > good.len); /* many changes are only caught by the signature */
    assert_int_equal(identify(buf_str(&good), NONE, SECRET, NOW_MS), AUTH_OK);
    buf_close(&good);
}

/* --- who vouches --- */

static void with_a_secret_the_player_id_counts_for_nothing(void **state)
{
    (void)state;
    struct buf b = token_of(HEADER, "{\"sub\":\"ann\"}", SECRET);
    assert_int_equal(identify(buf_str(&b), STR("ann"), SECRET, NOW_MS), AUTH_OK);
    assert_int_equal(identify(buf_str(&b), STR("bob"), SECRET, NOW_MS), AUTH_OK);
    assert_string_equal(identity.player_id, "ann");
    assert_int_equal(identify(buf_str(&b), STR("no id!"), SECRET, NOW_MS), AUTH_OK);
    assert_int_equal(identify(NONE, STR("ann"), SECRET, NOW_MS), AUTH_MISSING_TOKEN);
    buf_close(&b);
}

static void development_identity(void **state)
{
    (void)state;
    char first[ID_SIZE];
    assert_int_equal(identify(NONE, STR("ann"), NULL, NOW_MS), AUTH_OK);
    assert_string_equal(identity.player_id, "ann");
    assert_int_equal(identity.expires_at_ms, 0);
    assert_true(identity.is_development);
    assert_int_equal(identify(STR("not.a.token"), STR("ann"), "", NOW_MS), AUTH_OK); /* ignored */
    assert_int_equal(identify(NONE, STR("a b"), NULL, NOW_MS), AUTH_BAD_PLAYER_ID);
    assert_int_equal(identify(NONE, STR("a\n"), NULL, NOW_MS), AUTH_BAD_PLAYER_ID);
    char longest[ID_MAX + 2];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(identify(NONE, (struct str){longest, ID_MAX}, NULL, NOW_MS), AUTH_OK);
    assert_int_equal(identify(NONE, (struct str){longest, ID_MAX + 1}, NULL, NOW_MS), AUTH_BAD_PLAYER_ID);
    assert_int_equal(identify(NONE, NONE, NULL, NOW_MS), AUTH_OK);
    assert_memory_equal(identity.player_id, "p_", 2);
    assert_true(id_valid(str_of(identity.player_id)) && strlen(identity.player_id) > 20);
    strcpy(first, identity.player_id);
    assert_int_equal(identify(NONE, NONE, NULL, NOW_MS), AUTH_OK);
    assert_string_not_equal(identity.player_id, first);
}

static void results_have_words(void **state)
{
    (void)state;
    for (int r = AUTH_OK; r < AUTH_RESULT_COUNT; r++) {
        assert_true(strlen(auth_text((enum auth_result)r)) > 10);
        assert_true(strlen(auth_text((enum auth_result)r)) <= 123); /* fits a Close frame's reason */
        assert_int_equal(strcspn(auth_text((enum auth_result)r), "\"\\\n"),
                         strlen(auth_text((enum auth_result)r)));
        assert_true(strlen(auth_name((enum auth_result)r)) > 1);
        for (int other = AUTH_OK; other < r; other++) {
            assert_string_not_equal(auth_text((enum auth_result)r), auth_text((enum auth_result)other));
            assert_string_not_equal(auth_name((enum auth_result)r), auth_name((enum auth_result)other));
        }
        enum code expected = r == AUTH_OK              ? CODE_OK
                             : r == AUTH_BAD_PLAYER_ID ? CODE_BAD_REQUEST
                                                       : CODE_UNAUTHORIZED;
        assert_int_equal(auth_code((enum auth_result)r), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc7515_example),
        cmocka_unit_test(a_token_from_another_tool),
        cmocka_unit_test(tokens_signed_here),
        cmocka_unit_test(times),
        cmocka_unit_test(subjects),
        cmocka_unit_test(payloads_that_are_no_json),
        cmocka_unit_test(algorithms),
        cmocka_unit_test(unsigned_tokens),
        cmocka_unit_test(forms),
        cmocka_unit_test(one_token_has_one_spelling),
        cmocka_unit_test(lengths),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(with_a_secret_the_player_id_counts_for_nothing),
        cmocka_unit_test(development_identity),
        cmocka_unit_test(results_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
