/* The keyspace: typed values under keys, and an index of the keys that expire.
 *
 * A key's end is kept twice: exactly in its value, and as a score in the sorted set `expiry`, where the
 * earliest is always at rank 0. store_begin takes due keys from there, so no command has to ask whether what
 * it found is still alive, and keys nobody asks for again do not pile up. */
#include "matchmaking/store_keys.h"

#include "common/err.h"

void store_keys_init(struct store_keys *s, uint64_t hash_seed)
{
    *s = (struct store_keys){.hash_seed = hash_seed};
    store_dict_init(&s->dict, hash_seed);
    store_zset_init(&s->expiry, hash_seed);
}

const char *store_keys_type_name(enum store_type t)
{
    static const char *const names[] = {"string", "list", "hash", "set", "zset"};
    return names[t];
}

struct store_value *store_keys_find(const struct store_keys *s, struct str key)
{
    const struct store_dict_entry *e = store_dict_find(&s->dict, key);
    return e != NULL ? e->value : NULL;
}

bool store_keys_read(const struct store_keys *s, struct str key, enum store_type t, struct store_value **v,
                     struct answer *out)
{
    *v = store_keys_find(s, key);
    if (*v == NULL || (*v)->type == t)
        return true;
    answer_error(out, STR("WRONGTYPE Operation against a key holding the wrong kind of value"));
    return false;
}

struct store_value *store_keys_create(struct store_keys *s, struct str key, enum store_type t)
{
    bool created;
    struct store_dict_entry *e = store_dict_put(&s->dict, key, &created);
    CHECK(created);
    struct store_value *v = e->value = mem_alloc(sizeof *v);
    v->type = t;
    if (t == STORE_HASH || t == STORE_SET)
        store_dict_init(&v->dict, s->hash_seed);
    else if (t == STORE_ZSET)
        store_zset_init(&v->zset, s->hash_seed);
    return v;
}

bool store_keys_write(struct store_keys *s, struct str key, enum store_type t, struct store_value **v,
                      struct answer *out)
{
    if (!store_keys_read(s, key, t, v, out))
        return false;
    if (*v == NULL)
        *v = store_keys_create(s, key, t);
    return true;
}

static void free_value(void *value)
{
    struct store_value *v = value;
    switch (v->type) {
    case STORE_STRING:
        mem_free(v->string);
        break;
    case STORE_LIST:
        store_list_close(&v->list);
        break;
    case STORE_HASH:
    case STORE_SET:
        store_dict_close(&v->dict, mem_free);
        break;
    case STORE_ZSET:
        store_zset_close(&v->zset);
        break;
    }
    mem_free(v);
}

bool store_keys_remove(struct store_keys *s, struct str key)
{
    struct store_value *v = store_keys_find(s, key);
    if (v == NULL)
        return false;
    store_keys_expire(s, key, v, 0);
    store_dict_remove(&s->dict, key, NULL);
    free_value(v);
    return true;
}

static size_t size_of(const struct store_value *v)
{
    switch (v->type) {
    case STORE_STRING:
        break;
    case STORE_LIST:
        return v->list.count;
    case STORE_HASH:
    case STORE_SET:
        return v->dict.count;
    case STORE_ZSET:
        return store_zset_count(&v->zset);
    }
    return 1;
}

void store_keys_trim(struct store_keys *s, struct str key, const struct store_value *v)
{
    if (size_of(v) == 0)
        store_keys_remove(s, key);
}

void store_keys_expire(struct store_keys *s, struct str key, struct store_value *v, int64_t at_ms)
{
    if (at_ms != 0)
        store_zset_put(&s->expiry, key, (double)at_ms);
    else if (v->expires_at_ms != 0)
        store_zset_remove(&s->expiry, key);
    v->expires_at_ms = at_ms;
}

void store_keys_expire_due(struct store_keys *s)
{
    int64_t now_ms = store_keys_now_ms(s);
    for (const struct store_zset_node *first; (first = store_zset_at(&s->expiry, 0)) != NULL;) {
        /* The entry of the keyspace lends the key: the node's own copy goes while the key is still in use. */
        const struct store_dict_entry *e = store_dict_find(&s->dict, first->member);
        CHECK(e != NULL);
        if (((const struct store_value *)e->value)->expires_at_ms > now_ms)
            return;
        store_keys_remove(s, store_dict_key(e));
    }
}

void store_keys_clear(struct store_keys *s)
{
    store_dict_close(&s->dict, free_value);
    store_zset_close(&s->expiry);
}
