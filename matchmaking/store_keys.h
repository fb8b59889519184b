/* The keyspace: which key holds what, and when it goes. For the command files only. */
#ifndef MATCHMAKING_STORE_KEYS_H
#define MATCHMAKING_STORE_KEYS_H

#include "matchmaking/answer.h"
#include "matchmaking/store_blob.h"
#include "matchmaking/store_dict.h"
#include "matchmaking/store_list.h"
#include "matchmaking/store_zset.h"

enum store_type { STORE_STRING, STORE_LIST, STORE_HASH, STORE_SET, STORE_ZSET };

struct store_value {
    enum store_type type;
    int64_t expires_at_ms; /* 0: stays; set by store_keys_expire only */
    union {
        struct store_blob *string; /* owned; never NULL after the command that made it */
        struct store_list list;
        struct store_dict dict; /* HASH: field -> store_blob; SET: member -> NULL */
        struct store_zset zset;
    };
};

struct store_keys {
    struct store_dict dict;   /* key -> struct store_value */
    struct store_zset expiry; /* keys with an end, by its ms */
    uint64_t now_us;          /* the present unit's time */
    uint64_t hash_seed;
    /* PUBLISH (store.h): touches no key, but is a command like the others. */
    int64_t (*publish)(void *arg, struct str channel, struct str message);
    void *publish_arg;
};

static inline int64_t store_keys_now_ms(const struct store_keys *s)
{
    return (int64_t)(s->now_us / 1000);
}

void store_keys_init(struct store_keys *s, uint64_t hash_seed); /* empty; store_keys_clear also closes it */
const char *store_keys_type_name(enum store_type t);            /* as TYPE says it */

struct store_value *store_keys_find(const struct store_keys *s,
                                    struct str key); /* any type; NULL if absent */
/* Looks for a value of one type: *v is NULL if the key is absent. false: it holds another type, and WRONGTYPE
 * is the answer. */
bool store_keys_read(const struct store_keys *s, struct str key, enum store_type t, struct store_value **v,
                     struct answer *out);
/* Creates the key with an empty value; it must be absent, and the caller must put something into it. */
struct store_value *store_keys_create(struct store_keys *s, struct str key, enum store_type t);
/* store_keys_read, then store_keys_create if it was absent. */
bool store_keys_write(struct store_keys *s, struct str key, enum store_type t, struct store_value **v,
                      struct answer *out);
bool store_keys_remove(struct store_keys *s, struct str key); /* false if it was absent */
/* An empty collection does not exist: to be called after elements were taken out. v dies if it is empty. */
void store_keys_trim(struct store_keys *s, struct str key, const struct store_value *v);
/* The value goes at this time; 0 = it stays. */
void store_keys_expire(struct store_keys *s, struct str key, struct store_value *v, int64_t at_ms);
void store_keys_expire_due(struct store_keys *s); /* removes everything whose time has come */
void store_keys_clear(struct store_keys *s);      /* removes everything */

#endif
