/* Turns a list of arguments into a command in wire form, and hiredis' reply tree into ours. */
#include "common/mem.h"
#include "common/redis/wire.h"
#include <hiredis/hiredis.h>

static size_t count_below(const redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY)
        return 0;
    size_t n = r->elements;
    for (size_t i = 0; i < r->elements; i++)
        n += count_below(r->element[i]);
    return n;
}

/* Elements of one array stand side by side; what is below them follows from *next on. */
static void convert(const redisReply *r, struct reply *out, struct reply **next)
{
    switch (r->type) {
    case REDIS_REPLY_INTEGER:
        *out = (struct reply){.type = REPLY_INT, .integer = r->integer};
        break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        *out = (struct reply){.type = REPLY_STR, .str = {r->str, r->len}};
        break;
    case REDIS_REPLY_ERROR:
        *out = (struct reply){.type = REPLY_ERROR, .str = {r->str, r->len}};
        break;
    case REDIS_REPLY_ARRAY: {
        struct reply *items = *next;
        if (r->elements > 0)
            *next += r->elements;
        for (size_t i = 0; i < r->elements; i++)
            convert(r->element[i], &items[i], next);
        *out = (struct reply){.type = REPLY_ARRAY, .items = items, .count = r->elements};
        break;
    }
    default: /* a type of RESP3, which nobody asked for */
        *out = (struct reply){.type = REPLY_NIL};
    }
}

void wire_open(struct wire_reply *out, const struct redisReply *r)
{
    size_t n = count_below(r);
    out->nodes = n ? mem_alloc(n * sizeof *out->nodes) : NULL;
    struct reply *next = out->nodes;
    convert(r, &out->root, &next);
}

void wire_close(struct wire_reply *w)
{
    mem_free(w->nodes);
    w->nodes = NULL;
}

const char *redis_reason_name(enum redis_reason r)
{
    static const char *const names[] = {"ok",      "connecting", "closed",   "refused", "auth",
                                        "timeout", "loading",    "readonly", "resolve", "busy",
                                        "oom",     "no_write",   "sentinel"};
    return names[r];
}

enum redis_reason wire_reason(const char *error)
{
    static const struct {
        const char *prefix;
        enum redis_reason reason;
    } table[] = {
        {"NOAUTH ", REDIS_AUTH},         {"WRONGPASS ", REDIS_AUTH},
        {"LOADING ", REDIS_LOADING},     {"READONLY ", REDIS_READONLY},
        {"MASTERDOWN ", REDIS_READONLY}, {"ERR max number of clients ", REDIS_REFUSED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strncmp(error, table[i].prefix, strlen(table[i].prefix)) == 0)
            return table[i].reason;
    return REDIS_OK;
}

enum redis_reason wire_refusal(const char *error)
{
    if (strncmp(error, "NOPERM ", 7) == 0)
        return REDIS_AUTH;
    return strncmp(error, "BUSY ", 5) == 0 ? REDIS_BUSY : wire_reason(error);
}

enum redis_reason wire_no_write(struct str error)
{
    static const struct {
        const char *word;
        enum redis_reason reason;
    } table[] = {{"OOM ", REDIS_OOM},
                 {"BUSY ", REDIS_BUSY},
                 {"MISCONF ", REDIS_NO_WRITE},
                 {"NOREPLICAS ", REDIS_NO_WRITE}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (error.n > 0 && memmem(error.p, error.n, table[i].word, strlen(table[i].word)) != NULL)
            return table[i].reason;
    return REDIS_OK;
}

/* mark, the number and the end of the line. buf_add_fmt would do, at ten times the cost, for each argument
 * sent. */
static void add_header(struct buf *out, char mark, size_t n)
{
    char line[24];
    size_t at = sizeof line;
    line[--at] = '\n';
    line[--at] = '\r';
    do
        line[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    line[--at] = mark;
    buf_add(out, line + at, sizeof line - at);
}

void redis_format_begin(struct buf *out, size_t count)
{
    add_header(out, '*', count);
}

void redis_format_add(struct buf *out, const struct str *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_header(out, '$', args[i].n);
        buf_add(out, args[i].p, args[i].n);
        buf_add(out, "\r\n", 2);
    }
}

void redis_format(struct buf *out, const struct str *args, size_t count)
{
    redis_format_begin(out, count);
    redis_format_add(out, args, count);
}
