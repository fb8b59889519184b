/* Commands on strings and on integers kept in strings. */
#include "matchmaking/store_cmd.h"

static void get(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (!store_keys_read(s, args[1], STORE_STRING, &v, out))
        return;
    if (v != NULL)
        answer_text(out, store_blob_str(v->string));
    else
        answer_nil(out);
}

/* A new string; the key must be absent. */
static struct store_value *create(struct store_keys *s, struct str key, struct str text)
{
    struct store_value *v = store_keys_create(s, key, STORE_STRING);
    v->string = store_blob_new(text);
    return v;
}

struct set_options {
    bool only_new, only_old;
    int64_t expires_at_ms; /* 0: none */
};

/* EX s | PX ms: the time is in the next argument. */
static bool set_expiry(const struct store_keys *s, struct str unit, struct str text, struct set_options *o,
                       struct answer *out)
{
    int64_t at_ms;
    if (!store_cmd_int(text, &at_ms, out))
        return false;
    if (at_ms <= 0 || !store_cmd_deadline(s, &at_ms, store_cmd_is(unit, "ex") ? 1000 : 1)) {
        store_cmd_expire_error(out, "set");
        return false;
    }
    o->expires_at_ms = at_ms;
    return true;
}

static bool set_options(const struct store_keys *s, const struct str *args, size_t count,
                        struct set_options *o, struct answer *out)
{
    size_t expiry = 0;
    for (size_t i = 3; i < count; i++) {
        bool timed = store_cmd_is(args[i], "ex") || store_cmd_is(args[i], "px");
        if (store_cmd_is(args[i], "nx") && !o->only_old) {
            o->only_new = true;
        } else if (store_cmd_is(args[i], "xx") && !o->only_new) {
            o->only_old = true;
        } else if (timed && expiry == 0 && i + 1 < count) {
            expiry = i++;
        } else {
            store_cmd_syntax_error(out);
            return false;
        }
    }
    return expiry == 0 || set_expiry(s, args[expiry], args[expiry + 1], o, out);
}

static void set(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct set_options o = {0};
    if (!set_options(s, args, count, &o, out))
        return;
    bool there = store_keys_find(s, args[1]) != NULL;
    if (there ? o.only_new : o.only_old) {
        answer_nil(out);
        return;
    }
    store_keys_remove(s, args[1]); /* of any type, and with its end */
    struct store_value *v = create(s, args[1], args[2]);
    if (o.expires_at_ms != 0)
        store_keys_expire(s, args[1], v, o.expires_at_ms);
    answer_status(out, STR("OK"));
}

static void setnx(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    bool there = store_keys_find(s, args[1]) != NULL;
    if (!there)
        create(s, args[1], args[2]);
    answer_int(out, !there);
}

static void add(struct store_keys *s, struct str key, int64_t by, struct answer *out)
{
    struct store_value *v;
    int64_t number = 0;
    if (!store_keys_read(s, key, STORE_STRING, &v, out))
        return;
    if (v != NULL && !store_cmd_int(store_blob_str(v->string), &number, out))
        return;
    if (!store_cmd_add(&number, by, out))
        return;
    struct buf text = {0};
    buf_add_int(&text, number);
    if (v == NULL) {
        create(s, key, buf_str(&text));
    } else { /* keeps its end */
        mem_free(v->string);
        v->string = store_blob_new(buf_str(&text));
    }
    buf_close(&text);
    answer_int(out, number);
}

static void incr(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    add(s, args[1], 1, out);
}

static void incrby(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    int64_t by;
    if (store_cmd_int(args[2], &by, out))
        add(s, args[1], by, out);
}

const struct store_command store_cmd_string_table[] = {
    {"get", 2, 2, false, get},  {"set", 3, 0, true, set},       {"setnx", 3, 3, true, setnx},
    {"incr", 2, 2, true, incr}, {"incrby", 3, 3, true, incrby}, {NULL, 0, 0, false, NULL},
};
