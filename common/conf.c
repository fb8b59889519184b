/* Finds the value of every setting in flags, environment, file and defaults, checks it and stores it.
 *
 * Every text found is offered to its setting together with the place it comes from; the offer from the
 * highest place is kept, whatever the order of reading. Only what was kept in the end is checked and
 * converted: a wrong value that something better overrules does no harm. Flags are read first, since they may
 * name the file.
 *
 * What can fail: a flag or key nobody knows, a value that is not allowed, a file that cannot be read. Then
 * conf_load gives up with one line for the operator. Secrets and passwords in URLs never get into that line.
 */
#include "common/conf.h"

#include "common/conf_file.h"
#include "common/err.h"
#include "common/mem.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { FLAG_MAX = 64, SHOWN_MAX_BYTES = 100 };
static const char mask[] = "********";

enum place { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

struct value {
    const char *text; /* NULL: not set; owned by the conf or borrowed from the table */
    enum place place;
    unsigned line;        /* FROM_FILE */
    int rank;             /* of given_as: 0 the name, 1 the first alias, ... */
    const char *given_as; /* name, alias or flag, as the operator wrote it */
};

struct conf {
    const struct conf_setting *table;
    size_t count;
    struct value *values; /* one per row of the table */
    enum conf_action action;
    const char *path, *path_source; /* of the config file; NULL: none */
    char **owned;                   /* every text copied */
    size_t owned_count;
    char *err;
    size_t err_size;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct conf *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->err, c->err_size, fmt, args);
    va_end(args);
    return false;
}

static const char *own(struct conf *c, struct str text)
{
    c->owned = mem_resize(c->owned, (c->owned_count + 1) * sizeof *c->owned);
    return c->owned[c->owned_count++] = mem_copy(text.p, text.n);
}

/* Where word stands in a list like "debug|info", -1 if it does not; case does not count. */
static int position(const char *list, char separator, struct str word)
{
    struct str rest = str_of(list);
    for (int i = 0; rest.n > 0; i++) {
        struct str item = str_cut(&rest, separator);
        if (item.n == word.n && strncasecmp(item.p, word.p, word.n) == 0)
            return i;
    }
    return -1;
}

/* "REDIS_URL" becomes "redis-url". */
static void flag_of(const char *name, char out[FLAG_MAX])
{
    size_t i = 0;
    for (; name[i] != '\0' && i < FLAG_MAX - 1; i++)
        out[i] = (char)(name[i] == '_' ? '-' : tolower((unsigned char)name[i]));
    out[i] = '\0';
}

/* Showing values
 * ------------------------------------------------------------------------------------------------ */

/* The password of scheme://user:password@host; empty if there is none. */
static struct str url_password(struct str text)
{
    struct str none = {NULL, 0};
    const char *start = text.n ? memmem(text.p, text.n, "://", 3) : NULL;
    if (start == NULL)
        return none;
    const char *end = text.p + text.n;
    start += 3;
    const char *at = memrchr(start, '@', (size_t)(end - start));
    const char *colon = at != NULL ? memchr(start, ':', (size_t)(at - start)) : NULL;
    return colon != NULL ? (struct str){colon + 1, (size_t)(at - colon - 1)} : none;
}

/* The value as people may see it: no secrets, and no control characters. */
static void add_masked(struct buf *out, const struct conf_setting *s, const char *text)
{
    struct str all = str_of(text), password = url_password(all);
    size_t from = out->len;
    if (s->secret && all.n > 0)
        buf_add_text(out, mask);
    else if (password.n == 0)
        buf_add_str(out, all);
    else {
        const char *behind = password.p + password.n;
        buf_add(out, all.p, (size_t)(password.p - all.p));
        buf_add_text(out, mask);
        buf_add_text(out, behind);
    }
    for (size_t i = from; i < out->len; i++)
        if ((unsigned char)out->data[i] < ' ' || out->data[i] == 0x7f)
            out->data[i] = '?';
}

static void add_source(struct buf *out, const struct conf *c, const struct value *v)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};
    buf_add_text(out, names[v->place]);
    if (v->place == FROM_FILE)
        buf_add_fmt(out, " %s line %u", c->path, v->line);
    if (v->place == FROM_FLAG)
        buf_add_fmt(out, " --%s", v->given_as);
    else if (v->place != FROM_DEFAULT && v->rank > 0)
        buf_add_fmt(out, ", as %s", v->given_as);
}

