/* Commands on lists. */
#include "matchmaking/store_cmd.h"

static void push(struct store_keys *s, const struct str *args, size_t count, bool at_head, struct answer *out)
{
    struct store_value *v;
    if (!store_keys_write(s, args[1], STORE_LIST, &v, out))
        return;
    for (size_t i = 2; i < count; i++)
        store_list_push(&v->list, at_head, args[i]);
    answer_int(out, (int64_t)v->list.count);
}

static void rpush(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    push(s, args, count, false, out);
}

static void lpush(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    push(s, args, count, true, out);
}

static void answer_end(struct answer *out, const struct store_list *l, bool at_head, size_t i)
{
    answer_text(out, store_list_at(l, at_head ? i : l->count - 1 - i));
}

static void pop(struct store_keys *s, const struct str *args, size_t count, bool at_head, struct answer *out)
{
    struct store_value *v;
    int64_t asked = 1;
    if (count == 3 && (!store_cmd_parse_int(args[2], &asked) || asked < 0)) {
        answer_error(out, STR("ERR value is out of range, must be positive"));
        return;
    }
    if (!store_keys_read(s, args[1], STORE_LIST, &v, out))
        return;
    if (v == NULL) {
        answer_nil(out);
        return;
    }
    size_t n = (uint64_t)asked < v->list.count ? (size_t)asked : v->list.count;
    if (count == 3)
        answer_array(out, n);
    for (size_t i = 0; i < n; i++)
        answer_end(out, &v->list, at_head, i);
    store_list_drop(&v->list, at_head, n);
    store_keys_trim(s, args[1], v);
}

static void lpop(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    if (count > 3)
        store_cmd_count_error(out, "lpop");
    else
        pop(s, args, count, true, out);
}

static void rpop(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    if (count > 3)
        store_cmd_count_error(out, "rpop");
    else
        pop(s, args, count, false, out);
}

static void llen(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (store_keys_read(s, args[1], STORE_LIST, &v, out))
        answer_int(out, v != NULL ? (int64_t)v->list.count : 0);
}

static void lrange(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    int64_t start, stop;
    if (!store_cmd_int(args[2], &start, out) || !store_cmd_int(args[3], &stop, out) ||
        !store_keys_read(s, args[1], STORE_LIST, &v, out))
        return;
    size_t from, to;
    store_cmd_stretch(start, stop, v != NULL ? v->list.count : 0, &from, &to);
    answer_array(out, to - from);
    for (size_t i = from; i < to; i++)
        answer_text(out, store_list_at(&v->list, i));
}

static void ltrim(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    int64_t start, stop;
    if (!store_cmd_int(args[2], &start, out) || !store_cmd_int(args[3], &stop, out) ||
        !store_keys_read(s, args[1], STORE_LIST, &v, out))
        return;
    if (v != NULL) {
        size_t from, to;
        store_cmd_stretch(start, stop, v->list.count, &from, &to);
        store_list_drop(&v->list, false, v->list.count - to);
        store_list_drop(&v->list, true, from);
        store_keys_trim(s, args[1], v);
    }
    answer_status(out, STR("OK"));
}

static void lrem(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    int64_t limit; /* negative: from the tail; 0: all */
    if (!store_cmd_int(args[2], &limit, out) || !store_keys_read(s, args[1], STORE_LIST, &v, out))
        return;
    size_t removed = 0;
    if (v != NULL) {
        uint64_t most = limit < 0 ? -(uint64_t)limit : (uint64_t)limit;
        removed = store_list_remove(&v->list, args[3], most != 0 ? most : SIZE_MAX, limit >= 0);
        store_keys_trim(s, args[1], v);
    }
    answer_int(out, (int64_t)removed);
}

static void lindex(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    int64_t index = 0;
    if (!store_keys_read(s, args[1], STORE_LIST, &v, out) ||
        (v != NULL && !store_cmd_int(args[2], &index, out)))
        return;
    int64_t n = v != NULL ? (int64_t)v->list.count : 0;
    if (index < 0)
        index += n;
    if (index < 0 || index >= n)
        answer_nil(out);
    else
        answer_text(out, store_list_at(&v->list, (size_t)index));
}

static void lpos(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    if (count > 3) { /* RANK, COUNT, MAXLEN: nobody uses them */
        store_cmd_syntax_error(out);
        return;
    }
    if (!store_keys_read(s, args[1], STORE_LIST, &v, out))
        return;
    for (size_t i = 0; v != NULL && i < v->list.count; i++) {
        if (str_eq(store_list_at(&v->list, i), args[2])) {
            answer_int(out, (int64_t)i);
            return;
        }
    }
    answer_nil(out);
}

const struct store_command store_cmd_list_table[] = {
    {"rpush", 3, 0, true, rpush}, {"lpush", 3, 0, true, lpush}, {"lpop", 2, 0, true, lpop},
    {"rpop", 2, 0, true, rpop},   {"llen", 2, 2, false, llen},  {"lrange", 4, 4, false, lrange},
    {"ltrim", 4, 4, true, ltrim}, {"lrem", 4, 4, true, lrem},   {"lindex", 3, 3, false, lindex},
    {"lpos", 3, 0, false, lpos},  {NULL, 0, 0, false, NULL},
};
