/* The tests of json_test.c once more, on the scanner without SSE2. */
#define JSON_PORTABLE 1
#include "common/json.c"
#include "tests/unit/common/json_test.c"
