/* The channels one link holds subscribed, and what a subscribed connection says. For link.c only. */
#ifndef COMMON_REDIS_SUBS_H
#define COMMON_REDIS_SUBS_H

#include <stdbool.h>
#include "common/buf.h"
#include "common/list.h"
#include "common/reply.h"

struct subs {
    struct list channels;
    size_t count, confirmed; /* confirmed: on the present connection */
};

enum subs_said { SUBS_NOTHING, SUBS_COMPLETE /* the last channel was confirmed */, SUBS_MESSAGE };

void subs_init(struct subs *s);
void subs_close(struct subs *s);
void subs_add(struct subs *s, struct str channel); /* copied */
/* A new connection: forgets the confirmations and appends the SUBSCRIBE of all channels in wire form. */
void subs_begin(struct subs *s, struct buf *out);
/* What a reply of the subscribed connection means; with SUBS_MESSAGE channel and message borrow from it. */
enum subs_said subs_read(struct subs *s, const struct reply *reply, struct str *channel, struct str *message);

#endif
