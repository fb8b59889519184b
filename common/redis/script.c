/* Runs Lua scripts by the hash of their text, and loads them where the server does not know them.
 *
 * A script is loaded once per connection: at its first use in an epoch of the link, SCRIPT LOAD and EVALSHA
 * leave together, the hash being computed here. So NOSCRIPT is rare: somebody said SCRIPT FLUSH, or the
 * server behind an address changed.
 *
 * Then order is at stake. Of calls 1 2 3 under way all may come back with NOSCRIPT, one after the other; if 1
 * were sent again at once, a new call 4 would overtake 2 and 3. Therefore a NOSCRIPT makes the script
 * `stale`: what is under way comes home, new calls are held, and when the last one is home LOAD and all of
 * them, oldest first, leave together. A call keeps its wire form until its answer, and that is sent again.
 * After TRIES_MAX of this the error is passed on. (If somebody else loads the script between 1 and 2, then 2
 * is carried out before 1: this no client can prevent.)
 *
 * Servers before 7 do not know the shebang line: the LOAD fails, saying so, the EVALSHA behind it comes back
 * with NOSCRIPT, and the way just described sends the text without that line, under its other hash; so it is
 * then for all scripts, until the link has another epoch and maybe another server. A LOAD that fails
 * otherwise (a syntax error, a forbidden command) is the answer to the calls behind it.
 *
 * A lost link ends calls through the callback of redis_send, so each way leads through on_answer, exactly
 * once. */
#include <openssl/evp.h>
#include <stdio.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/list.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/redis/script.h"

enum { SHA_SIZE = 41, TRIES_MAX = 4, HEAD_BYTES = 80 /* EVALSHA, the hash, the number of keys */ };

struct script_runner {
    struct redis_link *link;
    struct list entries;
    struct list calls; /* all that are not answered, in order */
    uint64_t
        plain_epoch;  /* the epoch of the link whose server turned out to be too old for the shebang line */
    size_t under_way; /* callbacks of the link that will still come, and frames that need the runner */
    bool closed;
    redis_cb watcher; /* or NULL */
    void *watcher_arg;
};

struct entry { /* one script */
    struct list node;
    struct script_runner *runner;
    const struct script *script;
    char sha[SHA_SIZE];
    struct list calls; /* of it, not answered, in order */
    size_t out;        /* of these, sent and not yet back */
    uint64_t epoch;    /* the epoch of the link in which it was loaded; 0: not loaded */
    bool stale;
    bool plain; /* sha is that of the text without the first line */
    struct buf load_error;
};

struct script_call {
    struct list node, in_runner; /* among the script's calls, and among all */
    struct entry *entry;
    redis_cb fn; /* NULL: nobody waits (any more) */
    void *arg;
    uint64_t at_us;
    unsigned tries;
    bool out;           /* the link will come back with it */
    struct buf command; /* the whole EVALSHA in wire form */
    size_t sha_at;      /* where the hash stands in it */
};

static void hold(struct script_runner *r)
{
    r->under_way++;
}

static void let_go(struct script_runner *r)
{
    if (--r->under_way > 0 || !r->closed)
        return;
    LIST_EACH_SAFE(it, tmp, &r->entries)
    {
        struct entry *e = OWNER(it, struct entry, node);
        buf_close(&e->load_error);
        mem_free(e);
    }
    mem_free(r);
}

/* ---- a script ---- */

static bool is_plain(const struct script_runner *r)
{
    return r->plain_epoch != 0 && r->plain_epoch == redis_link_epoch(r->link);
}

/* With `plain` from the end of the first line on: line numbers in error messages stay what they were. */
static struct str script_text(const struct entry *e)
{
    struct str text = {e->script->text, e->script->text_bytes};
    const char *line_end = memchr(text.p, '\n', text.n);
    if (!e->plain || text.n < 2 || memcmp(text.p, "#!", 2) != 0 || line_end == NULL)
        return text;
    return (struct str){line_end, text.n - (size_t)(line_end - text.p)};
}

static void hash(struct entry *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct str text = script_text(e);
    CHECK(EVP_Digest(text.p, text.n, digest, &n, EVP_sha1(), NULL) == 1 && n == 20);
    for (unsigned i = 0; i < n; i++)
        snprintf(e->sha + 2 * i, 3, "%02x", digest[i]);
}

