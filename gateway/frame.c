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

static struct frame *new_frame(unsigned char opcode, struct str payload)
{
    CHECK(payload.n <= UINT32_MAX - HEADER_MAX);
    unsigned char header[HEADER_MAX];
    size_t header_size = write_header(header, opcode, payload.n);
    struct frame *f =
        mem_resize(NULL, sizeof *f + header_size + payload.n); /* not zeroed: all of it is written */
    f->references = 1;
    f->size = (uint32_t)(header_size + payload.n);
    memcpy(f->bytes, header, header_size);
    if (payload.n > 0)
        memcpy(f->bytes + header_size, payload.p, payload.n);
    return f;
}

struct frame *frame_text(struct str payload)
{
    return new_frame(TEXT, payload);
}

struct frame *frame_ping(struct str payload)
{
    CHECK(payload.n > 0 && payload.n <= LENGTH_7_MAX);
    return new_frame(PING, payload);
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
        mem_free(f);
}

struct str frame_bytes(const struct frame *f)
{
    return (struct str){(const char *)f->bytes, f->size};
}
