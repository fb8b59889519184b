/* A timer wheel: many coarse timers behind one clock, O(1) to set, move and remove.
 *
 * An entry is embedded in its owner. Nothing is called back: the owner of the wheel asks, once a tick, which
 * entries are due. Precision is one tick, and an entry is never early. Pure: time comes in as an argument. */
#ifndef GATEWAY_WHEEL_H
#define GATEWAY_WHEEL_H

#include <stdint.h>
#include "common/list.h"

enum { WHEEL_SLOTS = 256 };

struct wheel {
    struct list slots[WHEEL_SLOTS];
    struct list due; /* found, not yet handed out */
    uint64_t done;   /* all ticks before this one have been looked at */
    uint64_t tick_ms;
};

struct wheel_entry { /* wheel_entry_init before use */
    struct list link;
    uint64_t due_tick;
};

void wheel_init(struct wheel *w, uint64_t tick_ms, uint64_t now_ms);
void wheel_entry_init(struct wheel_entry *e);
/* Sets or moves the entry. A time that has passed already is due at the next tick. */
void wheel_set(struct wheel *w, struct wheel_entry *e, uint64_t at_ms);
void wheel_remove(struct wheel_entry *e); /* harmless if it is not set */
/* The next entry that is due, taken off the wheel, or NULL. Call until NULL; between calls any entry may be
 * set or removed (one that is set again comes in a later tick). */
struct wheel_entry *wheel_next_due(struct wheel *w, uint64_t now_ms);

#endif