static struct entry *get_entry(struct script_runner *r, const struct script *s)
{
    LIST_EACH(it, &r->entries)
    {
        struct entry *e = OWNER(it, struct entry, node);
        if (e->script == s)
            return e;
    }
    struct entry *e = mem_alloc(sizeof *e);
    e->runner = r;
    e->script = s;
    list_init(&e->calls);
    list_push(&r->entries, &e->node);
    hash(e);
    return e;
}

static bool says_shebang_unknown(struct str error)
{
    static const char *const signs[] = {"near '#'", "shebang"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (error.n > 0 && memmem(error.p, error.n, signs[i], strlen(signs[i])) != NULL)
            return true;
    return false;
}

static void on_loaded(void *arg, int err, const struct reply *reply)
{
    struct entry *e = arg;
    struct script_runner *r = e->runner;
    if (err == ERR_NONE && reply->type == REPLY_ERROR) {
        e->epoch = 0;
        if (!e->plain && says_shebang_unknown(reply->str)) {
            log_limited(LOG_INFO, "script.plain", KV("script", e->script->name),
                        KV_STR("reason", reply->str));
            r->plain_epoch = redis_link_epoch(r->link); /* the calls come back with NOSCRIPT and go again */
        } else {
            log_limited(LOG_ERROR, "script.refused", KV("script", e->script->name),
                        KV_STR("reason", reply->str));
            buf_add_str(&e->load_error, reply->str);
        }
    }
    let_go(r);
}

static void load(struct entry *e)
{
    struct script_runner *r = e->runner;
    if (e->plain != is_plain(r)) {
        e->plain = !e->plain;
        hash(e);
    }
    buf_clear(&e->load_error);
    e->epoch = redis_link_epoch(r->link);
    hold(r);
    redis_call(r->link, (struct str[]){STR("SCRIPT"), STR("LOAD"), script_text(e)}, 3, on_loaded, e);
}

/* ---- a call ---- */

static void on_answer(void *arg, int err, const struct reply *reply);

static void send_call(struct script_call *c)
{
    struct entry *e = c->entry;
    struct redis_link *k = e->runner->link;
    if (redis_link_up(k) && (e->epoch != redis_link_epoch(k) || e->plain != is_plain(e->runner)))
        load(e);
    memcpy(c->command.data + c->sha_at, e->sha, SHA_SIZE - 1);
    c->tries++;
    c->out = true;
    e->out++;
    hold(e->runner);
    redis_send(k, buf_str(&c->command), on_answer, c);
}

static void free_call(struct script_call *c)
{
    buf_close(&c->command);
    mem_give(c, sizeof *c);
}

/* Unlinks c, tells its maker, frees it. */
static void finish(struct script_call *c, int err, const struct reply *reply)
{
    const char *name = c->entry->script->name;
    if (err == ERR_NONE && reply != NULL && reply->type == REPLY_ERROR)
        err = ERR_SCRIPT;
    if (reply != NULL)
        metrics_observe_for(METRIC_SCRIPT_SECONDS, name, (double)(clock_mono_us() - c->at_us) / 1e6);
    if (err != ERR_NONE)
        metrics_add_for(METRIC_SCRIPT_FAILURES, err_name(err), 1);
    if (c->entry->runner->watcher != NULL)
        c->entry->runner->watcher(c->entry->runner->watcher_arg, err, reply);
    list_remove(&c->node);
    list_remove(&c->in_runner);
    redis_cb fn = c->fn;
    void *arg = c->arg;
    free_call(c);
    if (fn != NULL)
        fn(arg, err, reply);
}

static bool is_noscript(const struct reply *reply)
{
    return reply != NULL && reply->type == REPLY_ERROR && reply->str.n >= 8 &&
           memcmp(reply->str.p, "NOSCRIPT", 8) == 0;
}

/* The server's reason for refusing the script, instead of the NOSCRIPT that followed from it. */
static void finish_refused(struct script_call *c, const struct buf *why)
{
    struct buf text = {0}; /* a copy: the callback may ask again, which forgets the reason */
    buf_add_str(&text, buf_str(why));
    finish(c, ERR_SCRIPT, &(struct reply){.type = REPLY_ERROR, .str = buf_str(&text)});
    buf_close(&text);
}

/* The first call before c that waits to be sent again. One that is out (a write probe, which others need not
 * wait for) has its own answer to come. */
static struct script_call *waiting_before(const struct script_call *c)
{
    LIST_EACH(it, &c->entry->calls)
    {
        struct script_call *one = OWNER(it, struct script_call, node);
        if (one == c)
            break;
        if (!one->out)
            return one;
    }
    return NULL;
}

/* The link is lost: what waits before c to be sent again has not happened, and is told first. */
static void finish_lost(struct script_call *c, int err)
{
    struct script_runner *r = c->entry->runner;
    struct script_call *first;
    while (!r->closed && (first = waiting_before(c)) != NULL)
        finish(first, ERR_UNAVAILABLE, NULL);
    if (r->closed)
        free_call(c);
    else
        finish(c, err, NULL);
}

static void on_answer(void *arg, int err, const struct reply *reply)
{
    struct script_call *c = arg;
    struct entry *e = c->entry;
    struct script_runner *r = e->runner;
    e->out--;
    if (r->closed) { /* its maker was told long ago */
        free_call(c);
    } else if (reply == NULL) {
        finish_lost(c, err);
    } else if (!is_noscript(reply) || c->tries >= TRIES_MAX) {
        finish(c, err, reply);
    } else if (e->load_error.len > 0) {
        finish_refused(c, &e->load_error);
    } else {
        c->out = false;
        e->stale = true;
        e->epoch = 0;
    }
    if (!r->closed && e->stale && e->out == 0) {
        e->stale = false;
        LIST_EACH(it, &e->calls)
        {
            send_call(OWNER(it, struct script_call, node));
        }
    }
    let_go(r);
}

/* With what stands before each: `$`, its length and two ends of line. */
static size_t wire_size(const struct str *texts, size_t count)
{
    enum { AROUND = 1 + 7 + 2 + 2 };
    size_t n = count * AROUND;
    for (size_t i = 0; i < count; i++)
        n += texts[i].n;
    return n;
}

void script_run(struct script_runner *r, const struct script *s, const struct str *keys, size_t key_count,
                const struct str *args, size_t arg_count, redis_cb fn, void *arg)
{
    struct entry *e = get_entry(r, s);
    struct script_call *c = mem_take(sizeof *c);
    char count[STR_INT_BYTES];
    size_t digits = str_from_int(count, (int64_t)key_count);
    *c = (struct script_call){.entry = e, .fn = fn, .arg = arg, .at_us = clock_mono_us()};
    buf_reserve(&c->command, HEAD_BYTES + wire_size(keys, key_count) + wire_size(args, arg_count));
    redis_format_begin(&c->command, 3 + key_count + arg_count);
    redis_format_add(&c->command, (struct str[]){STR("EVALSHA"), {e->sha, SHA_SIZE - 1}}, 2);
    c->sha_at = c->command.len - (SHA_SIZE - 1) - 2;
    redis_format_add(&c->command, &(struct str){count, digits}, 1);
    redis_format_add(&c->command, keys, key_count);
    redis_format_add(&c->command, args, arg_count);
    list_push(&e->calls, &c->node);
    list_push(&r->calls, &c->in_runner);
    if (!e->stale && !r->closed)
        send_call(c);
}

void script_runner_watch(struct script_runner *r, redis_cb fn, void *arg)
{
    r->watcher = fn;
    r->watcher_arg = arg;
}

struct script_runner *script_runner_new(struct redis_link *k)
{
    struct script_runner *r = mem_alloc(sizeof *r);
    r->link = k;
    list_init(&r->entries);
    list_init(&r->calls);
    hold(r);
    return r;
}

/* What was never sent, or came back with NOSCRIPT, has certainly not happened. */
static void answer_one(struct script_call *c)
{
    redis_cb fn = c->fn;
    void *arg = c->arg;
    int err = c->out ? ERR_UNKNOWN : ERR_UNAVAILABLE;
    list_remove(&c->node);
    list_remove(&c->in_runner);
    if (!c->out)
        free_call(c);
    if (fn != NULL)
        fn(arg, err, NULL);
}

void script_runner_free(struct script_runner *r)
{
    if (r == NULL)
        return;
    CHECK(!r->closed);
    r->closed = true;
    while (!list_empty(&r->calls)) /* also those that the callbacks make */
        answer_one(OWNER(r->calls.next, struct script_call, in_runner));
    let_go(r);
}