static void add_allowed(struct buf *out, const struct conf_setting *s)
{
    struct str rest = str_of(s->choices);
    if (s->type == CONF_INT)
        buf_add_fmt(out, "a whole number from %" PRId64 " to %" PRId64 "%s%s", s->min, s->max,
                    s->zero ? ", or " : "", s->zero ? s->zero : "");
    else if (s->type == CONF_BOOL)
        buf_add_text(out, "true or false");
    else if (s->type == CONF_STRING && s->max > 0)
        buf_add_fmt(out, "text of %" PRId64 " to %" PRId64 " bytes", s->min, s->max);
    else if (s->type == CONF_STRING)
        buf_add_text(out, "text without control characters");
    while (s->type == CONF_ENUM && rest.n > 0) {
        buf_add_str(out, str_cut(&rest, '|'));
        buf_add_text(out, rest.n > 0 ? ", " : "");
    }
    if (s->unit != NULL)
        buf_add_fmt(out, " (%s)", s->unit);
}

/* NAME=value (source): allowed is ... */
static void explain(const struct conf *c, size_t i, const char *allowed, char *err, size_t err_size)
{
    struct buf line = {0};
    buf_add_fmt(&line, "%s=", c->table[i].name);
    size_t from = line.len;
    add_masked(&line, &c->table[i], c->values[i].text);
    if (line.len - from > SHOWN_MAX_BYTES) {
        line.len = from + SHOWN_MAX_BYTES;
        buf_add_text(&line, "...");
    }
    buf_add_text(&line, " (");
    add_source(&line, c, &c->values[i]);
    buf_add_fmt(&line, "): allowed is %s", allowed);
    (void)snprintf(err, err_size, "%s", line.data);
    buf_close(&line);
}

/* Collecting
 * ---------------------------------------------------------------------------------------------------- */

/* The row that has this name or alias; *rank tells which. c->count if there is none. */
static size_t row_named(const struct conf *c, struct str name, int *rank)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct conf_setting *s = &c->table[i];
        if (s->name == NULL)
            continue;
        *rank = str_eq(name, str_of(s->name)) ? 0 : 1 + position(s->aliases, ' ', name);
        if (*rank > 0 || str_eq(name, str_of(s->name)))
            return i;
    }
    return c->count;
}

static size_t row_of_flag(const struct conf *c, struct str flag)
{
    for (size_t i = 0; i < c->count; i++) {
        char derived[FLAG_MAX];
        if (c->table[i].name == NULL)
            continue;
        flag_of(c->table[i].name, derived);
        if (str_eq(flag, str_of(derived)) || position(c->table[i].flags, ' ', flag) >= 0)
            return i;
    }
    return c->count;
}

/* Keeps the offer unless something at least as good is there. Flags: the later one is better. */
static void offer(struct conf *c, size_t i, struct value offered)
{
    struct value *kept = &c->values[i];
    bool better = offered.place > kept->place || (offered.place == kept->place && offered.rank < kept->rank);
    if (better || (offered.place == FROM_FLAG && kept->place == FROM_FLAG))
        *kept = offered;
}

static bool to_bool(struct str text, bool *out)
{
    int at = position("true|false|yes|no|on|off|1|0", '|', text);
    *out = at % 2 == 0;
    return at >= 0;
}

/* The words that the program knows besides the table. true: it was one. */
static bool take_action(struct conf *c, struct str flag)
{
    if (str_eq(flag, STR("--help")) || str_eq(flag, STR("-h")))
        c->action = CONF_HELP;
    else if (str_eq(flag, STR("--version")))
        c->action = CONF_VERSION;
    else if (str_eq(flag, STR("--print-config")))
        c->action = CONF_PRINT;
    else
        return false;
    return true;
}

