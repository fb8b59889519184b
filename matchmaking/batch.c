/* Collects calls of one script, sends them as one, and takes the answer apart. */
#include "matchmaking/batch.h"

#include "common/buf.h"
#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/events.h"

/* Of one script: what all calls share, and what each has of its own. */
enum { KEYS_FRONT_MAX = 16, KEYS_OWN_MAX = 4, ARGS_FRONT_MAX = 8, ARGS_OWN_MAX = 12 };
enum {
    KEYS_MAX = KEYS_FRONT_MAX + BATCH_MAX * KEYS_OWN_MAX,
    ARGS_MAX = ARGS_FRONT_MAX + BATCH_MAX * ARGS_OWN_MAX
};

struct waiting { /* for the answer to one call */
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
    struct loop *loop;
    struct backend *to;
    const struct script *script; /* of the calls collected */
    size_t count, key_count, arg_count;
    bool has_last; /* the last key, which all share */
    struct span last;
    struct buf text;
    struct span keys[KEYS_MAX], args[ARGS_MAX];
    struct waiting waiting[BATCH_MAX];
};

/* A message that was said is answered by its event alone, which saves the store a table: its number stands in
 * it. */
static void tell(const struct waiting *w, int err, const struct reply *own)
{
    struct room_event e;
    if (!w->fn)
        return;
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
    for (size_t i = 0; i < f->count; i++)
        tell(&f->waiting[i], err, err == ERR_NONE ? reply_at(reply, i) : reply);
    mem_free(f);
}

static void depart(struct backend *to, const struct script *s, const struct str *keys, size_t key_count,
                   const struct str *args, size_t arg_count, const struct waiting *waiting, size_t count)
{
    struct flight *f = mem_alloc(sizeof *f + count * sizeof *waiting);
    f->count = count;
    memcpy(f->waiting, waiting, count * sizeof *waiting);
    to->ops->run(to, s, keys, key_count, args, arg_count, on_answer, f);
}

static struct str text_of(const struct batch *b, struct span s)
{
    return (struct str){b->text.data + s.at, s.n};
}

void batch_flush(struct batch *b)
{
    if (b->count == 0)
        return;
    struct str keys[KEYS_MAX + 1], args[ARGS_MAX];
    size_t key_count = b->key_count;
    for (size_t i = 0; i < b->key_count; i++)
        keys[i] = text_of(b, b->keys[i]);
    if (b->has_last)
        keys[key_count++] = text_of(b, b->last);
    for (size_t i = 0; i < b->arg_count; i++)
        args[i] = text_of(b, b->args[i]);
    size_t count = b->count;
    b->count = 0; /* an answer may come at once, and add the next */
    depart(b->to, b->script, keys, key_count, args, b->arg_count, b->waiting, count);
    if (b->count == 0)
        buf_clear(&b->text);
}

static void on_flush(void *arg)
{
    batch_flush(arg);
}

struct batch *batch_new(struct loop *l)
{
    struct batch *b = mem_alloc(sizeof *b);
    b->loop = l;
    loop_on_flush(l, on_flush, b);
    return b;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    batch_flush(b);
    loop_off_flush(b->loop, on_flush, b);
    buf_close(&b->text);
    mem_free(b);
}

static struct span keep(struct batch *b, struct str text)
{
    struct span s = {b->text.len, text.n};
    buf_add_str(&b->text, text);
    return s;
}

static void begin(struct batch *b, struct backend *to, const struct script *s, const struct str *keys,
                  size_t key_count, const struct str *args)
{
    CHECK(s->each.keys_front <= KEYS_FRONT_MAX && s->each.keys_own <= KEYS_OWN_MAX);
    CHECK(s->each.args_front <= ARGS_FRONT_MAX && s->each.args_own <= ARGS_OWN_MAX);
    b->to = to;
    b->script = s;
    b->key_count = b->arg_count = 0;
    for (size_t i = 0; i < s->each.keys_front; i++)
        b->keys[b->key_count++] = keep(b, keys[i]);
    for (size_t i = 0; i < s->each.args_front; i++)
        b->args[b->arg_count++] = keep(b, args[i]);
    b->has_last = key_count > s->each.keys_front + s->each.keys_own;
    if (b->has_last)
        b->last = keep(b, keys[key_count - 1]);
}

static void add(struct batch *b, const struct script *s, const struct str *keys, const struct str *args)
{
    for (size_t i = 0; i < s->each.keys_own; i++)
        b->keys[b->key_count++] = keep(b, keys[s->each.keys_front + i]);
    for (size_t i = 0; i < s->each.args_own; i++)
        b->args[b->arg_count++] = keep(b, args[s->each.args_front + i]);
}

void batch_run(struct batch *b, struct backend *to, const struct script *s, const struct str *keys,
               size_t key_count, const struct str *args, size_t arg_count, backend_cb fn, void *arg)
{
    const struct script_each *each = &s->each;
    const struct waiting own = {fn, arg};
    /* What is said to a store that is away is refused now: it must not leave at the end of the pass, when the
     * store may be back, and may be another one than the caller knows (the run among its arguments). */
    bool alone = !b || !to->ops->up(to);
    if (b && b->count > 0 && (alone || s != b->script || to != b->to))
        batch_flush(b);
    if (each->args_own == 0) {
        to->ops->run(to, s, keys, key_count, args, arg_count, fn, arg);
        return;
    }
    CHECK(arg_count == each->args_front + each->args_own);
    CHECK(key_count == each->keys_front + each->keys_own ||
          key_count == each->keys_front + each->keys_own + 1);
    if (alone) {
        depart(to, s, keys, key_count, args, arg_count, &own, 1);
        return;
    }
    if (b->count == 0)
        begin(b, to, s, keys, key_count, args);
    add(b, s, keys, args);
    b->waiting[b->count++] = own;
    if (b->count == BATCH_MAX)
        batch_flush(b);
}
