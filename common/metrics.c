/* Keeps the numbers of metrics_table.h and prints them for Prometheus.
 *
 * All storage is static: a metric has one slot, or one per label value with an "other" behind them. Nothing
 * is allocated, so counting can neither fail nor grow with what clients send; pages of slots never used stay
 * untouched by the kernel. Using a metric against its kind (observing a counter, a label on one without) is a
 * bug and aborts. */
#include "common/metrics.h"

#include "common/err.h"

#include <inttypes.h>

enum { VALUES_MAX = 64, VALUE_BYTES = 40, BUCKETS = 17 };
enum kind { COUNTER, GAUGE, HISTOGRAM };

static const struct {
    const char *name;
    enum kind kind;
    const char *label, *help, *remedy;
} table[METRIC_COUNT] = {
#define METRIC(id, name, kind, label, help, remedy) {name, kind, label, help, remedy},
#include "common/metrics_table.h"
#undef METRIC
};

/* Upper bounds in seconds; the text is what stands in the exposition. */
static const struct {
    double most;
    const char *text;
} buckets[BUCKETS - 1] = {
    {0.0001, "0.0001"}, {0.0002, "0.0002"}, {0.0005, "0.0005"}, {0.001, "0.001"},
    {0.002, "0.002"},   {0.005, "0.005"},   {0.01, "0.01"},     {0.02, "0.02"},
    {0.05, "0.05"},     {0.1, "0.1"},       {0.2, "0.2"},       {0.5, "0.5"},
    {1, "1"},           {2, "2"},           {5, "5"},           {10, "10"},
};

struct slot {
    char label_value[VALUE_BYTES];
    int64_t value;        /* counter, gauge; histogram: observations */
    double sum;           /* histogram only, in seconds */
    uint64_t in[BUCKETS]; /* histogram only, not cumulative; the last is +Inf */
};

static struct {
    size_t count;
    struct slot slots[VALUES_MAX + 1];
} store[METRIC_COUNT];

static struct slot *slot_of(enum metric m)
{
    CHECK(m < METRIC_COUNT && table[m].label == NULL);
    store[m].count = 1;
    return &store[m].slots[0];
}

/* Cuts a value that is too long, at the same place each time. */
static struct slot *slot_for(enum metric m, const char *label_value)
{
    char key[VALUE_BYTES];
    size_t n = strnlen(label_value, VALUE_BYTES - 1);
    CHECK(m < METRIC_COUNT && table[m].label != NULL);
    memcpy(key, label_value, n);
    key[n] = '\0';
    for (size_t i = 0; i < store[m].count; i++)
        if (strcmp(store[m].slots[i].label_value, key) == 0)
            return &store[m].slots[i];
    if (store[m].count > VALUES_MAX)
        return &store[m].slots[VALUES_MAX];
    struct slot *s = &store[m].slots[store[m].count];
    (void)str_copy(s->label_value, VALUE_BYTES, str_of(store[m].count < VALUES_MAX ? key : "other"));
    store[m].count++;
    return s;
}

static void add(enum metric m, struct slot *s, int64_t n)
{
    CHECK(table[m].kind == GAUGE || (table[m].kind == COUNTER && n >= 0));
    s->value += n;
}

static void set(enum metric m, struct slot *s, int64_t value)
{
    CHECK(table[m].kind == GAUGE);
    s->value = value;
}

static void observe(enum metric m, struct slot *s, double seconds)
{
    size_t i = 0;
    CHECK(table[m].kind == HISTOGRAM);
    if (!(seconds > 0)) /* clocks that differ, or not a number */
        seconds = 0;
    while (i < BUCKETS - 1 && seconds > buckets[i].most)
        i++;
    s->in[i]++;
    s->sum += seconds;
    s->value++;
}

void metrics_add(enum metric m, int64_t n)
{
    add(m, slot_of(m), n);
}

void metrics_set(enum metric m, int64_t value)
{
    set(m, slot_of(m), value);
}

void metrics_observe(enum metric m, double seconds)
{
    observe(m, slot_of(m), seconds);
}

void metrics_add_for(enum metric m, const char *label_value, int64_t n)
{
    add(m, slot_for(m, label_value), n);
}

void metrics_set_for(enum metric m, const char *label_value, int64_t value)
{
    set(m, slot_for(m, label_value), value);
}

void metrics_observe_for(enum metric m, const char *label_value, double seconds)
{
    observe(m, slot_for(m, label_value), seconds);
}

int64_t metrics_get(enum metric m)
{
    int64_t sum = 0;
    CHECK(m < METRIC_COUNT);
    for (size_t i = 0; i < store[m].count; i++)
        sum += store[m].slots[i].value;
    return sum;
}

/* Backslash, newline and (in label values) the quote are all that the format wants escaped. */
static void add_escaped(struct buf *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_add_text(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            buf_add_fmt(out, "\\%c", *text);
        else
            buf_add(out, text, 1);
    }
}

/* name_suffix{extra,label="value",le="0.1"} up to the blank before the number; extra and le may be NULL. */
static void add_series(struct buf *out, enum metric m, const char *suffix, const struct slot *s,
                       const char *extra, const char *le)
{
    const char *separator = "{";
    buf_add_fmt(out, "%s%s", table[m].name, suffix);
    if (extra != NULL && extra[0] != '\0') {
        buf_add_fmt(out, "%s%s", separator, extra);
        separator = ",";
    }
    if (table[m].label != NULL) {
        buf_add_fmt(out, "%s%s=\"", separator, table[m].label);
        add_escaped(out, s->label_value, true);
        buf_add_text(out, "\"");
        separator = ",";
    }
    if (le != NULL) {
        buf_add_fmt(out, "%sle=\"%s\"", separator, le);
        separator = ",";
    }
    buf_add_text(out, separator[0] == ',' ? "} " : " ");
}

static void print_histogram(struct buf *out, enum metric m, const struct slot *s, const char *extra)
{
    uint64_t sofar = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        sofar += s->in[i];
        add_series(out, m, "_bucket", s, extra, i < BUCKETS - 1 ? buckets[i].text : "+Inf");
        buf_add_fmt(out, "%" PRIu64 "\n", sofar);
    }
    add_series(out, m, "_sum", s, extra, NULL);
    buf_add_fmt(out, "%.6f\n", s->sum);
    add_series(out, m, "_count", s, extra, NULL);
    buf_add_fmt(out, "%" PRIu64 "\n", sofar);
}

static void print_metric(struct buf *out, enum metric m, const char *extra)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    buf_add_fmt(out, "# HELP %s ", table[m].name);
    add_escaped(out, table[m].help, false);
    if (table[m].remedy[0] != '\0') {
        buf_add_text(out, " Remedy: ");
        add_escaped(out, table[m].remedy, false);
    }
    buf_add_fmt(out, "\n# TYPE %s %s\n", table[m].name, kinds[table[m].kind]);
    for (size_t i = 0; i < store[m].count; i++) {
        const struct slot *s = &store[m].slots[i];
        if (table[m].kind == HISTOGRAM) {
            print_histogram(out, m, s, extra);
            continue;
        }
        add_series(out, m, "", s, extra, NULL);
        buf_add_fmt(out, "%" PRId64 "\n", s->value);
    }
}

void metrics_print(struct buf *out, const char *extra_labels)
{
    for (unsigned m = 0; m < METRIC_COUNT; m++) {
        if (table[m].label == NULL)
            (void)slot_of(m); /* one without a label shows its 0 from the start */
        print_metric(out, m, extra_labels);
    }
}
