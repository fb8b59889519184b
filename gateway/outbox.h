/* What waits to be sent to one connection: a queue of frames by reference, bounded in bytes.
 *
 * Two kinds of frames wait here. Reliable ones (replies, numbered events) are never thinned: when there is no
 * room for one, the push fails and the caller ends the connection. Volatile ones (positions, typing) may be
 * lost: they are dropped first, the new one when it does not fit, or the oldest queued ones when a reliable
 * frame needs their room. Order is kept among all frames that are sent. Pure: no socket, no clock.
 *
 * Memory: two frames find room in the struct itself, beside what every message touches anyway; for more a
 * ring is allocated, which grows in powers of two, 16 bytes a frame, and stays until outbox_shrink. Frames
 * are held by a reference of our own until they are taken or dropped. */
#ifndef GATEWAY_OUTBOX_H
#define GATEWAY_OUTBOX_H

#include "gateway/frame.h"

struct outbox_entry {
    struct frame *frame;
    bool is_volatile;
};
enum { OUTBOX_FIRST = 2 };

struct outbox {                   /* all zero = empty */
    struct outbox_entry *ring;    /* NULL: the entries lie in `first` */
    size_t bytes, volatile_bytes; /* of all queued frames; of the volatile ones among them */
    uint32_t head, count, capacity;
    struct outbox_entry first[OUTBOX_FIRST];
};

enum outbox_result {
    OUTBOX_QUEUED,  /* holds a reference now */
    OUTBOX_DROPPED, /* volatile, and there was no room: not queued */
    OUTBOX_FULL, /* reliable, and there is no room even without the volatile ones: not queued, nothing dropped
                  */
};

/* Queues f within max_bytes. *dropped counts up by the volatile frames lost for it, f itself included. An
 * empty outbox takes one frame of any size, so that a small limit cannot make a large message undeliverable.
 */
enum outbox_result outbox_push(struct outbox *o, struct frame *f, bool is_volatile, size_t max_bytes,
                               size_t *dropped);
/* Queues f whatever the limit says; for pings. */
void outbox_push_always(struct outbox *o, struct frame *f);

/* The bytes to send next: one frame's own bytes, or as many whole frames as fit, copied into scratch[size].
 * *frames says how many they are; pass it to outbox_take once they are sent. Empty when nothing waits; valid
 * until the next call. */
struct str outbox_next(struct outbox *o, char *scratch, size_t size, uint32_t *frames);
void outbox_take(struct outbox *o, uint32_t frames);

void outbox_clear(struct outbox *o);  /* drops all and frees the ring */
void outbox_shrink(struct outbox *o); /* frees the ring if nothing waits */

#endif