/* argv[*at] is a flag with a value: leaves *at on the last word used. */
static bool take_flag(struct conf *c, int argc, char *const argv[], int *at)
{
    struct str value = str_of(argv[*at]), flag = str_cut(&value, '=');
    bool has_value = flag.n < strlen(argv[*at]), ignored;
    if (flag.n <= 2 || memcmp(flag.p, "--", 2) != 0)
        return fail(c, "unexpected argument %s (see --help)", argv[*at]);
    flag = (struct str){flag.p + 2, flag.n - 2};
    bool is_config = str_eq(flag, STR("config"));
    size_t i = row_of_flag(c, flag);
    if (!is_config && i == c->count)
        return fail(c, "unknown flag --%.*s (see --help)", (int)flag.n, flag.p);
    if (!has_value) {
        bool alone = !is_config && c->table[i].type == CONF_BOOL;
        struct str next = str_of(*at + 1 < argc ? argv[*at + 1] : NULL);
        bool usable = alone ? to_bool(next, &ignored) : next.p != NULL && strncmp(next.p, "--", 2) != 0;
        if (!usable && !alone)
            return fail(c, "flag --%.*s needs a value (see --help)", (int)flag.n, flag.p);
        value = usable ? next : STR("true");
        *at += usable;
    }
    if (is_config) {
        c->path = own(c, value);
        c->path_source = "flag --config";
    } else
        offer(c, i, (struct value){own(c, value), FROM_FLAG, 0, 0, own(c, flag)});
    return true;
}

static bool take_flags(struct conf *c, int argc, char *const argv[])
{
    for (int at = 1; at < argc; at++) {
        if (take_action(c, str_of(argv[at]))) {
            if (c->action != CONF_PRINT)
                return true; /* nothing else matters */
        } else if (!take_flag(c, argc, argv, &at))
            return false;
    }
    return true;
}

static void take_variable(struct conf *c, size_t i, struct str name, int rank)
{
    const char *key = own(c, name), *text = getenv(key);
    if (text != NULL && text[0] != '\0')
        offer(c, i, (struct value){own(c, str_of(text)), FROM_ENVIRONMENT, 0, rank, key});
}

static void take_environment(struct conf *c)
{
    const char *path = getenv("CONFIG_FILE");
    if (c->path == NULL && path != NULL && path[0] != '\0') {
        c->path = own(c, str_of(path));
        c->path_source = "environment";
    }
    for (size_t i = 0; i < c->count; i++) {
        struct str rest = str_of(c->table[i].aliases);
        if (c->table[i].name == NULL)
            continue;
        take_variable(c, i, str_of(c->table[i].name), 0);
        for (int rank = 1; rest.n > 0; rank++)
            take_variable(c, i, str_cut(&rest, ' '), rank);
    }
}

static bool take_line(void *arg, struct str key, struct str value, unsigned line)
{
    struct conf *c = arg;
    int rank = 0;
    size_t i = row_named(c, key, &rank);
    if (i == c->count)
        return fail(c, "file %s line %u: unknown setting %.*s (see --help)", c->path, line, (int)key.n,
                    key.p);
    const struct value *kept = &c->values[i];
    if (kept->place == FROM_FILE && kept->rank == rank)
        return fail(c, "file %s line %u: %.*s stands in line %u already", c->path, line, (int)key.n, key.p,
                    kept->line);
    if (value.n > 0)
        offer(c, i, (struct value){own(c, value), FROM_FILE, line, rank, own(c, key)});
    return true;
}

static bool take_file(struct conf *c)
{
    char why[128];
    if (c->path == NULL || conf_file_read(c->path, take_line, c, why, sizeof why))
        return true;
    return why[0] == '\0' ? false
                          : fail(c, "CONFIG_FILE=%s (%s): cannot be read: %s", c->path, c->path_source, why);
}

/* Checking and storing
 * ------------------------------------------------------------------------------------------ */

static bool string_allowed(const struct conf_setting *s, struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    if (text.n > 0 && memmem(text.p, text.n, mask, sizeof mask - 1)) /* came from --print-config */
        return false;
    return s->max == 0 || ((int64_t)text.n >= s->min && (int64_t)text.n <= s->max);
}

static bool store(const struct conf_setting *s, const char *text, void *target)
{
    void *member = (char *)target + s->offset;
    int64_t *number = member;
    switch (s->type) {
    case CONF_INT:
        if (position(s->zero, '|', str_of(text)) == 0)
            *number = 0;
        else if (!str_to_int(str_of(text), number))
            return false;
        return *number >= s->min && *number <= s->max;
    case CONF_BOOL:
        return to_bool(str_of(text), member);
    case CONF_ENUM:
        *number = position(s->choices, '|', str_of(text));
        return *number >= 0;
    case CONF_STRING:
        *(const char **)member = text;
        return text == NULL || string_allowed(s, str_of(text));
    }
    return false;
}

