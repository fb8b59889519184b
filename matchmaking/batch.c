/* Collects numbered messages, sends them as one call, and takes the answer apart. */
#include "matchmaking/batch.h"

#include "common/buf.h"
#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/events.h"
#include "matchmaking/scripts.h"

enum { KEYS_EACH = 3, ARGS_HEAD = 6, ARGS_EACH = 7 };

struct waiting { /* for the answer to one message */
    backend_cb fn;
    void *arg;
};
struct flight { /* a call under way */
    size_t count;
    struct waiting waiting[];
};
struct span { /* a text in `text`, which may still move */
    size_t at, n;
};
struct batch {
    struct loop *loop;   /* NULL: of one call only */
    struct realm *realm; /* NULL until attached */
    size_t count;
    struct buf text;
    struct span keys[BATCH_MAX * KEYS_EACH], args[BATCH_MAX * ARGS_EACH];
    struct waiting waiting[BATCH_MAX];
};

/* A message that was said is answered by its event alone, which saves the store a table: its number stands in
 * it. */
static void tell(const struct waiting *w, int err, const struct reply *own)
{
    struct room_event e;
    if (err != ERR_NONE || own->type != REPLY_STR || !events_split(own->str, &e)) {
        w->fn(w->arg, err == ERR_NONE && own->type == REPLY_ERROR ? ERR_SCRIPT : err, own);
        return;
    }
    const struct reply parts[] = {{.type = REPLY_STR, .str = STR("OK")},
                                  {.type = REPLY_INT, .integer = e.seq},
                                  {.type = REPLY_STR, .str = own->str}};
    w->fn(w->arg, ERR_NONE,
          &(struct reply){.type = REPLY_ARRAY, .items = parts, .count = sizeof parts / sizeof *parts});
}

static void on_answer(void *arg, int err, const struct reply *reply)
{
    struct flight *f = arg;
    for (size_t i = 0; i < f->count; i++) {
        if (f->waiting[i].fn)
            tell(&f->waiting[i], err, err == ERR_NONE ? reply_at(reply, i) : reply);
    }
    mem_free(f);
}

static struct span keep(struct batch *b, struct str text)
{
    struct span s = {b->text.len, text.n};
    buf_add_str(&b->text, text);
    return s;
}

static void add(struct batch *b, const struct realm *r, const struct batch_message *m, backend_cb fn,
                void *arg)
{
    struct span *key = &b->keys[b->count * KEYS_EACH], *field = &b->args[b->count * ARGS_EACH];
    char digits[STR_INT_BYTES];
    struct str request = {digits, m->request_id && m->session_id.n ? str_from_int(digits, m->request_id) : 0};
    const struct {
        enum redis_key key;
        struct str part;
    } keys[KEYS_EACH] = {{KEY_ROOM, m->room_id}, {KEY_ROOM_LOG, m->room_id}, {KEY_SESSION, m->session_id}};
    for (size_t i = 0; i < KEYS_EACH; i++) {
        char text[REALM_KEY_BYTES];
        key[i] = keep(b, (struct str){text, realm_key_text(r, keys[i].key, keys[i].part, text)});
    }
    const struct str fields[ARGS_EACH] = {m->room_id, m->player_id,      m->socket_id, m->event,
                                          m->data,    m->skip_player_id, request};
    for (size_t i = 0; i < ARGS_EACH; i++)
        field[i] = keep(b, fields[i]);
    b->waiting[b->count++] = (struct waiting){fn, arg};
}

static void send(struct batch *b, const struct realm *r)
{
    struct realm_call c;
    struct str keys[BATCH_MAX * KEYS_EACH + 1], args[ARGS_HEAD + BATCH_MAX * ARGS_EACH];
    size_t key_count = 0, arg_count = 0;
    realm_call(&c, r);
    realm_key(&c, KEY_LINEAGE);
    realm_arg_int(&c, r->rules.log_max);
    realm_arg_now(&c);
    realm_arg_run(&c);
    CHECK(c.arg_count == ARGS_HEAD);
    for (; key_count < b->count * KEYS_EACH; key_count++)
        keys[key_count] = (struct str){b->text.data + b->keys[key_count].at, b->keys[key_count].n};
    keys[key_count++] = c.keys[0];
    for (; arg_count < ARGS_HEAD; arg_count++)
        args[arg_count] = c.args[arg_count];
    for (size_t i = 0; i < b->count * ARGS_EACH; i++)
        args[arg_count++] = (struct str){b->text.data + b->args[i].at, b->args[i].n};
    struct flight *f = mem_alloc(sizeof *f + b->count * sizeof *f->waiting);
    f->count = b->count;
    memcpy(f->waiting, b->waiting, b->count * sizeof *f->waiting);
    b->count = 0; /* an answer may come at once, and add the next */
    struct backend *to = r->backend;
    to->ops->run(to, &script_message, keys, key_count, args, arg_count, on_answer, f);
    if (b->count == 0)
        buf_clear(&b->text);
}

static void flush(struct batch *b)
{
    if (b->count > 0)
        send(b, b->realm);
}

static void on_flush(void *arg)
{
    flush(arg);
}

struct batch *batch_new(struct loop *l)
{
    struct batch *b = mem_alloc(sizeof *b);
    b->loop = l;
    loop_on_flush(l, on_flush, b);
    return b;
}

void batch_attach(struct batch *b, struct realm *r)
{
    b->realm = r;
    r->batch = b;
    r->before_run = flush;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    flush(b);
    loop_off_flush(b->loop, on_flush, b);
    if (b->realm) {
        b->realm->batch = NULL;
        b->realm->before_run = NULL;
    }
    buf_close(&b->text);
    mem_free(b);
}

void batch_message(const struct realm *r, const struct batch_message *m, backend_cb fn, void *arg)
{
    if (!r->batch) {
        struct batch one = {0};
        add(&one, r, m, fn, arg);
        send(&one, r);
        buf_close(&one.text);
        return;
    }
    add(r->batch, r, m, fn, arg);
    if (r->batch->count == BATCH_MAX)
        flush(r->batch);
}
