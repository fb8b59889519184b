/* Keeps the channels of a link and reads the answers of a subscribed connection. */
#include "common/redis/subs.h"

#include "common/mem.h"
#include "common/redis/wire.h"

struct channel {
    struct list node;
    char *name;
};

void subs_init(struct subs *s)
{
    *s = (struct subs){0};
    list_init(&s->channels);
}

void subs_close(struct subs *s)
{
    LIST_EACH_SAFE(it, tmp, &s->channels)
    {
        struct channel *c = OWNER(it, struct channel, node);
        mem_free(c->name);
        mem_free(c);
    }
}

void subs_add(struct subs *s, struct str channel)
{
    struct channel *c = mem_alloc(sizeof *c);
    c->name = mem_copy(channel.p, channel.n);
    list_push(&s->channels, &c->node);
    s->count++;
}

void subs_begin(struct subs *s, struct buf *out)
{
    s->confirmed = 0;
    redis_format_begin(out, 1 + s->count);
    redis_format_add(out, (struct str[]){STR("SUBSCRIBE")}, 1);
    LIST_EACH(it, &s->channels)
    {
        struct str name = str_of(OWNER(it, struct channel, node)->name);
        redis_format_add(out, &name, 1);
    }
}

enum subs_said subs_read(struct subs *s, const struct reply *reply, struct str *channel, struct str *message)
{
    if (reply->count != 3)
        return SUBS_NOTHING;
    struct str kind = reply_str(reply, 0);
    if (str_eq(kind, STR("subscribe")))
        return ++s->confirmed == s->count ? SUBS_COMPLETE : SUBS_NOTHING;
    if (!str_eq(kind, STR("message")) || reply_at(reply, 2)->type != REPLY_STR)
        return SUBS_NOTHING;
    *channel = reply_str(reply, 1);
    *message = reply_str(reply, 2);
    return SUBS_MESSAGE;
}
