/* Strict JSON (RFC 8259): one validating pass that yields the top-level members as slices. (Writing:
 * buf_add_json.)
 *
 * Payloads are never parsed into a tree and never printed again: they travel as the bytes that came in. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/str.h"

enum { JSON_DEPTH_MAX = 32, JSON_MEMBERS_MAX = 64 };
enum json_type {
    JSON_NONE,
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_value {
    enum json_type type; /* JSON_NONE: the member is absent */
    struct str raw;      /* the bytes as written; a string with its quotes */
};
struct json_object {
    struct str text; /* borrowed */
    size_t count;
    bool escaped_keys; /* some key has an escape, json_get then takes the slow way */
    bool crowded;      /* json_object_scan_with: there are more members than these */
    struct {
        struct str key; /* without quotes, escapes not resolved */
        struct json_value value;
    } members[JSON_MEMBERS_MAX];
};

/* Validates the whole text: one object, nothing behind it, depth <= JSON_DEPTH_MAX (this object is level 1),
 * at most JSON_MEMBERS_MAX members on top, UTF-8, no raw control characters, no \u0000 and no lone surrogate
 * escape. false: *why says what is wrong (static text). `text` must outlive `out`. */
bool json_object_scan(struct str text, struct json_object *out, const char **why);
/* The same for an object that is to stand at this level (1 = on top) of a larger text. */
bool json_object_scan_at(struct str text, int depth, struct json_object *out, const char **why);
/* json_object_scan, and if the member `key` (as written, unescaped) is an object, the members of that one go
 * to *inner in the same pass; else inner->text is empty. inner may hold fewer than there are: then it is
 * crowded. */
bool json_object_scan_with(struct str text, struct json_object *out, struct str key,
                           struct json_object *inner, const char **why);
/* Exact-case lookup, escapes in keys resolved; a key that stands twice is treated as absent-with-error: type
 * JSON_NONE and *twice = true (twice may be NULL). */
struct json_value json_get(const struct json_object *o, const char *key, bool *twice);
/* Is `text` one complete valid JSON value (white space around it is fine), by the same rules? */
bool json_valid(struct str text);
/* Next element of an array text "[...]" (the raw of a JSON_ARRAY): *at starts at 0; JSON_NONE at the end. */
struct json_value json_array_next(struct str array, size_t *at);

/* Integers only (no fraction, no exponent) from min to max; else false and *out untouched. */
bool json_as_int(struct json_value v, int64_t min, int64_t max, int64_t *out);
bool json_as_bool(struct json_value v, bool *out);
/* The string's content with escapes resolved into dst (NUL-terminated, *n bytes); false if not a string or
 * too long. */
bool json_as_text(struct json_value v, char *dst, size_t size, size_t *n);
/* The string's content without escapes, in place (most ids); false if not a string or if it contains a
 * backslash. */
bool json_as_plain(struct json_value v, struct str *out);

#endif
