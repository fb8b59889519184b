/* Proves that the event link hears: a message to ourselves now and then, which must come back.
 *
 * A subscribed connection cannot be asked anything, and one that is dead looks like a quiet fleet. */
#ifndef MATCHMAKING_ECHO_H
#define MATCHMAKING_ECHO_H

#include "common/buf.h"
#include "common/loop.h"

struct echo {
    struct loop_timer *timer;
    struct buf channel, message;
    uint64_t late_ms;
    unsigned ticks; /* since the unheard one was sent */
    bool unheard;
    loop_cb on_deaf;
    void *arg;
};

/* on_deaf: the echo was not heard for late_ms while this process ran (time asleep does not count). */
void echo_init(struct echo *e, struct loop *l, const char *prefix, const char *instance_id, uint64_t late_ms,
               loop_cb on_deaf, void *arg);
void echo_close(struct echo *e);
/* true: publish e->message on e->channel now. false: the last one is still on its way. */
bool echo_send(struct echo *e);
/* true: this message was the echo, nobody else needs it. */
bool echo_heard(struct echo *e, struct str channel, struct str message);
void echo_forget(struct echo *e); /* the link is gone, and with it what was on its way */

#endif
