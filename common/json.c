/* Validates JSON in one pass and points at its top-level members.
 *
 * Every skip_... function gets a position inside the text and returns the position behind the thing it has
 * skipped, or NULL after it has put the reason into the scan. Nothing is copied or allocated. Nested values
 * are skipped by recursion, which ends at JSON_DEPTH_MAX levels; the outermost object is level 1, and the
 * only one whose members are kept.
 *
 * Nearly all bytes of a message are plain characters inside strings, so plain_end is the hot loop; it looks
 * at 16 bytes at a time where SSE2 is there. Escapes are checked here once and for all: no \u0000 (it would
 * cut C strings short) and no half of a surrogate pair (it has no UTF-8 form), so readers of validated text
 * need not look again. */
#include "common/json.h"

#include "common/err.h"

#if defined(__SSE2__) && !defined(JSON_PORTABLE)
#include <emmintrin.h>
#define JSON_SSE2 1
#endif

struct scan {
    const char *end;
    const char *why;
    bool escaped;         /* some string since it was last cleared has an escape */
    struct str inner_key; /* of the top-level member whose own members go to inner */
    struct json_object *inner;
};

static const char *fail(struct scan *s, const char *why)
{
    s->why = why;
    return NULL;
}

static inline const char *skip_space(const struct scan *s, const char *p)
{
    while (p < s->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* The first byte from p on that is a quote, a backslash, a control character or not ASCII; or end. */
static inline const char *plain_end(const char *p, const char *end)
{
#ifdef JSON_SSE2
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    for (; end - p >= 16; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i low = _mm_cmplt_epi8(bytes, space); /* signed: also catches what is not ASCII */
        __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        int hits = _mm_movemask_epi8(_mm_or_si128(low, marks));
        if (hits != 0)
            return p + __builtin_ctz((unsigned)hits);
    }
#endif
    while (p < end && *(const signed char *)p >= ' ' && *p != '"' && *p != '\\')
        p++;
    return p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits behind "\u" at p; -1 if they are not there. */
static int32_t escape_unit(const char *p, const char *end)
{
    int32_t value = 0;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static const char *skip_escape(struct scan *s, const char *p)
{
    s->escaped = true;
    if (s->end - p >= 2 && p[1] != 'u')
        return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) ? p + 2 : fail(s, "unknown escape in a string");
    int32_t unit = escape_unit(p, s->end);
    if (unit < 0)
        return fail(s, "bad \\u escape in a string");
    if (unit == 0)
        return fail(s, "\\u0000 is not allowed");
    if (is_high(unit) && is_low(escape_unit(p + 6, s->end)))
        return p + 12;
    if (is_high(unit) || is_low(unit))
        return fail(s, "half of a surrogate pair");
    return p + 6;
}

static const char *skip_utf8(struct scan *s, const char *p)
{
    uint32_t code;
    size_t n = str_utf8_next((struct str){p, (size_t)(s->end - p)}, &code);
    return n > 0 ? p + n : fail(s, "not UTF-8");
}

/* p stands behind the opening quote. */
static inline const char *skip_string(struct scan *s, const char *p)
{
    while (p != NULL) {
        p = plain_end(p, s->end);
        if (p == s->end)
            return fail(s, "ends inside a string");
        if (*p == '"')
            return p + 1;
        if (*p == '\\')
            p = skip_escape(s, p);
        else if ((unsigned char)*p < ' ')
            return fail(s, "control character in a string");
        else
            p = skip_utf8(s, p);
    }
    return NULL;
}

static inline const char *skip_digits(const struct scan *s, const char *p)
{
    while (p < s->end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static const char *skip_number(struct scan *s, const char *p)
{
    const char *digits = p += *p == '-';
    p = skip_digits(s, p);
    if (p == digits || (*digits == '0' && p - digits > 1))
        return fail(s, "not a JSON value");
    if (p < s->end && *p == '.') {
        digits = p + 1;
        p = skip_digits(s, digits);
        if (p == digits)
            return fail(s, "not a JSON number");
    }
    if (p < s->end && (*p == 'e' || *p == 'E')) {
        digits = p + 1;
        digits += digits < s->end && (*digits == '+' || *digits == '-');
        p = skip_digits(s, digits);
        if (p == digits)
            return fail(s, "not a JSON number");
    }
    return p;
}

static const char *skip_word(struct scan *s, const char *p, const char *word, size_t n)
{
    bool same = (size_t)(s->end - p) >= n && memcmp(p, word, n) == 0;
    return same ? p + n : fail(s, "not a JSON value");
}

static const char *skip_array(struct scan *s, const char *p, int depth);
static const char *skip_object(struct scan *s, const char *p, int depth, struct json_object *keep);

/* depth: levels open around this value. */
static const char *skip_value(struct scan *s, const char *p, int depth, enum json_type *type)
{
    if (p == s->end)
        return fail(s, "ends before a value");
    switch (*p) {
    case '"':
        *type = JSON_STRING;
        return skip_string(s, p + 1);
    case '{':
        *type = JSON_OBJECT;
        return skip_object(s, p, depth + 1, NULL);
    case '[':
        *type = JSON_ARRAY;
        return skip_array(s, p, depth + 1);
    case 't':
        *type = JSON_TRUE;
        return skip_word(s, p, "true", 4);
    case 'f':
        *type = JSON_FALSE;
        return skip_word(s, p, "false", 5);
    case 'n':
        *type = JSON_NULL;
        return skip_word(s, p, "null", 4);
    default:
        *type = JSON_NUMBER;
        return skip_number(s, p);
    }
}

/* Behind a value inside brackets: a comma (*more, returns where the next thing begins) or the closing
 * bracket. */
static const char *skip_separator(struct scan *s, const char *p, char closing, bool *more)
{
    p = skip_space(s, p);
    if (p == s->end)
        return fail(s, "ends before it is closed");
    *more = *p == ',';
    if (*more)
        return skip_space(s, p + 1);
    return *p == closing ? p + 1 : fail(s, "no comma or closing bracket behind a value");
}

static const char *skip_array(struct scan *s, const char *p, int depth)
{
    enum json_type type;
    bool more = true;
    if (depth > JSON_DEPTH_MAX)
        return fail(s, "nested too deep");
    p = skip_space(s, p + 1);
    if (p < s->end && *p == ']')
        return p + 1;
    while (p != NULL && more) {
        p = skip_value(s, p, depth, &type);
        if (p != NULL)
            p = skip_separator(s, p, ']', &more);
    }
    return p;
}

/* "key": with what space there is; returns where the value begins. */
static const char *skip_key(struct scan *s, const char *p, struct str *key)
{
    if (p == s->end || *p != '"')
        return fail(s, "no key where one must be");
    const char *start = p + 1;
    p = skip_string(s, start);
    if (p == NULL)
        return NULL;
    *key = (struct str){start, (size_t)(p - 1 - start)};
    p = skip_space(s, p);
    if (p == s->end || *p != ':')
        return fail(s, "no colon behind a key");
    return skip_space(s, p + 1);
}

static bool has_escape(struct str text)
{
    return text.n > 0 && memchr(text.p, '\\', text.n) != NULL;
}

static const char *keep_member(struct scan *s, struct json_object *o, struct str key, struct json_value value)
{
    if (o->count == JSON_MEMBERS_MAX && o == s->inner) {
        o->crowded = true;
        return value.raw.p + value.raw.n;
    }
    if (o->count == JSON_MEMBERS_MAX)
        return fail(s, "too many members");
    o->members[o->count].key = key;
    o->members[o->count].value = value;
    o->count++;
    return value.raw.p + value.raw.n;
}

static void clear(struct json_object *o, struct str text)
{
    o->text = text;
    o->count = 0;
    o->escaped_keys = o->crowded = false;
}

static const char *skip_member_value(struct scan *s, const char *p, int depth, struct str key,
                                     enum json_type *type)
{
    if (depth > 1 || s->inner == NULL || p == s->end || *p != '{' || !str_eq(key, s->inner_key))
        return skip_value(s, p, depth, type);
    *type = JSON_OBJECT;
    clear(s->inner, (struct str){p, 0});
    const char *end = skip_object(s, p, depth + 1, s->inner);
    s->inner->text.n = end ? (size_t)(end - p) : 0;
    return end;
}

/* keep: where the members go, NULL for objects below the top. */
static const char *skip_object(struct scan *s, const char *p, int depth, struct json_object *keep)
{
    bool more = true;
    if (depth > JSON_DEPTH_MAX)
        return fail(s, "nested too deep");
    p = skip_space(s, p + 1);
    if (p < s->end && *p == '}')
        return p + 1;
    while (p != NULL && more) {
        struct str key;
        enum json_type type;
        s->escaped = false;
        const char *value = skip_key(s, p, &key);
        if (keep != NULL)
            keep->escaped_keys |= s->escaped;
        p = value ? skip_member_value(s, value, depth, key, &type) : NULL;
        if (p != NULL && keep != NULL)
            p = keep_member(s, keep, key, (struct json_value){type, {value, (size_t)(p - value)}});
        if (p != NULL)
            p = skip_separator(s, p, '}', &more);
    }
    return p;
}

static bool scan_object(struct str text, int depth, struct json_object *out, struct str key,
                        struct json_object *inner, const char **why)
{
    struct scan s = {.end = text.n ? text.p + text.n : text.p, .inner_key = key, .inner = inner};
    clear(out, text);
    if (inner != NULL)
        clear(inner, (struct str){NULL, 0});
    const char *p = skip_space(&s, text.p);
    if (p == s.end || *p != '{')
        p = fail(&s, "not a JSON object");
    else
        p = skip_object(&s, p, depth, out);
    if (p != NULL && skip_space(&s, p) != s.end)
        p = fail(&s, "text behind the object");
    if (p == NULL) {
        out->count = 0;
        if (inner != NULL)
            clear(inner, (struct str){NULL, 0});
        *why = s.why;
    }
    return p != NULL;
}

bool json_object_scan_with(struct str text, struct json_object *out, struct str key,
                           struct json_object *inner, const char **why)
{
    return scan_object(text, 1, out, key, inner, why);
}

bool json_object_scan(struct str text, struct json_object *out, const char **why)
{
    return json_object_scan_at(text, 1, out, why);
}

bool json_object_scan_at(struct str text, int depth, struct json_object *out, const char **why)
{
    return scan_object(text, depth, out, (struct str){NULL, 0}, NULL, why);
}

bool json_valid(struct str text)
{
    struct scan s = {.end = text.n ? text.p + text.n : text.p};
    enum json_type type;
    const char *p = skip_value(&s, skip_space(&s, text.p), 0, &type);
    return p != NULL && skip_space(&s, p) == s.end;
}

struct json_value json_array_next(struct str array, size_t *at)
{
    struct scan s = {.end = array.n ? array.p + array.n : array.p};
    struct json_value none = {.type = JSON_NONE}, found = none;
    const char *p = skip_space(&s, array.p + *at);
    if (p == s.end || *p != (*at == 0 ? '[' : ','))
        return none;
    p = skip_space(&s, p + 1);
    if (p == s.end || *p == ']')
        return none;
    const char *end = skip_value(&s, p, 0, &found.type);
    if (end == NULL)
        return none;
    found.raw = (struct str){p, (size_t)(end - p)};
    *at = (size_t)(end - array.p);
    return found;
}

static size_t put_utf8(char out[4], uint32_t code)
{
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(marks[n] | code);
    return n;
}

/* Resolves the (valid) escape at p into out; returns how many bytes were read. */
static size_t resolve(const char *p, const char *end, char out[4], size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *known = strchr(from, p[1]);
    *n = 1;
    if (p[1] != 'u') {
        CHECK(known != NULL); /* validated */
        out[0] = to[known - from];
        return 2;
    }
    uint32_t unit = (uint32_t)escape_unit(p, end);
    if (!is_high((int32_t)unit)) {
        *n = put_utf8(out, unit);
        return 6;
    }
    uint32_t low = (uint32_t)escape_unit(p + 6, end);
    *n = put_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
    return 12;
}

/* text: validated string content without its quotes. */
static bool unescape(struct str text, char *dst, size_t size, size_t *n)
{
    const char *p = text.p, *end = text.n ? text.p + text.n : text.p;
    size_t len = 0;
    while (p < end) {
        char one[4];
        size_t got = 1, used = 1;
        one[0] = *p;
        if (*p == '\\')
            used = resolve(p, end, one, &got);
        if (len + got >= size)
            return false;
        memcpy(dst + len, one, got);
        len += got;
        p += used;
    }
    dst[len] = '\0';
    *n = len;
    return true;
}

static bool key_is(const struct json_object *o, struct str key, struct str wanted)
{
    char resolved[64];
    size_t n;
    if (!o->escaped_keys || !has_escape(key))
        return str_eq(key, wanted);
    return unescape(key, resolved, sizeof resolved, &n) && str_eq((struct str){resolved, n}, wanted);
}

struct json_value json_get(const struct json_object *o, const char *key, bool *twice)
{
    const struct json_value *found = NULL;
    struct str wanted = str_of(key);
    bool again = false;
    for (size_t i = 0; i < o->count; i++) {
        struct str one = o->members[i].key;
        if ((one.n == wanted.n || o->escaped_keys) && key_is(o, one, wanted)) {
            again = again || found != NULL;
            found = &o->members[i].value;
        }
    }
    if (twice != NULL)
        *twice = again;
    return found && !again ? *found : (struct json_value){.type = JSON_NONE};
}

bool json_as_int(struct json_value v, int64_t min, int64_t max, int64_t *out)
{
    int64_t value;
    if (v.type != JSON_NUMBER || !str_to_int(v.raw, &value) || value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool json_as_bool(struct json_value v, bool *out)
{
    if (v.type != JSON_TRUE && v.type != JSON_FALSE)
        return false;
    *out = v.type == JSON_TRUE;
    return true;
}

static struct str content(struct json_value v)
{
    return (struct str){v.raw.p + 1, v.raw.n - 2};
}

bool json_as_text(struct json_value v, char *dst, size_t size, size_t *n)
{
    return v.type == JSON_STRING && size > 0 && unescape(content(v), dst, size, n);
}

bool json_as_plain(struct json_value v, struct str *out)
{
    if (v.type != JSON_STRING || has_escape(content(v)))
        return false;
    *out = content(v);
    return true;
}
