/* Composing and recognising what a wire says; for wire_*.c. */
#ifndef TESTS_BENCH_WIRE_TEXT_H
#define TESTS_BENCH_WIRE_TEXT_H

#include <string.h>

#include "tests/bench/wire.h"

static inline char *wire_copy(char *at, const char *text, size_t n)
{
    memcpy(at, text, n);
    return at + n;
}
#define WIRE_COPY(at, literal) wire_copy(at, literal, sizeof(literal) - 1)

static inline bool wire_begins(const struct wire_heard *h, const char *literal)
{
    size_t n = strlen(literal);
    return h->n >= n && memcmp(h->text, literal, n) == 0;
}

/* matchgate's data of a gameMessage, the same in each of its dialects. */
static inline char *wire_copy_game_message(char *at, const struct wire_saying *s)
{
    at = WIRE_COPY(at, "{\"roomId\":\"");
    at = wire_copy(at, s->room, strlen(s->room));
    at = WIRE_COPY(at, "\",");
    if (s->is_volatile)
        at = WIRE_COPY(at, "\"volatile\":true,");
    if (s->echo)
        at = WIRE_COPY(at, "\"echo\":true,");
    at = WIRE_COPY(at, "\"message\":\"");
    at = wire_copy(at, s->payload, s->payload_n);
    return WIRE_COPY(at, "\"}");
}

#endif
