/* Finds the server a link is to connect to.
 *
 * Behind Sentinel the question is asked anew before every attempt, for the last answer may be what made the
 * attempt fail. The one exception is a place that was announced (+switch-master): the sentinel that is asked
 * may not have heard of it yet. */
#include "common/redis/target.h"

#include <stdio.h>

enum { SENTINEL_MS = 500 /* for the connection to one sentinel, and again for its answer */ };

void target_init(struct target *t, struct loop *l, const struct redis_address *address,
                 const struct sentinel_hosts *sentinels)
{
    *t = (struct target){.loop = l, .address = *address};
    if (sentinels != NULL && sentinels->count > 0)
        t->sentinels = sentinels;
    if (t->sentinels != NULL)
        snprintf(t->where, sizeof t->where, "master %s", sentinels->master);
    else
        redis_address_text(&t->address, t->where, sizeof t->where);
}

static bool set_address(struct target *t, struct str host, int port)
{
    struct redis_address *a = &t->address;
    if (host.n >= sizeof a->host)
        return false;
    (void)str_copy(a->host, sizeof a->host, host);
    a->port = port;
    a->is_unix = false;
    redis_address_text(a, t->where, sizeof t->where);
    return true;
}

static void on_master(void *arg, const struct sentinel_answer *answer)
{
    struct target *t = arg;
    t->query = NULL;
    const char *failure = answer->failure;
    if (failure == NULL && !set_address(t, str_of(answer->host), answer->port))
        failure = "the master's name is too long";
    t->fn(t->arg, failure);
}

void target_find(struct target *t, target_cb fn, void *arg)
{
    t->fn = fn;
    t->arg = arg;
    bool known = t->sentinels == NULL || t->announced;
    t->announced = false;
    if (known)
        fn(arg, NULL);
    else
        t->query = sentinel_ask(t->loop, t->sentinels, &t->turn, SENTINEL_MS, on_master, t);
}

void target_cancel(struct target *t)
{
    sentinel_cancel(t->query);
    t->query = NULL;
}

bool target_move(struct target *t, struct str host, int port)
{
    if (t->sentinels == NULL || (str_eq(host, str_of(t->address.host)) && port == t->address.port))
        return false;
    return t->announced = set_address(t, host, port);
}
