/* What commands have in common: reading their arguments, their usual errors, and paged listings. */
#include "matchmaking/store_cmd.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

bool store_cmd_is(struct str arg, const char *word)
{
    return arg.n == strlen(word) && strncasecmp(arg.p, word, arg.n) == 0;
}

void store_cmd_syntax_error(struct answer *out)
{
    answer_error(out, STR("ERR syntax error"));
}

/* "ERR <what> '<name>' command" */
static void named_error(struct answer *out, const char *what, const char *name)
{
    struct buf text = {0};
    buf_add_fmt(&text, "ERR %s '%s' command", what, name);
    answer_error(out, buf_str(&text));
    buf_close(&text);
}

void store_cmd_count_error(struct answer *out, const char *name)
{
    named_error(out, "wrong number of arguments for", name);
}

void store_cmd_expire_error(struct answer *out, const char *name)
{
    named_error(out, "invalid expire time in", name);
}

bool store_cmd_parse_int(struct str text, int64_t *value)
{
    size_t digits = text.n > 0 && text.p[0] == '-';
    bool zero_in_front = text.n > digits && text.p[digits] == '0' && text.n > 1;
    return !zero_in_front && str_to_int(text, value);
}

bool store_cmd_int(struct str arg, int64_t *value, struct answer *out)
{
    if (store_cmd_parse_int(arg, value))
        return true;
    answer_error(out, STR("ERR value is not an integer or out of range"));
    return false;
}

bool store_cmd_add(int64_t *value, int64_t by, struct answer *out)
{
    if (by > 0 ? *value > INT64_MAX - by : *value < INT64_MIN - by) {
        answer_error(out, STR("ERR increment or decrement would overflow"));
        return false;
    }
    *value += by;
    return true;
}

bool store_cmd_deadline(const struct store_keys *s, int64_t *value, int64_t unit_ms)
{
    int64_t now_ms = store_keys_now_ms(s);
    if (*value > INT64_MAX / unit_ms || *value < INT64_MIN / unit_ms)
        return false;
    int64_t ms = *value * unit_ms;
    if (ms > INT64_MAX - now_ms)
        return false;
    *value = ms + now_ms;
    return true;
}

bool store_cmd_parse_double(struct str text, bool blanks, double *value)
{
    char copy[256]; /* no number needs more */
    if (!str_copy(copy, sizeof copy, text) || strlen(copy) != text.n)
        return false;
    if (!blanks && (copy[0] == '\0' || strchr(" \t\n\v\f\r", copy[0]) != NULL))
        return false;
    char *end;
    errno = 0;
    double number = strtod(copy, &end);
    /* Out of range is refused only where Redis does: not in the limits of a range. */
    bool lost = !blanks && errno == ERANGE && (isinf(number) || number == 0);
    if (*end != '\0' || isnan(number) || lost)
        return false;
    *value = number;
    return true;
}

void store_cmd_stretch(int64_t start, int64_t stop, size_t count, size_t *from, size_t *to)
{
    int64_t n = (int64_t)count;
    if (start < 0)
        start = start + n > 0 ? start + n : 0;
    if (stop < 0)
        stop += n;
    if (stop >= n)
        stop = n - 1;
    bool nothing = start > stop || start >= n;
    *from = nothing ? 0 : (size_t)start;
    *to = nothing ? 0 : (size_t)stop + 1;
}

bool store_cmd_cursor(struct str arg, uint64_t *cursor, struct answer *out)
{
    uint64_t value = 0;
    bool fits = arg.n > 0;
    for (size_t i = 0; i < arg.n && fits; i++) {
        unsigned digit = (unsigned)(arg.p[i] - '0');
        fits = digit <= 9 && value <= (UINT64_MAX - digit) / 10;
        value = value * 10 + digit;
    }
    if (!fits)
        answer_error(out, STR("ERR invalid cursor"));
    *cursor = value;
    return fits;
}

static bool scan_options(const struct str *options, size_t count, int64_t *page, struct answer *out)
{
    for (size_t i = 0; i < count; i += 2) {
        if (i + 1 < count && store_cmd_is(options[i], "count")) {
            if (!store_cmd_int(options[i + 1], page, out))
                return false;
            if (*page >= 1)
                continue;
        }
        store_cmd_syntax_error(out);
        return false;
    }
    return true;
}

struct listing {
    struct answer *out;
    store_cmd_list_cb list;
    size_t entries, values;
};

static void list_entry(void *arg, struct store_dict_entry *e)
{
    struct listing *l = arg;
    l->entries++;
    l->values += l->list(l->out, e);
}

void store_cmd_scan(const struct store_dict *d, uint64_t cursor, const struct str *options, size_t count,
                    store_cmd_list_cb list, struct answer *out)
{
    int64_t page = 10;
    if (!scan_options(options, count, &page, out))
        return;
    /* The next cursor stands in front of the entries but is known after them, so they wait in an answer of
     * their own. */
    struct answer entries = {0};
    struct listing l = {.out = &entries, .list = list};
    size_t mark = answer_array(&entries, 0);
    /* At most ten buckets per entry asked for: a page of a sparse table may be short, but it ends. */
    for (int64_t buckets = page > INT64_MAX / 10 ? INT64_MAX : page * 10; buckets > 0; buckets--) {
        cursor = store_dict_scan(d, cursor, list_entry, &l);
        if (cursor == 0 || l.entries >= (uint64_t)page)
            break;
    }
    answer_set_count(&entries, mark, l.values);
    struct buf next = {0};
    buf_add_fmt(&next, "%llu", (unsigned long long)cursor);
    answer_array(out, 2);
    answer_text(out, buf_str(&next));
    answer_append(out, &entries);
    buf_close(&next);
    answer_close(&entries);
}

void store_cmd_scan_nothing(struct answer *out)
{
    answer_array(out, 2);
    answer_text(out, STR("0"));
    answer_array(out, 0);
}
