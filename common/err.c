/* Names and sentences for every enum err, and the end of the process when a CHECK fails. */
#include "common/err.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* One row per error, at index -err. Adding one? The enum's comment, this row; tests walk the table. */
static const struct {
    const char *name, *text;
} table[] = {
    {"ok", "Nothing went wrong."},
    {"unavailable", "The store is not connected; nothing was sent."},
    {"unknown", "The link broke after sending; whether it happened is not known."},
    {"timeout", "No answer came within the deadline; whether it happened is not known."},
    {"script", "The store refused the command; nothing was changed."},
    {"protocol", "The answer had a shape that is not understood."},
    {"invalid", "An argument or a setting is not acceptable."},
    {"not_found", "There is no such thing."},
    {"io", "A system call failed."},
};
enum { TABLE_COUNT = sizeof table / sizeof *table };

const char *err_name(int err)
{
    return err <= 0 && err > -TABLE_COUNT ? table[-err].name : "undefined";
}

const char *err_text(int err)
{
    return err <= 0 && err > -TABLE_COUNT ? table[-err].text : "An error without a name.";
}

void err_check_failed(const char *expr, const char *file, int line)
{
    /* Not through log.c: it may be the one that is broken. */
    fprintf(stderr, "check.failed expr=\"%s\" at=%s:%d next=abort\n", expr, file, line);
    fflush(stderr);
    abort();
}
