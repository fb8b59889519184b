/* Reading a store's answer without ever meeting a NULL. */
#include "common/reply.h"

static const struct reply nil = {.type = REPLY_NIL};

const struct reply *reply_at(const struct reply *r, size_t i)
{
    return r != NULL && r->type == REPLY_ARRAY && i < r->count ? &r->items[i] : &nil;
}

struct str reply_str(const struct reply *r, size_t i)
{
    const struct reply *item = reply_at(r, i);
    return item->type == REPLY_STR ? item->str : (struct str){NULL, 0};
}

int64_t reply_int(const struct reply *r, size_t i)
{
    const struct reply *item = reply_at(r, i);
    int64_t value = 0;
    if (item->type == REPLY_INT)
        return item->integer;
    if (item->type == REPLY_STR)
        (void)str_to_int(item->str, &value);
    return value;
}
