/* Lua scripts by SHA: loaded once per connection, reloaded on NOSCRIPT, one round trip per use. */
#ifndef COMMON_REDIS_SCRIPT_H
#define COMMON_REDIS_SCRIPT_H

#include "common/redis/link.h"

/* Of a script that is carried out for each call that came with it (its line `--@each`): how many keys and
 * arguments stand in front and are shared by all, and how many each call has of its own. All 0: one call
 * only. */
struct script_each {
    size_t keys_front, keys_own, args_front, args_own;
};

/* One embedded script (written by embed_lua.cmake). `text` starts with "#!lua" and flags; it is stripped for
 * servers older than 7 that refuse it. */
struct script {
    const char *name; /* file name without .lua */
    const char *text;
    size_t text_bytes;
    struct script_each each;
};

/* How many calls one with so many arguments is. */
static inline size_t script_calls(const struct script *s, size_t arg_count)
{
    return s->each.args_own ? (arg_count - s->each.args_front) / s->each.args_own : 1;
}

struct script_runner; /* the scripts of one command link */
struct script_runner *script_runner_new(struct redis_link *k);
/* Pending calls are answered first: ERR_UNKNOWN, or ERR_UNAVAILABLE if nothing was sent. The link may be
 * freed before or after. NULL is fine. */
void script_runner_free(struct script_runner *r);
/* fn hears of the outcome of every call before its maker does: err and reply as there. For statistics: it
 * must not call back. */
void script_runner_watch(struct script_runner *r, redis_cb fn, void *arg);
/* EVALSHA with keys then args (all copied); on NOSCRIPT loads and asks again, in order with respect to
 * itself. Same callback contract as redis_call, but an error reply arrives as err = ERR_SCRIPT with the
 * reply's text in reply->str. s must live for ever (the embedded table). */
void script_run(struct script_runner *r, const struct script *s, const struct str *keys, size_t key_count,
                const struct str *args, size_t arg_count, redis_cb fn, void *arg);

#endif
