/* Turns a list of arguments into a command in wire form, and error replies into reasons. */
#include "common/redis/wire.h"

const char *redis_reason_name(enum redis_reason r)
{
    static const char *const names[] = {"ok",      "connecting", "closed",   "refused", "auth",
                                        "timeout", "loading",    "readonly", "resolve", "busy",
                                        "oom",     "no_write",   "sentinel", "cluster"};
    return names[r];
}

static bool begins(struct str text, const char *with)
{
    size_t n = strlen(with);
    return text.n >= n && memcmp(text.p, with, n) == 0;
}

enum redis_reason wire_reason(struct str error)
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
        if (begins(error, table[i].prefix))
            return table[i].reason;
    return REDIS_OK;
}

enum redis_reason wire_refusal(struct str error)
{
    if (begins(error, "NOPERM "))
        return REDIS_AUTH;
    return begins(error, "BUSY ") ? REDIS_BUSY : wire_reason(error);
}

/* What a node of a cluster says of a slot that it does not serve. */
static bool is_elsewhere(struct str error)
{
    static const char *const begins[] = {"MOVED ", "ASK ", "TRYAGAIN ", "CLUSTERDOWN "};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (error.n >= strlen(begins[i]) && memcmp(error.p, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

enum redis_reason wire_no_write(struct str error)
{
    if (is_elsewhere(error))
        return REDIS_CLUSTER;
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
    char line[1 + STR_INT_BYTES + 2] = {mark};
    size_t end = 1 + str_from_int(line + 1, (int64_t)n);
    line[end++] = '\r';
    line[end++] = '\n';
    buf_add(out, line, end);
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
