/* Settings: one table says all there is to know about each; from it come the parser, --help and
 * --print-config.
 *
 * A value is taken from the highest of these that has one:
 *
 *   flag          --redis-url VALUE or --redis-url=VALUE (the last one counts; a bool's flag may stand alone)
 *   environment   REDIS_URL=VALUE; an empty value counts as not set; variables not in the table are ignored
 *   config file   --config FILE or CONFIG_FILE; lines KEY=VALUE (conf_file.h); an empty value counts as not
 *                 set
 *   default       from the table
 *
 * Name and alias given in the same place: the name wins. A wrong value, an unknown flag and an unknown or
 * repeated key in the file stop the start with one line that names setting, value, source and what is
 * allowed. What --print-config writes can be read again as a config file, except for what is masked.
 *
 * Adding a setting? One row in the owner's table and one member in its struct. */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include "common/buf.h"

enum conf_type {
    CONF_INT,    /* int64_t, min..max */
    CONF_BOOL,   /* bool; true/false, yes/no, on/off, 1/0 */
    CONF_STRING, /* const char *; if max > 0, min..max is its length in bytes. No control characters. Not set
                    (and no default): NULL */
    CONF_ENUM,   /* int64_t, the position in choices, from 0; case does not count */
};

/* All text is borrowed for the process's life (string literals). */
struct conf_setting {
    const char *name;    /* as environment variable, "REDIS_URL"; NULL: only a heading (help) in --help */
    const char *aliases; /* further names, separated by blanks, the first one given wins; may be NULL */
    const char *flags;   /* further flags without their dashes, "redis", separated by blanks; may be NULL */
    enum conf_type type;
    bool secret;   /* shown as ******** everywhere. (A password inside a URL is masked in any case.) */
    size_t offset; /* of the member in the target struct */
    int64_t min, max;
    const char *choices; /* CONF_ENUM: "text|json" */
    const char *preset;  /* the default, as one would write it; NULL: none (CONF_STRING only) */
    const char *unit;    /* "ms", "bytes", ...; may be NULL */
    const char *zero;    /* CONF_INT: a word for 0, like "auto"; may be NULL */
    const char *help;    /* one sentence */
};

enum conf_action {
    CONF_RUN,
    CONF_HELP,    /* --help or -h was given: print conf_help, exit 0. The target is not filled */
    CONF_VERSION, /* --version: likewise */
    CONF_PRINT,   /* --print-config: print conf_print, exit 0 */
};

struct conf;

/* Reads all sources and fills *target. NULL: a setting is wrong, err holds the line to print (without
 * newline) before an exit with 2. Strings in *target live until conf_free. table is borrowed until then;
 * argv[0] is skipped. */
struct conf *conf_load(const struct conf_setting *table, size_t count, void *target, int argc,
                       char *const argv[], char *err, size_t err_size);
void conf_free(struct conf *c); /* NULL is fine */
enum conf_action conf_action(const struct conf *c);

/* For checks that the table cannot express (two settings that exclude each other, an address that must
 * parse): writes the same kind of line, "NAME=value (source): allowed is ...", value masked. name must be in
 * the table. */
void conf_explain(const struct conf *c, const char *name, const char *allowed, char *err, size_t err_size);
/* Was it given anywhere, or is it the default? */
bool conf_given(const struct conf *c, const char *name);

/* Appends the text of --help: usage, then each setting with its flag, name, help, allowed values and default.
 */
void conf_help(const struct conf_setting *table, size_t count, const char *program, struct buf *out);
/* Appends one line per setting, `KEY=value # source`, in the order of the table. */
void conf_print(const struct conf *c, struct buf *out);

#endif