static bool store_all(struct conf *c, void *target)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct conf_setting *s = &c->table[i];
        struct value *v = &c->values[i];
        if (s->name == NULL)
            continue;
        if (v->place == FROM_FLAG && s->type == CONF_STRING && v->text[0] == '\0')
            v->text = NULL; /* --redis-url= takes back what environment or file say */
        if (!store(s, v->text, target)) {
            struct buf allowed = {0};
            CHECK(v->place != FROM_DEFAULT); /* the table is wrong */
            add_allowed(&allowed, s);
            explain(c, i, allowed.data, c->err, c->err_size);
            buf_close(&allowed);
            return false;
        }
    }
    return true;
}

struct conf *conf_load(const struct conf_setting *table, size_t count, void *target, int argc,
                       char *const argv[], char *err, size_t err_size)
{
    struct conf *c = mem_alloc(sizeof *c);
    c->table = table;
    c->count = count;
    c->err = err;
    c->err_size = err_size;
    c->values = mem_alloc(count * sizeof *c->values);
    for (size_t i = 0; i < count; i++)
        c->values[i].text = table[i].preset;
    bool ok = take_flags(c, argc, argv);
    bool needed = c->action == CONF_RUN || c->action == CONF_PRINT;
    if (ok && needed) {
        take_environment(c);
        ok = take_file(c) && store_all(c, target);
    }
    if (!ok) {
        conf_free(c);
        return NULL;
    }
    return c;
}

void conf_free(struct conf *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->owned_count; i++)
        mem_free(c->owned[i]);
    mem_free(c->owned);
    mem_free(c->values);
    mem_free(c);
}

enum conf_action conf_action(const struct conf *c)
{
    return c->action;
}

static size_t row_get(const struct conf *c, const char *name)
{
    int rank;
    size_t i = row_named(c, str_of(name), &rank);
    CHECK(i < c->count);
    return i;
}

void conf_explain(const struct conf *c, const char *name, const char *allowed, char *err, size_t err_size)
{
    explain(c, row_get(c, name), allowed, err, err_size);
}

bool conf_given(const struct conf *c, const char *name)
{
    return c->values[row_get(c, name)].place != FROM_DEFAULT;
}

/* Help and print
 * ------------------------------------------------------------------------------------------------ */

/* Appends each word of a list like "redis redis-server" behind `before`. */
static void add_words(struct buf *out, const char *before, const char *words)
{
    struct str rest = str_of(words);
    while (rest.n > 0) {
        buf_add_text(out, before);
        buf_add_str(out, str_cut(&rest, ' '));
    }
}

static void help_row(struct buf *out, const struct conf_setting *s)
{
    static const char *const placeholders[] = {"NUMBER", "[true|false]", "TEXT", "WORD"};
    char flag[FLAG_MAX];
    flag_of(s->name, flag);
    buf_add_fmt(out, "  --%s %s", flag, placeholders[s->type]);
    add_words(out, ", --", s->flags);
    buf_add_fmt(out, "\n      %s", s->name);
    add_words(out, " or ", s->aliases);
    buf_add_fmt(out, ": %s\n      Allowed: ", s->help);
    add_allowed(out, s);
    buf_add_fmt(out, ". Default: %s.\n", s->preset && s->preset[0] ? s->preset : "not set");
}

void conf_help(const struct conf_setting *table, size_t count, const char *program, struct buf *out)
{
    buf_add_fmt(
        out,
        "Usage: %s [--SETTING VALUE]...\n\n"
        "Each setting is taken from its flag, else from the environment variable of its name, else from the\n"
        "config file (lines NAME=value, # comments), else it has its default.\n\n"
        "  --help, -h        this text\n"
        "  --version         the version\n"
        "  --print-config    every setting with its value and where it comes from, secrets masked\n"
        "  --config FILE     the config file; also CONFIG_FILE\n",
        program);
    for (size_t i = 0; i < count; i++) {
        if (table[i].name != NULL)
            help_row(out, &table[i]);
        else
            buf_add_fmt(out, "\n%s\n", table[i].help);
    }
}

static void print_row(const struct conf *c, size_t i, struct buf *out)
{
    struct buf value = {0}, source = {0};
    add_masked(&value, &c->table[i], c->values[i].text);
    add_source(&source, c, &c->values[i]);
    conf_file_add(out, c->table[i].name, buf_str(&value), buf_str(&source));
    buf_close(&source);
    buf_close(&value);
}

void conf_print(const struct conf *c, struct buf *out)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->table[i].name != NULL)
            print_row(c, i, out);
}
