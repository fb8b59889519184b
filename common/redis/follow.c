/* Keeps a link to each sentinel subscribed to +switch-master. */
#include "common/redis/follow.h"

#include <stdio.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/redis/link.h"

struct follow {
    const struct sentinel_hosts *hosts;
    follow_cb fn;
    void *arg;
    char said[280]; /* the last place announced: the other sentinels say it too */
    struct redis_link *links[SENTINEL_HOSTS_MAX];
};

bool follow_parse(struct str message, const char *master, struct str *host, int *port)
{
    struct str rest = message, name = str_cut(&rest, ' ');
    (void)str_cut(&rest, ' ');
    (void)str_cut(&rest, ' ');
    *host = str_cut(&rest, ' ');
    int64_t number = 0;
    if (!str_eq(name, str_of(master)) || host->n == 0 || !str_to_int(rest, &number) || number < 1 ||
        number > 65535)
        return false;
    *port = (int)number;
    return true;
}

static void on_message(void *arg, struct str channel, struct str message)
{
    struct follow *f = arg;
    struct str host;
    int port;
    char place[sizeof f->said];
    (void)channel;
    if (!follow_parse(message, f->hosts->master, &host, &port))
        return;
    (void)snprintf(place, sizeof place, "%.*s:%d", (int)host.n, host.p, port);
    if (strcmp(place, f->said) == 0)
        return;
    memcpy(f->said, place, sizeof place);
    log_info("redis.switched", KV("master", f->hosts->master), KV("address", place),
             KV("next", "the links follow"));
    f->fn(f->arg, host, port);
}

struct follow *follow_new(struct loop *l, const struct sentinel_hosts *hosts, uint64_t connect_timeout_ms,
                          follow_cb fn, void *arg)
{
    struct follow *f = mem_alloc(sizeof *f);
    *f = (struct follow){.hosts = hosts, .fn = fn, .arg = arg};
    for (size_t i = 0; i < hosts->count; i++) {
        f->links[i] = redis_link_new(l, &(struct redis_link_options){.address = hosts->hosts[i],
                                                                     .name = "sentinel",
                                                                     .command_timeout_ms = connect_timeout_ms,
                                                                     .connect_timeout_ms = connect_timeout_ms,
                                                                     .aside = true,
                                                                     .on_message = on_message,
                                                                     .arg = f});
        redis_subscribe(f->links[i], STR("+switch-master"));
    }
    return f;
}

void follow_free(struct follow *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < SENTINEL_HOSTS_MAX; i++)
        redis_link_free(f->links[i]);
    mem_free(f);
}
