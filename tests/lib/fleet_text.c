/* Copies answers and writes them down the way tests of the rules expect them. */
#include "tests/lib/fleet_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/events.h"

enum { ROOM_ID_BYTES = 24 }; /* "r_" and 22 characters */

/* How many nodes and bytes of text a tree has. */
static void measure(const struct reply *r, size_t *nodes, size_t *bytes)
{
    *nodes += 1;
    *bytes += r->str.n;
    for (size_t i = 0; i < r->count; i++)
        measure(&r->items[i], nodes, bytes);
}

struct copier {
    struct reply *nodes; /* the next free one */
    char *text;
};

static void copy_into(struct copier *c, struct reply *to, const struct reply *from)
{
    *to = *from;
    if (from->str.n) {
        memcpy(c->text, from->str.p, from->str.n);
        to->str.p = c->text;
        c->text += from->str.n;
    }
    struct reply *items = c->nodes;
    c->nodes += from->count;
    to->items = items;
    for (size_t i = 0; i < from->count; i++)
        copy_into(c, &items[i], &from->items[i]);
}

struct reply *fleet_text_copy(const struct reply *r)
{
    size_t nodes = 0, bytes = 0;
    measure(r, &nodes, &bytes);
    struct reply *root = mem_alloc(nodes * sizeof *root + bytes);
    struct copier c = {root + 1, (char *)(root + nodes)};
    copy_into(&c, root, r);
    return root;
}

void fleet_text_event(struct buf *out, struct str json)
{
    struct room_event e;
    const char *why;
    if (!events_parse(json, &e, &why)) {
        buf_add_text(out, "?");
        return;
    }
    buf_add_str(out, e.event);
    if (e.seq)
        buf_add_fmt(out, "#%lld", (long long)e.seq);
}

static bool begins(struct str text, const char *with)
{
    size_t n = strlen(with);
    return text.n >= n && memcmp(text.p, with, n) == 0;
}

static void add_text(struct buf *out, struct str text, bool brief)
{
    if (brief && text.n == ROOM_ID_BYTES && begins(text, "r_"))
        buf_add_text(out, "<room>");
    else if (brief && begins(text, "{\"roomId\":\"") && memmem(text.p, text.n, "\"event\":", 8))
        fleet_text_event(out, text);
    else
        buf_add_str(out, text);
}

static void add_value(struct buf *out, const struct reply *r, bool brief, bool inner)
{
    switch (r->type) {
    case REPLY_NIL:
        buf_add_text(out, "nil");
        break;
    case REPLY_INT:
        buf_add_int(out, r->integer);
        break;
    case REPLY_STR:
        add_text(out, r->str, brief);
        break;
    case REPLY_ERROR: {
        struct str rest = r->str;
        buf_add_text(out, "!");
        buf_add_str(out, str_cut(&rest, ' '));
        break;
    }
    case REPLY_ARRAY:
        buf_add_text(out, inner ? "[" : "");
        for (size_t i = 0; i < r->count; i++) {
            buf_add_text(out, i ? " " : "");
            add_value(out, &r->items[i], brief, true);
        }
        buf_add_text(out, inner ? "]" : "");
        break;
    }
}

static void add_answer(struct buf *out, int err, const struct reply *r, bool brief)
{
    buf_add_text(out, "");
    if (r)
        add_value(out, r, brief, false);
    else
        buf_add_fmt(out, "!%s", err_name(err));
}

void fleet_text_answer(struct buf *out, int err, const struct reply *r)
{
    add_answer(out, err, r, true);
}

void fleet_text_plain(struct buf *out, int err, const struct reply *r)
{
    add_answer(out, err, r, false);
}

const char *fleet_text(const char *fmt, ...)
{
    static char texts[8][4096];
    static unsigned turn;
    char *text = texts[turn++ % 8];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof texts[0], fmt, args);
    va_end(args);
    CHECK(n >= 0 && (size_t)n < sizeof texts[0]);
    return text;
}
