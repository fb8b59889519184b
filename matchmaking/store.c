/* Finds the command, checks what can be checked without knowing it, and runs it.
 *
 *   store.c            the store's life, the clock of a unit of work, dispatch
 *   store_cmd.*        what a command is, arguments, common errors; store_cmd_<type>.c: the commands, one
 * table per file store_keys.*       keys -> typed values, expiry store_dict, store_list, store_zset,
 * store_blob   the containers, which know nothing of keys and answers answer.*           what a command says
 */
#include "matchmaking/store.h"

#include "common/err.h"
#include "matchmaking/store_cmd.h"

enum { NAME_MAX_BYTES = 32 }; /* longer than any command's name */

struct store {
    struct store_keys keys;
    struct store_dict commands; /* lower-case name -> struct store_command */
    uint64_t (*now_us)(void *arg);
    void *now_arg;
    bool read_only; /* the present unit may not write */
};

static void learn(struct store *s, const struct store_command *table)
{
    for (; table->name != NULL; table++) {
        bool created;
        /* The entries only lend the table: nothing is written through this pointer. */
        store_dict_put(&s->commands, str_of(table->name), &created)->value = (void *)(uintptr_t)table;
        CHECK(created);
    }
}

struct store *store_new(const struct store_options *o)
{
    struct store *s = mem_alloc(sizeof *s);
    s->now_us = o->now_us;
    s->now_arg = o->arg;
    store_keys_init(&s->keys, o->hash_seed);
    s->keys.publish = o->publish;
    s->keys.publish_arg = o->arg;
    store_dict_init(&s->commands, o->hash_seed);
    learn(s, store_cmd_generic_table);
    learn(s, store_cmd_string_table);
    learn(s, store_cmd_hash_table);
    learn(s, store_cmd_list_table);
    learn(s, store_cmd_set_table);
    learn(s, store_cmd_zset_table);
    store_begin(s, false);
    return s;
}

void store_free(struct store *s)
{
    if (s == NULL)
        return;
    store_keys_clear(&s->keys);
    store_dict_close(&s->commands, NULL);
    mem_free(s);
}

void store_begin(struct store *s, bool read_only)
{
    s->keys.now_us = s->now_us(s->now_arg);
    s->read_only = read_only;
    store_keys_expire_due(&s->keys);
}

size_t store_key_count(const struct store *s)
{
    return s->keys.dict.count;
}

static const struct store_command *find_command(const struct store *s, struct str name)
{
    char lower[NAME_MAX_BYTES];
    if (name.n > sizeof lower)
        return NULL;
    for (size_t i = 0; i < name.n; i++)
        lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + ('a' - 'A')) : name.p[i];
    const struct store_dict_entry *e = store_dict_find(&s->commands, (struct str){lower, name.n});
    return e != NULL ? e->value : NULL;
}

/* Redis says only that the command is unknown; the name saves a search. */
static void unknown_error(struct answer *out, struct str name)
{
    struct buf text = {0};
    buf_add_text(&text, "ERR Unknown Redis command called from script: '");
    buf_add(&text, name.p, name.n < NAME_MAX_BYTES ? name.n : NAME_MAX_BYTES);
    buf_add_text(&text, "'");
    answer_error(out, buf_str(&text));
    buf_close(&text);
}

void store_call(struct store *s, const struct str *args, size_t count, struct answer *out)
{
    CHECK(count > 0);
    const struct store_command *c = find_command(s, args[0]);
    size_t before = out->count;
    if (c == NULL)
        unknown_error(out, args[0]);
    else if (count < c->least || (c->most != 0 && count > c->most))
        answer_error(out, STR("ERR Wrong number of args calling Redis command from script"));
    else if (c->write && s->read_only)
        answer_error(out, STR("ERR Write commands are not allowed from read-only scripts."));
    else
        c->run(&s->keys, args, count, out);
    CHECK(out->count > before);
}
