/* Sends messages to ourselves and says when one does not come back in time. */
#include "matchmaking/echo.h"

enum {
    TICKS = 4
}; /* Counted instead of read from the clock: after a pause of this process one tick has
      passed, and the message that waits in the socket is read before the next. */

static void on_tick(void *arg)
{
    struct echo *e = arg;
    if (++e->ticks < TICKS)
        return;
    echo_forget(e);
    e->on_deaf(e->arg);
}

void echo_init(struct echo *e, struct loop *l, const char *prefix, const char *instance_id, uint64_t late_ms,
               loop_cb on_deaf, void *arg)
{
    *e = (struct echo){.late_ms = late_ms, .on_deaf = on_deaf, .arg = arg};
    e->timer = loop_timer_new(l, on_tick, e);
    buf_add_fmt(&e->channel, "%sroom_events:%s", prefix, instance_id);
    buf_add_fmt(&e->message, "{\"roomId\":\"\",\"event\":\"echo\",\"data\":{},\"originInstanceId\":\"%s\"}",
                instance_id);
}

void echo_close(struct echo *e)
{
    loop_timer_free(e->timer);
    buf_close(&e->channel);
    buf_close(&e->message);
}

bool echo_send(struct echo *e)
{
    if (e->unheard)
        return false;
    e->unheard = true;
    e->ticks = 0;
    loop_timer_start(e->timer, e->late_ms / TICKS, e->late_ms / TICKS);
    return true;
}

bool echo_heard(struct echo *e, struct str channel, struct str message)
{
    if (!str_eq(message, buf_str(&e->message)) || !str_eq(channel, buf_str(&e->channel)))
        return false;
    echo_forget(e);
    return true;
}

void echo_forget(struct echo *e)
{
    e->unheard = false;
    loop_timer_stop(e->timer);
}
