/* Renders replies as text. */
#include "tests/lib/render.h"

#include "common/mem.h"

#include <stdlib.h>

static void render_text(struct buf *out, struct str text)
{
    buf_add_text(out, "\"");
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= ' ' && c < 127 && c != '"' && c != '\\')
            buf_add(out, &c, 1);
        else
            buf_add_fmt(out, "\\x%02x", c);
    }
    buf_add_text(out, "\"");
}

void render_reply(struct buf *out, const struct reply *r)
{
    switch (r->type) {
    case REPLY_NIL:
        buf_add_text(out, "nil");
        break;
    case REPLY_INT:
        buf_add_int(out, r->integer);
        break;
    case REPLY_STR:
        render_text(out, r->str);
        break;
    case REPLY_ERROR:
        buf_add_str(out, r->str);
        break;
    case REPLY_ARRAY:
        buf_add_text(out, "[");
        for (size_t i = 0; i < r->count; i++) {
            buf_add_text(out, i ? ", " : "");
            render_reply(out, &r->items[i]);
        }
        buf_add_text(out, "]");
        break;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct buf *)a)->data, ((const struct buf *)b)->data);
}

void render_sorted(struct buf *out, const struct reply *r, size_t group)
{
    if (r->type != REPLY_ARRAY || r->count % group != 0) {
        render_reply(out, r);
        return;
    }
    size_t groups = r->count / group;
    struct buf *lines = mem_alloc((groups + 1) * sizeof *lines);
    for (size_t i = 0; i < r->count; i++) {
        struct buf *line = &lines[i / group];
        buf_add_text(line, i % group ? "=" : "");
        render_reply(line, &r->items[i]);
    }
    qsort(lines, groups, sizeof *lines, by_text);
    buf_add_text(out, "{");
    for (size_t i = 0; i < groups; i++) {
        buf_add_text(out, i ? ", " : "");
        buf_add_str(out, buf_str(&lines[i]));
        buf_close(&lines[i]);
    }
    buf_add_text(out, "}");
    mem_free(lines);
}
