/* Queues frames for one connection and decides what is dropped when it reads too slowly. */
#include "gateway/outbox.h"

#include "common/err.h"
#include "common/mem.h"

/* A ring of references. Whether a frame is volatile belongs to the queue and not to the frame, because the
 * same frame may be queued for several receivers. Making room walks the whole ring; it frees a quarter of the
 * limit at a time, so that a client at its limit does not cost a walk per message. */

enum { ROOM_SHARE = 4 };

static struct outbox_entry *at(struct outbox *o, uint32_t i)
{
    struct outbox_entry *ring = o->ring ? o->ring : o->first;
    return &ring[(o->head + i) & (o->capacity - 1)];
}

static size_t size_of(const struct frame *f)
{
    return frame_bytes(f).n;
}

static void grow(struct outbox *o)
{
    if (o->capacity == 0) {
        o->capacity = OUTBOX_FIRST;
        return;
    }
    uint32_t capacity = o->capacity * 2;
    CHECK(capacity > o->capacity);
    struct outbox_entry *ring = mem_alloc(capacity * sizeof *ring);
    for (uint32_t i = 0; i < o->count; i++)
        ring[i] = *at(o, i);
    mem_free(o->ring);
    o->ring = ring;
    o->capacity = capacity;
    o->head = 0;
}

static void append(struct outbox *o, struct frame *f, bool is_volatile)
{
    if (o->count == o->capacity)
        grow(o);
    *at(o, o->count++) = (struct outbox_entry){frame_ref(f), is_volatile};
    o->bytes += size_of(f);
    if (is_volatile)
        o->volatile_bytes += size_of(f);
}

static void forget(struct outbox *o, const struct outbox_entry *e)
{
    size_t n = size_of(e->frame);
    o->bytes -= n;
    if (e->is_volatile)
        o->volatile_bytes -= n;
    frame_unref(e->frame);
}

/* Drops the oldest volatile frames until `target` bytes or fewer wait; returns how many. Closes the gaps in
 * place. */
static size_t drop_volatile(struct outbox *o, size_t target)
{
    uint32_t kept = 0, count = o->count;
    for (uint32_t i = 0; i < count; i++) {
        struct outbox_entry e = *at(o, i);
        if (e.is_volatile && o->bytes > target)
            forget(o, &e);
        else
            *at(o, kept++) = e;
    }
    o->count = kept;
    return count - kept;
}

enum outbox_result outbox_push(struct outbox *o, struct frame *f, bool is_volatile, size_t max_bytes,
                               size_t *dropped)
{
    size_t n = size_of(f);
    if (o->count > 0 && o->bytes + n > max_bytes) {
        if (is_volatile) {
            *dropped += 1;
            return OUTBOX_DROPPED;
        }
        size_t reliable = o->bytes - o->volatile_bytes;
        if (reliable > 0 && reliable + n > max_bytes)
            return OUTBOX_FULL;
        size_t room = n + max_bytes / ROOM_SHARE;
        *dropped += drop_volatile(o, room < max_bytes ? max_bytes - room : 0);
    }
    append(o, f, is_volatile);
    return OUTBOX_QUEUED;
}

void outbox_push_always(struct outbox *o, struct frame *f)
{
    append(o, f, false);
}

struct str outbox_next(struct outbox *o, char *scratch, size_t size, uint32_t *frames)
{
    size_t filled = 0;
    uint32_t n = 0;
    while (n < o->count && filled + size_of(at(o, n)->frame) <= size)
        filled += size_of(at(o, n++)->frame);
    *frames = n > 0 ? n : o->count > 0;
    if (o->count == 0)
        return (struct str){0};
    if (n <= 1) /* alone: sent from where it lies */
        return frame_bytes(at(o, 0)->frame);
    char *p = scratch;
    for (uint32_t i = 0; i < n; i++) {
        struct str bytes = frame_bytes(at(o, i)->frame);
        memcpy(p, bytes.p, bytes.n);
        p += bytes.n;
    }
    return (struct str){scratch, filled};
}

void outbox_take(struct outbox *o, uint32_t frames)
{
    CHECK(frames <= o->count);
    for (; frames > 0; frames--) {
        forget(o, at(o, 0));
        o->head = (o->head + 1) & (o->capacity - 1);
        o->count--;
    }
}

void outbox_clear(struct outbox *o)
{
    outbox_take(o, o->count);
    outbox_shrink(o);
}

void outbox_shrink(struct outbox *o)
{
    if (o->count > 0)
        return;
    mem_free(o->ring);
    *o = (struct outbox){0};
}
