/* Keeps the channels of a link and reads the answers of a subscribed connection. */
#include "common/redis/subs.h"

#include <strings.h>

#include "common/mem.h"
#include "common/redis/wire.h"
#include <hiredis/hiredis.h>

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

enum subs_said subs_read(struct subs *s, const struct redisReply *reply, struct str *channel,
                         struct str *message)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return SUBS_NOTHING;
    const redisReply *kind = reply->element[0], *from = reply->element[1], *text = reply->element[2];
    if (strcasecmp(kind->str, "subscribe") == 0)
        return ++s->confirmed == s->count ? SUBS_COMPLETE : SUBS_NOTHING;
    if (strcasecmp(kind->str, "message") != 0 || text->type != REDIS_REPLY_STRING)
        return SUBS_NOTHING;
    *channel = (struct str){from->str, from->len};
    *message = (struct str){text->str, text->len};
    return SUBS_MESSAGE;
}
