/* A hashed timer wheel for what every connection needs: pings, deadlines, lingering closes. */
#include "gateway/wheel.h"

#include "common/err.h"

/* An entry lies in the slot of its tick modulo WHEEL_SLOTS. A time further away than one turn is passed over
 * until its turn has come, so a slot may hold entries of several turns; with a tick of 250 ms a turn is 64 s
 * and all but none of our times fit in it. One timer of the event loop drives the wheel instead of one per
 * connection. */

void wheel_init(struct wheel *w, uint64_t tick_ms, uint64_t now_ms)
{
    CHECK(tick_ms > 0);
    for (int i = 0; i < WHEEL_SLOTS; i++)
        list_init(&w->slots[i]);
    list_init(&w->due);
    w->tick_ms = tick_ms;
    w->done = now_ms / tick_ms + 1;
}

void wheel_entry_init(struct wheel_entry *e)
{
    list_init(&e->link);
    e->due_tick = 0;
}

void wheel_set(struct wheel *w, struct wheel_entry *e, uint64_t at_ms)
{
    uint64_t tick = (at_ms + w->tick_ms - 1) / w->tick_ms; /* rounded up: never early */
    e->due_tick = tick > w->done ? tick : w->done;
    list_remove(&e->link);
    list_push(&w->slots[e->due_tick % WHEEL_SLOTS], &e->link);
}

void wheel_remove(struct wheel_entry *e)
{
    list_remove(&e->link);
}

/* Moves what is due in the slot of tick w->done to w->due. */
static void collect(struct wheel *w, uint64_t now_tick)
{
    LIST_EACH_SAFE(it, next, &w->slots[w->done % WHEEL_SLOTS])
    {
        if (OWNER(it, struct wheel_entry, link)->due_tick > now_tick)
            continue;
        list_remove(it);
        list_push(&w->due, it);
    }
}

struct wheel_entry *wheel_next_due(struct wheel *w, uint64_t now_ms)
{
    uint64_t now_tick = now_ms / w->tick_ms;
    if (now_tick >= w->done + WHEEL_SLOTS) /* asleep for more than a turn: every slot once is enough */
        w->done = now_tick - WHEEL_SLOTS + 1;
    for (; list_empty(&w->due) && w->done <= now_tick; w->done++)
        collect(w, now_tick);
    if (list_empty(&w->due))
        return NULL;
    struct list *first = w->due.next;
    list_remove(first);
    return OWNER(first, struct wheel_entry, link);
}
