/* The wires by name, and looking into what was heard where speed does not matter. */
#include "tests/bench/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct wire *wire_find(const char *name)
{
    static const struct wire *const all[] = {&wire_matchgate, &wire_plain, &wire_socketio, &wire_dialect};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

/* What stands behind "name": in the text; NULL if nothing does. */
static const char *behind(const struct wire_heard *h, const char *name)
{
    char label[64];
    int n = snprintf(label, sizeof label, "\"%s\":", name);
    const char *at = memmem(h->text, h->n, label, (size_t)n);
    return at ? at + n : NULL;
}

bool wire_member(const struct wire_heard *h, const char *name, char *out, size_t cap)
{
    const char *at = behind(h, name), *end;
    size_t left, n;
    if (at == NULL || *at != '"')
        return false;
    at++;
    left = (size_t)(h->text + h->n - at);
    end = memchr(at, '"', left);
    if (end == NULL)
        return false;
    n = (size_t)(end - at) < cap - 1 ? (size_t)(end - at) : cap - 1;
    memcpy(out, at, n);
    out[n] = '\0';
    return true;
}

int64_t wire_number(const struct wire_heard *h, const char *name, int64_t otherwise)
{
    const char *at = behind(h, name);
    if (at == NULL || !((*at >= '0' && *at <= '9') || *at == '-'))
        return otherwise;
    return strtoll(at, NULL, 10); /* a digit or a brace follows: it ends inside the text */
}

bool wire_has(const struct wire_heard *h, const char *literal)
{
    return memmem(h->text, h->n, literal, strlen(literal)) != NULL;
}
