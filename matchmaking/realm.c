/* Builds the calls to the scripts: complete keys with their prefix, arguments in the order the scripts
 * document. */
#include "matchmaking/realm.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/err.h"

enum { KEY_BYTES = REALM_PREFIX_MAX + ID_MAX + 64 };

void realm_init(struct realm *r, struct backend *backend, const struct realm_rules *rules, const char *prefix,
                const char *instance_id)
{
    *r = (struct realm){.backend = backend, .rules = *rules};
    CHECK(str_copy(r->prefix, sizeof r->prefix, str_of(prefix)));
    CHECK(str_copy(r->instance_id, sizeof r->instance_id, str_of(instance_id)));
    r->prefix_bytes = strlen(r->prefix);
    for (int i = 0; i < KEY_COUNT; i++) {
        struct str behind = str_of(redis_key_pattern((enum redis_key)i));
        r->keys[i].before = str_cut(&behind, '{');
        (void)str_cut(&behind, '}'); /* the hole's name */
        r->keys[i].behind = behind;
    }
    (void)snprintf(r->channel, sizeof r->channel, "%s%s", r->prefix, redis_key_pattern(KEY_ROOM_EVENTS));
}

/* Keeps a composed text for the life of the call. */
static struct str keep(struct realm_call *c, struct str text)
{
    CHECK(c->text_used + text.n <= sizeof c->text);
    char *at = c->text + c->text_used;
    if (text.n > 0)
        memcpy(at, text.p, text.n);
    c->text_used += text.n;
    return (struct str){at, text.n};
}

static void add_key(struct realm_call *c, struct str key)
{
    CHECK(c->key_count < CALL_KEYS_MAX);
    c->keys[c->key_count++] = key;
}

void realm_call(struct realm_call *c, const struct realm *r)
{
    c->realm = r;
    c->key_count = c->arg_count = c->text_used = 0;
    realm_arg(c, str_of(r->instance_id));
    realm_arg(c, str_of(r->channel));
    realm_arg(c, str_of(r->rules.events_mode));
}

void realm_key(struct realm_call *c, enum redis_key key)
{
    if (c->realm->prefix_bytes == 0)
        add_key(c, c->realm->keys[key].before); /* the pattern itself */
    else
        realm_key_of(c, key, (struct str){0});
}

/* The whole key, prefix first, `part` in the place of {part}; its length (no NUL). */
static size_t key_text(const struct realm *r, enum redis_key key, struct str part, char out[KEY_BYTES])
{
    const struct str pieces[] = {
        {r->prefix, r->prefix_bytes}, r->keys[key].before, part, r->keys[key].behind};
    size_t n = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        CHECK(n + pieces[i].n <= KEY_BYTES);
        if (pieces[i].n)
            memcpy(out + n, pieces[i].p, pieces[i].n);
        n += pieces[i].n;
    }
    return n;
}

void realm_key_of(struct realm_call *c, enum redis_key key, struct str part)
{
    char text[KEY_BYTES];
    size_t n = key_text(c->realm, key, part, text);
    add_key(c, keep(c, (struct str){text, n}));
}

void realm_key_level(struct realm_call *c, int64_t level)
{
    char text[STR_INT_BYTES];
    realm_key_of(c, KEY_WAITING, (struct str){text, str_from_int(text, level)});
}

void realm_keys_player(struct realm_call *c)
{
    static const enum redis_key keys[] = {KEY_PLAYERS,     KEY_INSTANCES, KEY_SOCKET_MAPPINGS, KEY_MATCHES,
                                          KEY_GAME_STATES, KEY_DEADLINES, KEY_LEVELS};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        realm_key(c, keys[i]);
}

void realm_keys_room(struct realm_call *c, struct str room_id)
{
    realm_key_of(c, KEY_ROOM, room_id);
    realm_key_of(c, KEY_ROOM_LOG, room_id);
}

void realm_arg(struct realm_call *c, struct str value)
{
    CHECK(c->arg_count < CALL_ARGS_MAX);
    c->args[c->arg_count++] = value;
}

void realm_arg_int(struct realm_call *c, int64_t value)
{
    char text[STR_INT_BYTES];
    realm_arg(c, keep(c, (struct str){text, str_from_int(text, value)}));
}

void realm_heard(struct realm *r, int64_t store_now_ms, int64_t run)
{
    r->store_now_ms = store_now_ms;
    r->heard_at_ms = clock_mono_ms();
    r->run = run;
}

int64_t realm_now_ms(const struct realm *r)
{
    if (!r->heard_at_ms)
        return (int64_t)clock_wall_ms();
    return r->store_now_ms + (int64_t)(clock_mono_ms() - r->heard_at_ms);
}

void realm_arg_now(struct realm_call *c)
{
    const struct realm *r = c->realm;
    if (r->heard_at_ms)
        realm_arg_int(c, realm_now_ms(r));
    else
        realm_arg(c, (struct str){0});
}

void realm_arg_run(struct realm_call *c)
{
    if (c->realm->run)
        realm_arg_int(c, c->realm->run);
    else
        realm_arg(c, (struct str){0});
}

void realm_in_order(const struct realm *r)
{
    if (r->batch)
        batch_flush(r->batch);
}

void realm_run(struct realm_call *c, const struct script *s, backend_cb fn, void *arg)
{
    const struct realm *r = c->realm;
    batch_run(r->batch, r->backend, s, c->keys, c->key_count, c->args, c->arg_count, fn, arg);
}

void realm_probe(struct realm_call *c, const struct script *s, backend_cb fn, void *arg)
{
    struct backend *b = c->realm->backend;
    realm_in_order(c->realm);
    (b->ops->probe ? b->ops->probe : b->ops->run)(b, s, c->keys, c->key_count, c->args, c->arg_count, fn,
                                                  arg);
}

struct realm_outcome realm_outcome(int err, const struct reply *reply)
{
    if (err != ERR_NONE)
        return (struct realm_outcome){.err = err};
    struct str word = reply_str(reply, 0);
    return (struct realm_outcome){.err = word.n ? ERR_NONE : ERR_PROTOCOL, .word = word};
}

bool realm_said(struct realm_outcome o, const char *word)
{
    return o.err == ERR_NONE && str_eq(o.word, str_of(word));
}
