/* Keeps the numbers of metrics_table.h and prints them for Prometheus.
 *
 * A metric has one slot, or one per label value with an "other" behind them. All storage has its size from
 * the start, so counting can neither fail nor grow with what clients send; pages of slots never used stay
 * untouched by the kernel. Using a metric against its kind (observing a counter, a label on one without) is a
 * bug and aborts.
 *
 * A process alone keeps its table in static storage. Several that share a port get one table each in one
 * shared mapping: nobody waits for anybody, since a table has one writer. A slot is filled in before it is
 * counted in, and numbers are aligned words; that is all the order a reader next door needs. */
#include "common/metrics.h"

#include "common/err.h"
#include "common/id.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

enum { VALUES_MAX = 64, VALUE_BYTES = 40, BUCKETS = 17, LABELS_BYTES = ID_SIZE + 64 };
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

struct series {
    atomic_size_t count;
    struct slot slots[VALUES_MAX + 1];
};

struct process {
    char instance[ID_SIZE]; /* "" = not running */
    struct series series[METRIC_COUNT];
};

static struct process alone;
static struct process *processes = &alone, *self = &alone;
static int process_count = 1;

static struct series *series_of(enum metric m)
{
    CHECK(m < METRIC_COUNT);
    return &self->series[m];
}

static struct slot *slot_of(enum metric m)
{
    struct series *all = series_of(m);
    CHECK(table[m].label == NULL);
    atomic_store_explicit(&all->count, 1, memory_order_relaxed);
    return &all->slots[0];
}

/* The slot of that label value, made if need be. */
static struct slot *slot_in(struct series *all, const char *label_value)
{
    size_t count = atomic_load_explicit(&all->count, memory_order_relaxed);
    for (size_t i = 0; i < count; i++)
        if (strcmp(all->slots[i].label_value, label_value) == 0)
            return &all->slots[i];
    if (count > VALUES_MAX)
        return &all->slots[VALUES_MAX];
    struct slot *s = &all->slots[count];
    (void)str_copy(s->label_value, VALUE_BYTES, str_of(count < VALUES_MAX ? label_value : "other"));
    atomic_store_explicit(&all->count, count + 1, memory_order_release);
    return s;
}

/* Cuts a value that is too long, at the same place each time. */
static struct slot *slot_for(enum metric m, const char *label_value)
{
    char key[VALUE_BYTES];
    size_t n = strnlen(label_value, VALUE_BYTES - 1);
    CHECK(table[m].label != NULL);
    memcpy(key, label_value, n);
    key[n] = '\0';
    return slot_in(series_of(m), key);
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

static int64_t sum_of(struct series *all)
{
    int64_t sum = 0;
    for (size_t i = 0, n = atomic_load_explicit(&all->count, memory_order_acquire); i < n; i++)
        sum += all->slots[i].value;
    return sum;
}

int64_t metrics_get(enum metric m)
{
    return sum_of(series_of(m));
}

/* --- several processes -----------------------------------------------------------------------------------
 */

void metrics_share(int count)
{
    CHECK(processes == &alone && count > 0);
    size_t bytes = (size_t)count * sizeof *processes;
    processes = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(processes != MAP_FAILED);
    process_count = count;
}

static struct process *process_at(int process)
{
    CHECK(process >= 0 && process < process_count);
    return &processes[process];
}

void metrics_use(int process, const char *instance)
{
    self = process_at(process);
    (void)str_copy(self->instance, sizeof self->instance, str_of(instance));
}

void metrics_ended(int process)
{
    struct process *p = process_at(process);
    p->instance[0] = '\0';
    for (unsigned m = 0; m < METRIC_COUNT; m++)
        for (size_t i = 0; table[m].kind == GAUGE && i < p->series[m].count; i++)
            p->series[m].slots[i].value = 0;
}

int metrics_processes(void)
{
    return process_count;
}

const char *metrics_instance(int process)
{
    return process_at(process)->instance;
}

int64_t metrics_get_of(int process, enum metric m)
{
    CHECK(m < METRIC_COUNT);
    return sum_of(&process_at(process)->series[m]);
}

/* --- printing --------------------------------------------------------------------------------------------
 */

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

static void print_series(struct buf *out, enum metric m, struct series *all, const char *extra)
{
    size_t count = atomic_load_explicit(&all->count, memory_order_acquire);
    if (count == 0 && table[m].label == NULL) /* one without a label shows its 0 from the start */
        count = 1;
    for (size_t i = 0; i < count; i++) {
        const struct slot *s = &all->slots[i];
        if (table[m].kind == HISTOGRAM) {
            print_histogram(out, m, s, extra);
            continue;
        }
        add_series(out, m, "", s, extra, NULL);
        buf_add_fmt(out, "%" PRId64 "\n", s->value);
    }
}

static void print_head(struct buf *out, enum metric m)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    buf_add_fmt(out, "# HELP %s ", table[m].name);
    add_escaped(out, table[m].help, false);
    if (table[m].remedy[0] != '\0') {
        buf_add_text(out, " Remedy: ");
        add_escaped(out, table[m].remedy, false);
    }
    buf_add_fmt(out, "\n# TYPE %s %s\n", table[m].name, kinds[table[m].kind]);
}

static void print_process(struct buf *out, enum metric m, int process)
{
    struct process *p = process_at(process);
    char labels[LABELS_BYTES] = "";
    if (p->instance[0] != '\0' && process_count > 1)
        (void)snprintf(labels, sizeof labels, "instance=\"%s\",worker=\"%d\"", p->instance, process);
    else if (p->instance[0] != '\0')
        (void)snprintf(labels, sizeof labels, "instance=\"%s\"", p->instance);
    print_series(out, m, &p->series[m], labels);
}

static void add_up(struct series *sum, enum metric m)
{
    for (int process = 0; process < process_count; process++) {
        struct series *all = &processes[process].series[m];
        size_t count = atomic_load_explicit(&all->count, memory_order_acquire);
        for (size_t i = 0; i < count; i++) {
            const struct slot *from = &all->slots[i];
            struct slot *to = slot_in(sum, from->label_value);
            to->value += from->value;
            to->sum += from->sum;
            for (size_t b = 0; b < BUCKETS; b++)
                to->in[b] += from->in[b];
        }
    }
}

void metrics_print(struct buf *out, int which)
{
    for (unsigned m = 0; m < METRIC_COUNT; m++) {
        print_head(out, m);
        if (which == METRICS_SUM) {
            struct series sum = {0};
            add_up(&sum, m);
            print_series(out, m, &sum, "");
        } else if (which == METRICS_EACH) {
            for (int process = 0; process < process_count; process++)
                if (process_count == 1 || processes[process].instance[0] != '\0')
                    print_process(out, m, process);
        } else {
            print_process(out, m, which);
        }
    }
}
