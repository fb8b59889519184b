/* Composes one log line on the stack and writes it with one system call.
 *
 * A line is at most LINE_MAX_BYTES long, so that lines of several processes on one pipe do not mix
 * (PIPE_BUF). A value longer than VALUE_MAX_BYTES is cut and ends in "..."; a field that does not fit any
 * more is left out whole and the line says cut=1. Nothing is allocated and nothing can fail upwards: a line
 * that cannot be written is lost.
 *
 * Values are data of strangers. In text form a value of harmless characters stands bare, any other is put
 * into quotes; quotes, backslashes, control characters (C0, DEL, C1), the Unicode line separators and the
 * marks that turn the writing direction are escaped, and bytes that are not UTF-8 become U+FFFD. Thus neither
 * a line nor a terminal sequence can be forged, and the JSON form is always valid JSON.
 *
 * log_limited: the calls that were left out in past seconds are told by a field left_out=N on the next line
 * of the same call site. */
#include "common/log.h"

#include "common/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 4096,
    TAIL_BYTES = 16,
    VALUE_MAX_BYTES = 500,
    LIMIT_PER_WINDOW = 10,
    WINDOW_MS = 1000
};

static struct {
    enum log_level least;
    enum log_format format;
    int fd;
    unsigned left_out; /* handed from log_limit_pass to the line that follows it at once */
} state = {.least = LOG_INFO, .format = LOG_TEXT, .fd = 2};

struct line {
    char data[LINE_MAX_BYTES];
    size_t len;
    bool full; /* something did not fit; len is then meaningless until restored */
};

void log_setup(enum log_level least, enum log_format format, int fd)
{
    state.least = least;
    state.format = format;
    state.fd = fd;
}

bool log_on(enum log_level level)
{
    return level >= state.least;
}

static void put(struct line *l, const char *bytes, size_t n)
{
    if (l->full || n > LINE_MAX_BYTES - TAIL_BYTES - l->len) {
        l->full = true;
        return;
    }
    memcpy(l->data + l->len, bytes, n);
    l->len += n;
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Control characters, line separators and writing-direction marks: what could make a line look like something
 * else. */
static bool treacherous(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void put_escape(struct line *l, uint32_t code)
{
    char text[8];
    put(l, text, (size_t)snprintf(text, sizeof text, "\\u%04x", code & 0xffff));
}

static void put_quoted(struct line *l, struct str s)
{
    bool cut = s.n > VALUE_MAX_BYTES;
    size_t end = cut ? VALUE_MAX_BYTES : s.n;
    put_text(l, "\"");
    for (size_t i = 0; i < end;) {
        uint32_t code = 0;
        size_t n = str_utf8_next((struct str){s.p + i, s.n - i}, &code);
        if (n == 0)
            put_escape(l, 0xfffd);
        else if (treacherous(code))
            put_escape(l, code);
        else {
            if (code == '"' || code == '\\')
                put_text(l, "\\");
            put(l, s.p + i, n);
        }
        i += n ? n : 1;
    }
    put_text(l, cut ? "...\"" : "\"");
}

static bool bare(struct str s)
{
    if (s.n == 0 || s.n > VALUE_MAX_BYTES)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return true;
}

static void put_value(struct line *l, struct str s)
{
    if (state.format == LOG_TEXT && bare(s))
        put(l, s.p, s.n);
    else
        put_quoted(l, s);
}

static void put_int(struct line *l, int64_t value)
{
    char text[24];
    put(l, text, (size_t)snprintf(text, sizeof text, "%" PRId64, value));
}

/* All of the field or nothing of it. */
static void put_field(struct line *l, const struct log_field *f)
{
    size_t before = l->len;
    if (state.format == LOG_JSON) {
        put_text(l, ",");
        put_quoted(l, str_of(f->key));
        put_text(l, ":");
    } else {
        put_text(l, " ");
        put_value(l, str_of(f->key));
        put_text(l, "=");
    }
    if (f->kind == LOG_FIELD_INT)
        put_int(l, f->number);
    else
        put_value(l, f->text);
    if (l->full)
        l->len = before;
}

/* 2024-05-06T07:08:09.123Z */
static void put_time(struct line *l)
{
    uint64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char text[40];
    gmtime_r(&seconds, &utc);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    n += (size_t)snprintf(text + n, sizeof text - n, ".%03uZ", (unsigned)(now_ms % 1000));
    put(l, text, n);
}

static void put_head(struct line *l, enum log_level level, const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    bool json = state.format == LOG_JSON;
    put_text(l, json ? "{\"ts\":\"" : "");
    put_time(l);
    put_text(l, json ? "\",\"level\":\"" : " ");
    put_text(l, names[level]);
    put_text(l, json ? "\",\"event\":" : " ");
    put_value(l, str_of(event));
}

/* TAIL_BYTES were kept free for this. */
static void put_tail(struct line *l)
{
    const char *tail = state.format == LOG_JSON ? (l->full ? ",\"cut\":1}\n" : "}\n")
                       : l->full                ? " cut=1\n"
                                                : "\n";
    size_t n = strlen(tail);
    memcpy(l->data + l->len, tail, n);
    l->len += n;
}

static void send_out(const struct line *l)
{
    int kept = errno;
    ssize_t n;
    do
        n = write(state.fd, l->data, l->len);
    while (n < 0 && errno == EINTR);
    errno = kept; /* a log line between a failed call and its strerror must not disturb */
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    struct line l = {.len = 0};
    if (!log_on(level))
        return;
    put_head(&l, level, event);
    for (size_t i = 0; i < count; i++)
        put_field(&l, &fields[i]);
    if (state.left_out > 0) {
        put_field(&l, &KV_INT("left_out", state.left_out));
        state.left_out = 0;
    }
    put_tail(&l);
    send_out(&l);
}

bool log_limit_pass(struct log_limit *limit)
{
    uint64_t now_ms = clock_mono_ms();
    if (limit->window_start_ms == 0 || now_ms - limit->window_start_ms >= WINDOW_MS) {
        limit->window_start_ms = now_ms ? now_ms : 1;
        limit->written = 0;
    }
    if (limit->written >= LIMIT_PER_WINDOW) {
        limit->left_out++;
        return false;
    }
    limit->written++;
    state.left_out = limit->left_out;
    limit->left_out = 0;
    return true;
}
