/* Commands on keys of any type, on the whole keyspace, and those that touch no key: TIME and PUBLISH. */
#include "matchmaking/store_cmd.h"

static void del(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    int64_t removed = 0;
    for (size_t i = 1; i < count; i++)
        removed += store_keys_remove(s, args[i]);
    answer_int(out, removed);
}

static void exists(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    int64_t found = 0;
    for (size_t i = 1; i < count; i++)
        found += store_keys_find(s, args[i]) != NULL;
    answer_int(out, found);
}

static void type(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    const struct store_value *v = store_keys_find(s, args[1]);
    answer_status(out, str_of(v != NULL ? store_keys_type_name(v->type) : "none"));
}

/* unit_ms: what one of the command's units is. */
static void expire_in(struct store_keys *s, const struct str *args, size_t count, int64_t unit_ms,
                      struct answer *out)
{
    int64_t at_ms;
    if (count > 3) { /* NX, XX, GT, LT: nobody uses them */
        struct buf text = {0};
        buf_add_text(&text, "ERR Unsupported option ");
        buf_add_str(&text, args[3]);
        answer_error(out, buf_str(&text));
        buf_close(&text);
        return;
    }
    if (!store_cmd_int(args[2], &at_ms, out))
        return;
    if (!store_cmd_deadline(s, &at_ms, unit_ms)) {
        store_cmd_expire_error(out, unit_ms == 1 ? "pexpire" : "expire");
        return;
    }
    struct store_value *v = store_keys_find(s, args[1]);
    answer_int(out, v != NULL);
    if (v == NULL)
        return;
    if (at_ms <= store_keys_now_ms(s))
        store_keys_remove(s, args[1]);
    else
        store_keys_expire(s, args[1], v, at_ms);
}

static void expire(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    expire_in(s, args, count, 1000, out);
}

static void pexpire(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    expire_in(s, args, count, 1, out);
}

/* What is left of the key's time in ms; -1 it stays, -2 there is none. */
static int64_t left_ms(const struct store_keys *s, struct str key)
{
    const struct store_value *v = store_keys_find(s, key);
    if (v == NULL)
        return -2;
    return v->expires_at_ms != 0 ? v->expires_at_ms - store_keys_now_ms(s) : -1;
}

static void ttl(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    int64_t ms = left_ms(s, args[1]);
    answer_int(out, ms < 0 ? ms : (int64_t)(((uint64_t)ms + 500) / 1000));
}

static void pttl(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    answer_int(out, left_ms(s, args[1]));
}

static void persist(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v = store_keys_find(s, args[1]);
    bool ended = v != NULL && v->expires_at_ms != 0;
    if (ended)
        store_keys_expire(s, args[1], v, 0);
    answer_int(out, ended);
}

static size_t list_key(struct answer *out, const struct store_dict_entry *e)
{
    answer_text(out, store_dict_key(e));
    return 1;
}

static void scan(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    uint64_t cursor;
    if (store_cmd_cursor(args[1], &cursor, out))
        store_cmd_scan(&s->dict, cursor, args + 2, count - 2, list_key, out);
}

static void dbsize(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)args, (void)count;
    answer_int(out, (int64_t)s->dict.count);
}

static void flushall(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    if (count > 1 && !(count == 2 && (store_cmd_is(args[1], "sync") || store_cmd_is(args[1], "async")))) {
        store_cmd_syntax_error(out);
        return;
    }
    store_keys_clear(s);
    answer_status(out, STR("OK"));
}

static void tell_time(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)args, (void)count;
    struct buf text = {0};
    answer_array(out, 2);
    buf_add_int(&text, (int64_t)(s->now_us / 1000000));
    answer_text(out, buf_str(&text));
    buf_clear(&text);
    buf_add_int(&text, (int64_t)(s->now_us % 1000000));
    answer_text(out, buf_str(&text));
    buf_close(&text);
}

static void publish(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    answer_int(out, s->publish(s->publish_arg, args[1], args[2]));
}

const struct store_command store_cmd_generic_table[] = {
    {"del", 2, 0, true, del},         {"unlink", 2, 0, true, del},      {"exists", 2, 0, false, exists},
    {"type", 2, 2, false, type},      {"expire", 3, 0, true, expire},   {"pexpire", 3, 0, true, pexpire},
    {"ttl", 2, 2, false, ttl},        {"pttl", 2, 2, false, pttl},      {"persist", 2, 2, true, persist},
    {"scan", 2, 0, false, scan},      {"dbsize", 1, 1, false, dbsize},  {"flushall", 1, 0, true, flushall},
    {"time", 1, 1, false, tell_time}, {"publish", 3, 3, true, publish}, {NULL, 0, 0, false, NULL},
};
