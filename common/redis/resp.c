/* Reads replies in wire form into the tree that callers know, borrowing all texts. */
#include "common/redis/resp.h"

#include "common/mem.h"

/* One reply is read in one go, from its first byte to its last; if some are missing it is read again when
 * they have come, and *bytes keeps that from being tried for each small piece of a large one. So there is no
 * state between two calls, and texts need not be copied: the caller keeps the bytes until he has seen the
 * reply.
 *
 * The elements of an array stand side by side in `nodes`, what is below them behind. If the nodes run out
 * their number is doubled and the reply read anew, since those read so far point at each other. What a server
 * announces is not believed before it is there: an array of a million elements gets nodes only when as many
 * bytes have come as it needs at least. */

enum { NODES_FIRST = 64, SHORT = 9, LINE_END = 2, ELEMENT_BYTES_MIN = 1 + LINE_END, TEXT_MAX = 512 << 20 };

enum said { GOOD, MORE, BROKEN, NO_NODES };

struct scan {
    const char *p, *end;
    size_t missing; /* with MORE: at least so many bytes behind end */
    struct resp *r;
    size_t used; /* nodes */
};

/* From p on `wanted` bytes are needed, and they are not all there. */
static enum said more(struct scan *s, size_t wanted)
{
    s->missing = wanted - (size_t)(s->end - s->p);
    return MORE;
}

static inline bool has(const struct scan *s, size_t wanted)
{
    return (size_t)(s->end - s->p) >= wanted;
}

/* The end of a line at p. */
static inline enum said line_end(struct scan *s)
{
    if (!has(s, LINE_END))
        return more(s, LINE_END);
    if (s->p[0] != '\r' || s->p[1] != '\n')
        return BROKEN;
    s->p += LINE_END;
    return GOOD;
}

static inline enum said number(struct scan *s, int64_t *out)
{
    const char *start = s->p;
    int64_t value = 0; /* nearly all are lengths, of one to three digits */
    while (s->end - s->p > LINE_END && s->p - start < SHORT && *s->p >= '0' && *s->p <= '9')
        value = value * 10 + (*s->p++ - '0');
    if (s->p > start && s->p[0] == '\r' && s->p[1] == '\n') {
        *out = value;
        s->p += LINE_END;
        return GOOD;
    }
    while (s->p < s->end && *s->p != '\r')
        s->p++;
    struct str digits = {start, (size_t)(s->p - start)};
    if (digits.n > STR_INT_BYTES)
        return BROKEN;
    if (s->p == s->end)
        return more(s, LINE_END);
    return str_to_int(digits, out) ? line_end(s) : BROKEN;
}

static inline enum said line(struct scan *s, enum reply_type type, struct reply *out)
{
    const char *start = s->p, *at = memchr(start, '\r', (size_t)(s->end - start));
    if (at == NULL)
        return more(s, (size_t)(s->end - start) + LINE_END);
    *out = (struct reply){.type = type, .str = {start, (size_t)(at - start)}};
    s->p = at;
    return line_end(s);
}

static inline enum said bulk(struct scan *s, struct reply *out)
{
    int64_t n;
    enum said said = number(s, &n);
    if (said != GOOD)
        return said;
    if (n < 0 || n > TEXT_MAX) {
        *out = (struct reply){.type = REPLY_NIL};
        return n == -1 ? GOOD : BROKEN;
    }
    if (!has(s, (size_t)n + LINE_END))
        return more(s, (size_t)n + LINE_END);
    *out = (struct reply){.type = REPLY_STR, .str = {s->p, (size_t)n}};
    s->p += n;
    return line_end(s);
}

static enum said value(struct scan *s, int depth, struct reply *out);

static enum said array(struct scan *s, int depth, struct reply *out)
{
    int64_t n;
    enum said said = number(s, &n);
    if (said != GOOD)
        return said;
    if (n < 0 || n > TEXT_MAX || depth > RESP_DEPTH_MAX) {
        *out = (struct reply){.type = REPLY_NIL};
        return n == -1 ? GOOD : BROKEN;
    }
    if (!has(s, (size_t)n * ELEMENT_BYTES_MIN))
        return more(s, (size_t)n * ELEMENT_BYTES_MIN);
    if (s->r->capacity - s->used < (size_t)n)
        return NO_NODES;
    struct reply *items = s->r->nodes + s->used;
    s->used += (size_t)n;
    for (int64_t i = 0; i < n && said == GOOD; i++)
        said = value(s, depth + 1, &items[i]);
    *out = (struct reply){.type = REPLY_ARRAY, .items = items, .count = (size_t)n};
    return said;
}

/* depth: of the arrays that begin here. */
static enum said value(struct scan *s, int depth, struct reply *out)
{
    if (s->p == s->end)
        return more(s, ELEMENT_BYTES_MIN);
    switch (*s->p++) {
    case '$':
        return bulk(s, out);
    case ':':
        *out = (struct reply){.type = REPLY_INT};
        return number(s, &out->integer);
    case '*':
        return array(s, depth, out);
    case '+':
        return line(s, REPLY_STR, out);
    case '-':
        return line(s, REPLY_ERROR, out);
    default:
        return BROKEN;
    }
}

static void grow(struct resp *r)
{
    r->capacity = r->capacity ? r->capacity * 2 : NODES_FIRST;
    r->nodes = mem_resize(r->nodes, r->capacity * sizeof *r->nodes);
}

enum resp_said resp_read(struct resp *r, struct str text, struct reply *out, size_t *bytes)
{
    for (;;) {
        struct scan s = {.p = text.p, .end = text.p + text.n, .r = r};
        switch (value(&s, 1, out)) {
        case GOOD:
            *bytes = (size_t)(s.p - text.p);
            return RESP_REPLY;
        case MORE:
            *bytes = text.n + s.missing;
            return RESP_MORE;
        case BROKEN:
            return RESP_BROKEN;
        case NO_NODES:
            grow(r);
        }
    }
}

void resp_close(struct resp *r)
{
    mem_free(r->nodes);
    *r = (struct resp){0};
}
