/* Prints the result of a run as JSON and keeps count of complaints. */
#include "tests/bench/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 20 };

static uint64_t complaints;
static int members;

__attribute__((format(printf, 1, 0))) static void show(const char *format, va_list args)
{
    if (complaints++ >= SHOWN)
        return;
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void report_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    show(format, args);
    va_end(args);
}

void report_give_up(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complaints = 0; /* this one is always shown */
    show(format, args);
    va_end(args);
    exit(2);
}

uint64_t report_complaints(void)
{
    return complaints;
}

static void member(const char *name)
{
    printf("%s\"%s\":", members++ ? "," : "{", name);
}

void report_int(const char *name, int64_t value)
{
    member(name);
    printf("%lld", (long long)value);
}

void report_num(const char *name, double value)
{
    member(name);
    printf("%.6g", value);
}

void report_text(const char *name, const char *plain)
{
    member(name);
    printf("\"%s\"", plain);
}

void report_hist(const char *name, const struct hist *h)
{
    static const struct {
        const char *name;
        double share;
    } marks[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
    member(name);
    printf("{\"n\":%llu", (unsigned long long)h->count);
    for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++)
        printf(",\"%s\":%.1f", marks[i].name, (double)hist_at(h, marks[i].share) / 1000);
    printf(",\"max\":%.1f}", (double)h->max / 1000);
}

int report_end(void)
{
    report_int("complaints", (int64_t)complaints);
    printf("}\n");
    fflush(stdout);
    return complaints ? 2 : 0;
}
