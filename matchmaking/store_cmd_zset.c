/* Commands on sorted sets. */
#include "matchmaking/store_cmd.h"

#include <math.h>

struct add_options {
    bool only_new, only_old, greater, lower, count_changed;
};

/* Reads the options in front of the first score; returns where that stands. */
static size_t add_options(const struct str *args, size_t count, struct add_options *o)
{
    size_t i = 2;
    for (; i < count; i++) {
        if (store_cmd_is(args[i], "nx"))
            o->only_new = true;
        else if (store_cmd_is(args[i], "xx"))
            o->only_old = true;
        else if (store_cmd_is(args[i], "gt"))
            o->greater = true;
        else if (store_cmd_is(args[i], "lt"))
            o->lower = true;
        else if (store_cmd_is(args[i], "ch"))
            o->count_changed = true;
        else
            break;
    }
    return i;
}

/* The first thing wrong with the arguments, in the order in which Redis looks; p NULL if nothing is. */
static struct str add_fault(const struct str *args, size_t count, size_t first, const struct add_options *o)
{
    double score;
    if (first == count || (count - first) % 2 != 0)
        return STR("ERR syntax error");
    if (o->only_new && o->only_old)
        return STR("ERR XX and NX options at the same time are not compatible");
    if ((o->greater && o->lower) || (o->only_new && (o->greater || o->lower)))
        return STR("ERR GT, LT, and/or NX options at the same time are not compatible");
    for (size_t i = first; i < count; i += 2)
        if (!store_cmd_parse_double(args[i], false, &score))
            return STR("ERR value is not a valid float");
    return (struct str){NULL, 0};
}

/* Does this option set let the member have this score? */
static bool may_set(const struct store_zset_node *old, double score, const struct add_options *o)
{
    if (old == NULL)
        return !o->only_old;
    return !o->only_new && !(o->greater && score <= old->score) && !(o->lower && score >= old->score) &&
           score != old->score;
}

static void zadd(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    struct add_options o = {0};
    int64_t added = 0, changed = 0;
    size_t first = add_options(args, count, &o);
    struct str fault = add_fault(args, count, first, &o);
    if (fault.p != NULL) {
        answer_error(out, fault);
        return;
    }
    if (!store_keys_read(s, args[1], STORE_ZSET, &v, out))
        return;
    if (v == NULL && o.only_old) {
        answer_int(out, 0);
        return;
    }
    if (v == NULL) /* at least the first member will be added: only XX forbids it */
        v = store_keys_create(s, args[1], STORE_ZSET);
    for (size_t i = first; i < count; i += 2) {
        double score = 0;
        (void)store_cmd_parse_double(args[i], false, &score); /* add_fault has seen that it can be read */
        const struct store_zset_node *old = store_zset_find(&v->zset, args[i + 1]);
        if (!may_set(old, score, &o))
            continue;
        added += old == NULL;
        changed += old != NULL;
        store_zset_put(&v->zset, args[i + 1], score);
    }
    answer_int(out, added + (o.count_changed ? changed : 0));
}

static void zincrby(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    double by;
    if (!store_cmd_parse_double(args[2], false, &by)) {
        answer_error(out, STR("ERR value is not a valid float"));
        return;
    }
    if (!store_keys_read(s, args[1], STORE_ZSET, &v, out))
        return;
    const struct store_zset_node *old = v != NULL ? store_zset_find(&v->zset, args[3]) : NULL;
    double score = old != NULL ? old->score + by : by;
    if (isnan(score)) {
        answer_error(out, STR("ERR resulting score is not a number (NaN)"));
        return;
    }
    if (v == NULL)
        v = store_keys_create(s, args[1], STORE_ZSET);
    if (old == NULL || old->score != score)
        store_zset_put(&v->zset, args[3], score);
    answer_double(out, score);
}

static void zrem(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    int64_t removed = 0;
    if (!store_keys_read(s, args[1], STORE_ZSET, &v, out))
        return;
    for (size_t i = 2; i < count && v != NULL; i++)
        removed += store_zset_remove(&v->zset, args[i]);
    if (v != NULL)
        store_keys_trim(s, args[1], v);
    answer_int(out, removed);
}

static void zscore(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (!store_keys_read(s, args[1], STORE_ZSET, &v, out))
        return;
    const struct store_zset_node *node = v != NULL ? store_zset_find(&v->zset, args[2]) : NULL;
    if (node != NULL)
        answer_double(out, node->score);
    else
        answer_nil(out);
}

static void zcard(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    if (store_keys_read(s, args[1], STORE_ZSET, &v, out))
        answer_int(out, v != NULL ? (int64_t)store_zset_count(&v->zset) : 0);
}

/* One end of a range of scores: "5", "(5" (without 5), "-inf". */
struct limit {
    double score;
    bool exclusive;
};

