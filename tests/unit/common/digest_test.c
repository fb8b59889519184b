/* Known answers of the digest, one after the other from the same context. */
#include "common/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What is in the store must stay readable to the next version. */
static void known_answers(void **state)
{
    static const char a_million_a_s[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    enum { MILLION = 1000000 };
    char out[DIGEST_HEX_SIZE], *many = malloc(MILLION);
    struct digest *d = digest_new();
    (void)state;
    assert_non_null(many);
    memset(many, 'a', MILLION);
    for (int i = 0; i < 2; i++) {
        digest_hex(d, (struct str){0}, out);
        assert_string_equal(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        digest_hex(d, STR("abc"), out);
        assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        digest_hex(d, (struct str){many, MILLION}, out);
        assert_string_equal(out, a_million_a_s);
    }
    digest_free(d);
    digest_free(NULL);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
