/* Commands on sets. */
#include "matchmaking/store_cmd.h"

static void sadd(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    int64_t added = 0;
    if (!store_keys_write(s, args[1], STORE_SET, &v, out))
        return;
    for (size_t i = 2; i < count; i++) {
        bool created;
        store_dict_put(&v->dict, args[i], &created);
        added += created;
    }
    answer_int(out, added);
}

static void srem(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    int64_t removed = 0;
    if (!store_keys_read(s, args[1], STORE_SET, &v, out))
        return;
    for (size_t i = 2; i < count && v != NULL; i++)
        removed += store_dict_remove(&v->dict, args[i], NULL);
    if (v != NULL)
        store_keys_trim(s, args[1], v);
    answer_int(out, removed);
}

static void sismember(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (store_keys_read(s, args[1], STORE_SET, &v, out))
        answer_int(out, v != NULL && store_dict_find(&v->dict, args[2]) != NULL);
}

static void scard(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (store_keys_read(s, args[1], STORE_SET, &v, out))
        answer_int(out, v != NULL ? (int64_t)v->dict.count : 0);
}

static size_t list_member(struct answer *out, const struct store_dict_entry *e)
{
    answer_text(out, store_dict_key(e));
    return 1;
}

static void smembers(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (!store_keys_read(s, args[1], STORE_SET, &v, out))
        return;
    answer_array(out, v != NULL ? v->dict.count : 0);
    struct store_dict_walk walk = {0};
    for (const struct store_dict_entry *e; v != NULL && (e = store_dict_next(&v->dict, &walk)) != NULL;)
        list_member(out, e);
}

static void sscan(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    uint64_t cursor;
    if (!store_cmd_cursor(args[2], &cursor, out) || !store_keys_read(s, args[1], STORE_SET, &v, out))
        return;
    if (v != NULL)
        store_cmd_scan(&v->dict, cursor, args + 3, count - 3, list_member, out);
    else
        store_cmd_scan_nothing(out);
}

const struct store_command store_cmd_set_table[] = {
    {"sadd", 3, 0, true, sadd},    {"srem", 3, 0, true, srem},          {"sismember", 3, 3, false, sismember},
    {"scard", 2, 2, false, scard}, {"smembers", 2, 2, false, smembers}, {"sscan", 3, 0, false, sscan},
    {NULL, 0, 0, false, NULL},
};