static bool parse_limit(struct str text, struct limit *l)
{
    l->exclusive = text.n > 0 && text.p[0] == '(';
    if (l->exclusive)
        text = (struct str){text.p + 1, text.n - 1};
    return store_cmd_parse_double(text, true, &l->score);
}

/* Both ends; false: an error was answered. */
static bool limits(const struct str ends[2], struct limit *min, struct limit *max, struct answer *out)
{
    if (parse_limit(ends[0], min) && parse_limit(ends[1], max))
        return true;
    answer_error(out, STR("ERR min or max is not a float"));
    return false;
}

/* The ranks whose scores lie between the limits. */
static void ranks_between(const struct store_value *v, struct limit min, struct limit max, size_t *from,
                          size_t *to)
{
    *from = v != NULL ? store_zset_rank(&v->zset, min.score, min.exclusive) : 0;
    *to = v != NULL ? store_zset_rank(&v->zset, max.score, !max.exclusive) : 0;
    if (*to < *from)
        *to = *from;
}

struct range_options {
    bool with_scores;
    int64_t offset, most; /* most < 0: no limit */
};

static bool range_options(const struct str *args, size_t count, bool may_limit, struct range_options *o,
                          struct answer *out)
{
    for (size_t i = 4; i < count; i++) {
        if (store_cmd_is(args[i], "withscores")) {
            o->with_scores = true;
        } else if (may_limit && store_cmd_is(args[i], "limit") && i + 2 < count) {
            if (!store_cmd_int(args[i + 1], &o->offset, out) || !store_cmd_int(args[i + 2], &o->most, out))
                return false;
            i += 2;
        } else {
            store_cmd_syntax_error(out);
            return false;
        }
    }
    return true;
}

static void list_member(void *arg, const struct store_zset_node *node)
{
    answer_text(arg, node->member);
}

static void list_with_score(void *arg, const struct store_zset_node *node)
{
    answer_text(arg, node->member);
    answer_double(arg, node->score);
}

static void answer_ranks(const struct store_value *v, size_t from, size_t to, bool with_scores,
                         struct answer *out)
{
    answer_array(out, (to - from) * (with_scores ? 2 : 1));
    if (v != NULL)
        store_zset_each(&v->zset, from, to, with_scores ? list_with_score : list_member, out);
}

static void zrangebyscore(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    struct range_options o = {.most = -1};
    struct limit min, max;
    size_t from, to;
    if (!range_options(args, count, true, &o, out) || !limits(args + 2, &min, &max, out) ||
        !store_keys_read(s, args[1], STORE_ZSET, &v, out))
        return;
    ranks_between(v, min, max, &from, &to);
    /* A negative offset skips everything, as in Redis. */
    from = o.offset < 0 || (uint64_t)o.offset > to - from ? to : from + (size_t)o.offset;
    if (o.most >= 0 && (uint64_t)o.most < to - from)
        to = from + (size_t)o.most;
    answer_ranks(v, from, to, o.with_scores, out);
}

static void zrange(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    struct store_value *v;
    struct range_options o = {0};
    int64_t start, stop;
    size_t from, to;
    if (!range_options(args, count, false, &o, out) || !store_cmd_int(args[2], &start, out) ||
        !store_cmd_int(args[3], &stop, out) || !store_keys_read(s, args[1], STORE_ZSET, &v, out))
        return;
    store_cmd_stretch(start, stop, v != NULL ? store_zset_count(&v->zset) : 0, &from, &to);
    answer_ranks(v, from, to, o.with_scores, out);
}

static void zcount(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    struct limit min, max;
    size_t from, to;
    if (!limits(args + 2, &min, &max, out) || !store_keys_read(s, args[1], STORE_ZSET, &v, out))
        return;
    ranks_between(v, min, max, &from, &to);
    answer_int(out, (int64_t)(to - from));
}

static void zremrangebyscore(struct store_keys *s, const struct str *args, size_t count, struct answer *out)
{
    (void)count;
    struct store_value *v;
    struct limit min, max;
    size_t from, to;
    if (!limits(args + 2, &min, &max, out) || !store_keys_read(s, args[1], STORE_ZSET, &v, out))
        return;
    ranks_between(v, min, max, &from, &to);
    for (size_t i = from; i < to; i++)
        store_zset_remove(&v->zset, store_zset_at(&v->zset, from)->member);
    if (v != NULL)
        store_keys_trim(s, args[1], v);
    answer_int(out, (int64_t)(to - from));
}

const struct store_command store_cmd_zset_table[] = {
    {"zadd", 4, 0, true, zadd},
    {"zincrby", 4, 4, true, zincrby},
    {"zrem", 3, 0, true, zrem},
    {"zscore", 3, 3, false, zscore},
    {"zcard", 2, 2, false, zcard},
    {"zrangebyscore", 4, 0, false, zrangebyscore},
    {"zrange", 4, 0, false, zrange},
    {"zcount", 4, 4, false, zcount},
    {"zremrangebyscore", 4, 4, true, zremrangebyscore},
    {NULL, 0, 0, false, NULL},
};
