/* Answers and events as short text, for tests of the rules. */
#ifndef TESTS_LIB_FLEET_TEXT_H
#define TESTS_LIB_FLEET_TEXT_H

#include "common/buf.h"
#include "common/reply.h"

struct reply *fleet_text_copy(const struct reply *r); /* one block; free with mem_free */
/* As ASK of fleet_world.h says. */
void fleet_text_answer(struct buf *out, int err, const struct reply *r);
/* The same without short forms. */
void fleet_text_plain(struct buf *out, int err, const struct reply *r);
void fleet_text_event(struct buf *out, struct str json); /* "name#seq" or "name"; "?" if it is none */

/* printf into one of eight static texts of 4 KiB, used in turn. */
__attribute__((format(printf, 1, 2))) const char *fleet_text(const char *fmt, ...);

#endif
