/* Frames an outgoing WebSocket message once, so that any number of receivers can send the same bytes. */
#include "gateway/frame.h"

#include "common/err.h"
#include "common/mem.h"

/* A server's frame is not masked (RFC 6455 5.1), hence byte for byte the same for everybody: a message to a
 * room of ten is copied once and queued ten times by reference. The count is a plain integer: one process is
 * one thread. */

enum { TEXT = 0x1, PING = 0x9, FIN = 0x80 };
enum { HEADER_MAX = 10, LENGTH_7_MAX = 125, LENGTH_16 = 126, LENGTH_16_MAX = 0xffff, LENGTH_64 = 127 };

struct frame {
    uint32_t references;
    uint32_t size;
    unsigned char bytes[];
};

static size_t write_header(unsigned char header[HEADER_MAX], unsigned char opcode, size_t n)
{
    size_t extra = n <= LENGTH_7_MAX ? 0 : n <= LENGTH_16_MAX ? 2 : 8;
    header[0] = (unsigned char)(FIN | opcode);
    header[1] = (unsigned char)(extra == 0 ? n : extra == 2 ? LENGTH_16 : LENGTH_64);
    for (size_t i = 0; i < extra; i++)
        header[2 + i] = (unsigned char)((uint64_t)n >> (8 * (extra - 1 - i)));
    return 2 + extra;
}

/* Not zeroed: all of it is written. */
static struct frame *new_frame(unsigned char opcode, const struct str *parts, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += parts[i].n;
    CHECK(n <= UINT32_MAX - HEADER_MAX);
    unsigned char header[HEADER_MAX];
    size_t header_size = write_header(header, opcode, n);
    struct frame *f = mem_take(sizeof *f + header_size + n);
    f->references = 1;
    f->size = (uint32_t)(header_size + n);
    memcpy(f->bytes, header, header_size);
    unsigned char *to = f->bytes + header_size;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n > 0)
            memcpy(to, parts[i].p, parts[i].n);
        to += parts[i].n;
    }
    return f;
}

struct frame *frame_text(struct str payload)
{
    return new_frame(TEXT, &payload, 1);
}

struct frame *frame_join(const struct str *parts, size_t count)
{
    return new_frame(TEXT, parts, count);
}

struct frame *frame_ping(struct str payload)
{
    CHECK(payload.n > 0 && payload.n <= LENGTH_7_MAX);
    return new_frame(PING, &payload, 1);
}

struct frame *frame_ref(struct frame *f)
{
    CHECK(f->references < UINT32_MAX);
    f->references++;
    return f;
}

void frame_unref(struct frame *f)
{
    CHECK(f->references > 0);
    if (--f->references == 0)
        mem_give(f, sizeof *f + f->size);
}

struct str frame_bytes(const struct frame *f)
{
    return (struct str){(const char *)f->bytes, f->size};
}
