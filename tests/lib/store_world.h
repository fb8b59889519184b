/* A store under a clock of the test's own, for tests that speak in commands and expected answers. */
#ifndef TESTS_LIB_STORE_WORLD_H
#define TESTS_LIB_STORE_WORLD_H

#include "common/buf.h"
#include "matchmaking/store.h"

struct store_world {
    struct store *store;
    uint64_t now_us;
    struct buf published; /* "channel=message;" for each PUBLISH */
};

/* cmocka's setup and teardown: *state is the world. Teardown fails when a block of memory is left. */
int store_world_open(void **state);
int store_world_close(void **state);

/* Runs one command (words separated by single blanks, '' is an empty word) as a unit of its own. */
void store_world_call(struct store_world *w, const char *line, struct answer *out);
/* ... and compares the rendered answer (tests/lib/render.h). */
void store_world_expect(struct store_world *w, const char *line, const char *expected);
/* For answers without an order, whose elements come in groups of `group`. */
void store_world_expect_sorted(struct store_world *w, const char *line, size_t group, const char *expected);

#endif
