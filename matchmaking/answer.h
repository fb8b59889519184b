/* An answer under construction: what a store command or a script says, in the order in which it is said.
 *
 * Integers, texts and arrays are appended one after the other, an array as its length followed by its
 * elements. The same form serves three readers: Lua values for a script (lua_host), a `struct reply` for a
 * caller, and tests. Unlike `struct reply` it tells a status ("OK") from a text, because Lua does.
 *
 * An answer owns its bytes; whatever is appended is copied. */
#ifndef MATCHMAKING_ANSWER_H
#define MATCHMAKING_ANSWER_H

#include "common/buf.h"
#include "common/reply.h"

enum answer_type { ANSWER_NIL, ANSWER_INT, ANSWER_TEXT, ANSWER_STATUS, ANSWER_ERROR, ANSWER_ARRAY };

struct answer_item {
    enum answer_type type;
    int64_t integer;   /* ANSWER_INT */
    size_t at, length; /* TEXT, STATUS, ERROR: where in the text buffer; ARRAY: length = number of elements
                          that follow */
};

/* = {0} is an empty answer. */
struct answer {
    struct answer_item *items; /* owned */
    size_t count, cap;
    struct buf text;
};

void answer_close(struct answer *a);
void answer_clear(struct answer *a); /* keeps a moderate amount of memory for the next one */

void answer_nil(struct answer *a);
void answer_int(struct answer *a, int64_t value);
void answer_text(struct answer *a, struct str text);
void answer_double(struct answer *a, double value); /* as text, the way Redis prints a score */
void answer_status(struct answer *a, struct str text);
/* message begins with its code word: "ERR syntax error". Line ends become blanks. */
void answer_error(struct answer *a, struct str message);
/* The next `count` values appended are its elements. Returns a mark for answer_set_count. */
size_t answer_array(struct answer *a, size_t count);
void answer_set_count(struct answer *a, size_t mark,
                      size_t count); /* for an array whose length is known last */
void answer_append(struct answer *a,
                   const struct answer *other); /* everything that is in other, which stays as it is */

/* The text of a TEXT, STATUS or ERROR item. Borrowed until the next append. */
struct str answer_item_text(const struct answer *a, const struct answer_item *item);

/* The tree that callers of a back end read. The answer must be complete: one value. The result is one block,
 * to be freed with mem_free; its texts are borrowed from the answer. */
struct reply *answer_tree(const struct answer *a);

#endif
