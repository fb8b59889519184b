/* What a command is, the tables of all commands, and how their arguments are read. For store*.c only.
 *
 * Adding a command: write it in the file of its type, give it a line in that file's table (write if it
 * changes anything), add it to tests/redis/store_differential_test.c. */
#ifndef MATCHMAKING_STORE_CMD_H
#define MATCHMAKING_STORE_CMD_H

#include "matchmaking/store_keys.h"

/* args[0] is the name. Appends exactly one value to out. */
typedef void (*store_cmd_cb)(struct store_keys *s, const struct str *args, size_t count, struct answer *out);

struct store_command {
    const char *name;   /* lower case */
    size_t least, most; /* arguments, with the name; most 0 = any number */
    bool write;         /* refused in read-only scripts */
    store_cmd_cb run;
};

/* Each ends with a name of NULL. */
extern const struct store_command store_cmd_generic_table[];
extern const struct store_command store_cmd_string_table[];
extern const struct store_command store_cmd_hash_table[];
extern const struct store_command store_cmd_list_table[];
extern const struct store_command store_cmd_set_table[];
extern const struct store_command store_cmd_zset_table[];

bool store_cmd_is(struct str arg, const char *word); /* ignoring case; word in lower case */
void store_cmd_syntax_error(struct answer *out);
/* Called where only the command itself can tell that arguments are missing. */
void store_cmd_count_error(struct answer *out, const char *name);

/* A 64-bit integer the way Redis writes it: no sign but '-', no leading zeros, no blanks. The second form
 * answers the error "value is not an integer or out of range" and returns false. */
bool store_cmd_parse_int(struct str text, int64_t *value);
bool store_cmd_int(struct str arg, int64_t *value, struct answer *out);
/* *value += by; false and an error if that does not fit. */
bool store_cmd_add(int64_t *value, int64_t by, struct answer *out);
/* *value, a number of units from now, becomes a time in ms; false if it does not fit. */
bool store_cmd_deadline(const struct store_keys *s, int64_t *value, int64_t unit_ms);
void store_cmd_expire_error(struct answer *out,
                            const char *name); /* ... and this is what the command then answers */
/* Anything strtod takes as a whole, infinities included, NaN not; no blanks in front unless `blanks`. */
bool store_cmd_parse_double(struct str text, bool blanks, double *value);
/* Redis' way to name a stretch of a sequence: negative counts from the end, both ends included. Result: from
 * <= to, from included, to not; from == to if nothing is meant. */
void store_cmd_stretch(int64_t start, int64_t stop, size_t count, size_t *from, size_t *to);

/* SCAN, HSCAN and SSCAN. `options` are the arguments behind the cursor: COUNT n. list is called for each
 * entry of the page; it appends what the command shows of it and returns how many values that were. */
typedef size_t (*store_cmd_list_cb)(struct answer *out, const struct store_dict_entry *e);
bool store_cmd_cursor(struct str arg, uint64_t *cursor,
                      struct answer *out); /* false: an error was answered */
void store_cmd_scan(const struct store_dict *d, uint64_t cursor, const struct str *options, size_t count,
                    store_cmd_list_cb list, struct answer *out);
void store_cmd_scan_nothing(struct answer *out); /* what a walk of an absent key answers */

#endif
