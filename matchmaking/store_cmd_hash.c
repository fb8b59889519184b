/* Commands on hashes. */
#include "matchmaking/store_cmd.h"

/* The field's value; NULL if there is no such key (v NULL) or field. */
static const struct store_blob *field_of(const struct store_value *v, struct str field)
{
    const struct store_dict_entry *e = v != NULL ? store_dict_find(&v->dict, field) : NULL;
    return e != NULL ? e->value : NULL;
}

static void answer_field(struct answer *out, const struct store_value *v, struct str field)
{
    const struct store_blob *text = field_of(v, field);
    if (text != NULL)
        answer_text(out, store_blob_str(text));
    else
        answer_nil(out);
}

/* true if the field is new. */
static bool put(struct store_value *v, struct str field, struct str text)
{
    bool created;
    struct store_dict_entry *e = store_dict_put(&v->dict, field, &created);
    mem_free(e->value);
    e->value = store_blob_new(text);
    return created;
}

static void hget(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (store_keys_read(s, args[1], STORE_HASH, &v, out))
        answer_field(out, v, args[2]);
}

static void hmget(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    if (!store_keys_read(s, args[1], STORE_HASH, &v, out))
        return;
    answer_array(out, count - 2);
    for (size_t i = 2; i < count; i++)
        answer_field(out, v, args[i]);
}

static void hset(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    int64_t created = 0;
    if (count % 2 != 0) {
        store_cmd_count_error(out, "hset");
        return;
    }
    if (!store_keys_write(s, args[1], STORE_HASH, &v, out))
        return;
    for (size_t i = 2; i < count; i += 2)
        created += put(v, args[i], args[i + 1]);
    answer_int(out, created);
}

static void hsetnx(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (!store_keys_write(s, args[1], STORE_HASH, &v, out))
        return;
    bool there = field_of(v, args[2]) != NULL;
    if (!there)
        put(v, args[2], args[3]);
    answer_int(out, !there);
}

static void hdel(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    int64_t removed = 0;
    if (!store_keys_read(s, args[1], STORE_HASH, &v, out))
        return;
    for (size_t i = 2; i < count && v != NULL; i++) {
        void *blob;
        if (!store_dict_remove(&v->dict, args[i], &blob))
            continue;
        mem_free(blob);
        removed++;
    }
    if (v != NULL)
        store_keys_trim(s, args[1], v);
    answer_int(out, removed);
}

static void hlen(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (store_keys_read(s, args[1], STORE_HASH, &v, out))
        answer_int(out, v != NULL ? (int64_t)v->dict.count : 0);
}

static void hexists(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (store_keys_read(s, args[1], STORE_HASH, &v, out))
        answer_int(out, field_of(v, args[2]) != NULL);
}

static void hstrlen(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (!store_keys_read(s, args[1], STORE_HASH, &v, out))
        return;
    const struct store_blob *text = field_of(v, args[2]);
    answer_int(out, text != NULL ? (int64_t)text->n : 0);
}

static void hincrby(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    int64_t by, number = 0;
    if (!store_cmd_int(args[3], &by, out) || !store_keys_read(s, args[1], STORE_HASH, &v, out))
        return;
    const struct store_blob *old = field_of(v, args[2]);
    if (old != NULL && !store_cmd_parse_int(store_blob_str(old), &number)) {
        answer_error(out, STR("ERR hash value is not an integer"));
        return;
    }
    if (!store_cmd_add(&number, by, out) || !store_keys_write(s, args[1], STORE_HASH, &v, out))
        return;
    struct buf text = {0};
    buf_add_int(&text, number);
    put(v, args[2], buf_str(&text));
    buf_close(&text);
    answer_int(out, number);
}

static size_t list_field(struct answer *out, const struct store_dict_entry *e)
{
    answer_text(out, store_dict_key(e));
    return 1;
}

static size_t list_value(struct answer *out, const struct store_dict_entry *e)
{
    answer_text(out, store_blob_str(e->value));
    return 1;
}

static size_t list_both(struct answer *out, const struct store_dict_entry *e)
{
    return list_field(out, e) + list_value(out, e);
}

static void list_all(struct store_keys *s, struct str key, store_cmd_list_cb list, struct answer *out)
{
    struct store_value *v;
    if (!store_keys_read(s, key, STORE_HASH, &v, out))
        return;
    size_t mark = answer_array(out, 0), values = 0;
    struct store_dict_walk walk = {0};
    for (const struct store_dict_entry *e; v != NULL && (e = store_dict_next(&v->dict, &walk)) != NULL;)
        values += list(out, e);
    answer_set_count(out, mark, values);
}

static void hgetall(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    list_all(s, args[1], list_both, out);
}

static void hkeys(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    list_all(s, args[1], list_field, out);
}

static void hvals(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    list_all(s, args[1], list_value, out);
}

static void hscan(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    uint64_t cursor;
    if (!store_cmd_cursor(args[2], &cursor, out) || !store_keys_read(s, args[1], STORE_HASH, &v, out))
        return;
    if (v != NULL)
        store_cmd_scan(&v->dict, cursor, args + 3, count - 3, list_both, out);
    else
        store_cmd_scan_nothing(out);
}

const struct store_command store_cmd_hash_table[] = {
    {"hget", 3, 3, false, hget},       {"hmget", 3, 0, false, hmget},     {"hset", 4, 0, true, hset},
    {"hsetnx", 4, 4, true, hsetnx},    {"hdel", 3, 0, true, hdel},        {"hlen", 2, 2, false, hlen},
    {"hexists", 3, 3, false, hexists}, {"hstrlen", 3, 3, false, hstrlen}, {"hincrby", 4, 4, true, hincrby},
    {"hgetall", 2, 2, false, hgetall}, {"hkeys", 2, 2, false, hkeys},     {"hvals", 2, 2, false, hvals},
    {"hscan", 3, 0, false, hscan},     {NULL, 0, 0, false, NULL},
};
