/* Reads and writes the lines of a config file. */
#include "common/conf_file.h"

#include <errno.h>
#include <stdio.h>

enum { FILE_MAX_BYTES = 1 << 20 };

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct str trim(struct str s)
{
    while (s.n > 0 && blank(s.p[0]))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n > 0 && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* What stands behind the '=': in quotes as it is, else up to a " #". */
static struct str value_in(struct str raw)
{
    struct str s = trim(raw);
    if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'')) {
        const char *end = memchr(s.p + 1, s.p[0], s.n - 1);
        if (end != NULL)
            return (struct str){s.p + 1, (size_t)(end - s.p - 1)};
    }
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '#' && (i == 0 || blank(s.p[i - 1])))
            s.n = i;
    return trim(s);
}

static bool read_all(const char *path, struct buf *out, char *err, size_t err_size)
{
    FILE *file = fopen(path, "re");
    char chunk[4096];
    size_t n;
    if (file == NULL) {
        (void)snprintf(err, err_size, "%s", strerror(errno));
        return false;
    }
    while (out->len <= FILE_MAX_BYTES && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(out, chunk, n);
    if (ferror(file)) /* a directory, for example */
        (void)snprintf(err, err_size, "%s", strerror(errno));
    else if (out->len > FILE_MAX_BYTES)
        (void)snprintf(err, err_size, "it is larger than 1 MiB");
    fclose(file);
    return err[0] == '\0';
}

bool conf_file_read(const char *path, conf_file_cb fn, void *arg, char *err, size_t err_size)
{
    struct buf all = {0};
    err[0] = '\0';
    bool ok = read_all(path, &all, err, err_size);
    struct str rest = buf_str(&all);
    for (unsigned number = 1; ok && rest.n > 0; number++) {
        struct str line = trim(str_cut(&rest, '\n'));
        if (line.n == 0 || line.p[0] == '#')
            continue;
        ok = memchr(line.p, '=', line.n) != NULL;
        if (!ok)
            (void)snprintf(err, err_size, "line %u: allowed is KEY=VALUE or # comment", number);
        struct str key = trim(str_cut(&line, '='));
        ok = ok && fn(arg, key, value_in(line), number);
    }
    buf_close(&all);
    return ok;
}

void conf_file_add(struct buf *out, const char *key, struct str value, struct str comment)
{
    bool quoted = value.n > 0 && !str_eq(value, value_in(value)); /* would be read back as something else */
    const char *quote = !quoted ? "" : memchr(value.p, '"', value.n) ? "'" : "\"";
    buf_add_fmt(out, "%s=%s", key, quote);
    buf_add_str(out, value);
    buf_add_fmt(out, "%s # ", quote);
    buf_add_str(out, comment);
    buf_add_text(out, "\n");
}
