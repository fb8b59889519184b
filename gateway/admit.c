/* Looks at INFO once: a Redis Cluster needs a hash tag, and some want no start on a Redis that may evict. */
#include "gateway/admit.h"

#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/settings.h"
#include "gateway/store_info.h"

struct question {
    struct node *node;
    admit_cb fn;
    void *arg;
};

static bool says(struct str text, const char *what)
{
    return text.n > 0 && memmem(text.p, text.n, what, strlen(what)) != NULL;
}

static bool has_hash_tag(const char *prefix)
{
    const char *open = prefix ? strchr(prefix, '{') : NULL;
    const char *shut = open ? strchr(open, '}') : NULL;
    return shut && shut > open + 1;
}

const char *admit_judge(struct str info, const char *key_prefix, bool require_noeviction)
{
    struct store_info store;
    store_info_parse(&store, info, 0);
    if (says(info, "cluster_enabled:1") && !has_hash_tag(key_prefix))
        return "this is a Redis Cluster: scripts need all keys in one slot; set REDIS_KEY_PREFIX to a hash "
               "tag "
               "such as {realm1}:, or use a single primary";
    if (require_noeviction && store.policy[0] == '\0')
        return "REDIS_REQUIRE_NOEVICTION is set and Redis does not say its maxmemory-policy (INFO)";
    if (require_noeviction && strcmp(store.policy, "noeviction") != 0)
        return "REDIS_REQUIRE_NOEVICTION is set and Redis' maxmemory-policy is not noeviction: it may delete "
               "running games";
    return NULL;
}

static void on_info(void *arg, int err, const struct reply *reply)
{
    struct question q = *(struct question *)arg;
    const struct settings *set = q.node->settings;
    mem_free(arg);
    if (err != ERR_NONE && err != ERR_SCRIPT) {
        q.fn(q.arg, ADMIT_LATER, "");
        return;
    }
    struct str info = err == ERR_NONE ? reply->str : (struct str){0};
    const char *wrong = admit_judge(info, set->redis_key_prefix, set->redis_require_noeviction);
    if (!wrong && says(info, "cluster_enabled:1"))
        log_warn("store.cluster", KV("prefix", set->redis_key_prefix),
                 KV("reason", "this is a node of a Redis Cluster"),
                 KV("next", "works while this very node serves the prefix' slot; nothing is followed"));
    q.fn(q.arg, wrong ? ADMIT_NO : ADMIT_YES, wrong ? wrong : "");
}

void admit_ask(struct node *n, admit_cb fn, void *arg)
{
    if (n->backend->ops->info == NULL) {
        fn(arg, ADMIT_YES, "");
        return;
    }
    struct question *q = mem_alloc(sizeof *q);
    *q = (struct question){n, fn, arg};
    n->backend->ops->info(n->backend, on_info, q);
}
