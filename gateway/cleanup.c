/* Removes orphans page by page: each page is one short script, so that a large realm never stops the store
 * for long. */
#include "gateway/cleanup.h"

#include "common/err.h"
#include "common/flow.h"
#include "common/id.h"
#include "common/mem.h"

struct cleanup {
    struct flow flow; /* first: a step gets a flow and means its owner */
    const struct realm *realm;
    struct loop *loop;
    uint64_t until_ms;
    struct report_page page;
    size_t pages;
    struct cleanup_result result;
    cleanup_cb done;
    void *arg;
};

static struct cleanup *of(struct flow *f)
{
    return (struct cleanup *)(void *)f;
}

static void count_kind(struct cleanup_result *r, struct str name, int64_t count)
{
    size_t i = 0;
    while (i < r->kind_count && !str_eq(str_of(r->kinds[i].name), name))
        i++;
    if (i == r->kind_count) {
        if (i == CLEANUP_KINDS_MAX || !id_valid(name) ||
            !str_copy(r->kinds[i].name, sizeof r->kinds[i].name, name))
            return;
        r->kind_count++;
    }
    r->kinds[i].count += count;
}

static void on_page(void *arg, int err, const struct reply *reply)
{
    struct cleanup *c = arg;
    struct report_cleaned page;
    c->result.more = false;
    if (err != ERR_NONE) {
        flow_cancel(&c->flow, err);
    } else if (!report_cleaned(reply, &page)) {
        flow_cancel(&c->flow, ERR_PROTOCOL);
    } else {
        c->result.cleaned += page.cleaned;
        c->result.errors += page.errors;
        c->result.more = page.more;
        c->page = page.next;
        for (size_t i = 0; i + 1 < page.kinds->count; i += 2)
            count_kind(&c->result, reply_str(page.kinds, i), reply_int(page.kinds, i + 1));
    }
    flow_wake(&c->flow);
}

static enum flow_next ask_page(struct flow *f)
{
    struct cleanup *c = of(f);
    c->pages++;
    report_cleanup(c->realm, &c->page, c->result.dry_run, on_page, c);
    return FLOW_WAIT;
}

static enum flow_next read_page(struct flow *f);

static const struct flow_step steps[] = {{"ask_page", ask_page}, {"read_page", read_page}, {NULL, NULL}};

static enum flow_next read_page(struct flow *f)
{
    struct cleanup *c = of(f);
    bool go_on = c->result.more && c->pages < CLEANUP_PAGES_MAX && loop_now_ms(c->loop) < c->until_ms;
    return go_on ? flow_goto(f, &steps[0], FLOW_NEXT) : FLOW_DONE;
}

static void end(struct flow *f)
{
    struct cleanup *c = of(f);
    c->result.err = f->err;
    c->done(c->arg, &c->result);
    mem_free(c);
}

void cleanup_start(const struct realm *r, struct loop *l, bool dry_run, cleanup_cb done, void *arg)
{
    struct cleanup *c = mem_alloc(sizeof *c);
    c->realm = r;
    c->loop = l;
    c->until_ms = loop_now_ms(l) + CLEANUP_MS_MAX;
    c->result.dry_run = dry_run;
    c->done = done;
    c->arg = arg;
    flow_start(&c->flow, "cleanup", steps, end);
}

void cleanup_print(struct buf *out, const struct cleanup_result *result)
{
    buf_add_fmt(out, "{\"cleaned\":%lld,\"errors\":%lld,\"details\":{", (long long)result->cleaned,
                (long long)result->errors);
    for (size_t i = 0; i < result->kind_count; i++)
        buf_add_fmt(out, "\"%s\":%lld,", result->kinds[i].name, (long long)result->kinds[i].count);
    buf_add_fmt(out, "\"dryRun\":%s,\"more\":%s}}", result->dry_run ? "true" : "false",
                result->more ? "true" : "false");
}
