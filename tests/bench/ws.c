/* Frames and handshake of a WebSocket client. */
#include "tests/bench/ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t ws_request(char *out, size_t cap, uint16_t port, const char *path, const char *protocol)
{
    int n = snprintf(out, cap,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                     path, port, protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "",
                     protocol ? "\r\n" : "");
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

int ws_status(const char *bytes, size_t n, size_t *head_n)
{
    const char *end = memmem(bytes, n, "\r\n\r\n", 4);
    if (end == NULL)
        return n > 8192 ? -1 : 0;
    if (n < 12 || memcmp(bytes, "HTTP/1.", 7) != 0)
        return -1;
    *head_n = (size_t)(end - bytes) + 4;
    return (int)strtol(bytes + 9, NULL, 10);
}

static size_t put_header(uint8_t *out, int opcode, size_t n)
{
    out[0] = (uint8_t)(0x80 | opcode);
    if (n < 126) {
        out[1] = (uint8_t)(0x80 | n);
        return 2;
    }
    if (n < 65536) {
        out[1] = 0x80 | 126;
        out[2] = (uint8_t)(n >> 8);
        out[3] = (uint8_t)n;
        return 4;
    }
    out[1] = 0x80 | 127;
    for (int i = 0; i < 8; i++)
        out[2 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
    return 10;
}

size_t ws_put(char *out, int opcode, const char *data, size_t n, uint32_t key)
{
    size_t at = put_header((uint8_t *)out, opcode, n), i = 0;
    uint64_t wide = key | (uint64_t)key << 32;
    memcpy(out + at, &key, 4);
    at += 4;
    for (; i + 8 <= n; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        word ^= wide;
        memcpy(out + at + i, &word, 8);
    }
    for (; i < n; i++)
        out[at + i] = (char)((uint8_t)data[i] ^ (uint8_t)(key >> (8 * (i % 4))));
    return at + n;
}

int64_t ws_get(const char *bytes, size_t n, struct ws_frame *out)
{
    const uint8_t *b = (const uint8_t *)bytes;
    size_t head = 2;
    uint64_t length;
    if (n < 2)
        return 0;
    if ((b[0] & 0xf0) != 0x80 || (b[1] & 0x80) != 0)
        return -1;
    length = b[1];
    if (length >= 126) {
        size_t bytes_of_length = length == 126 ? 2 : 8;
        head += bytes_of_length;
        if (n < head)
            return 0;
        length = 0;
        for (size_t i = 0; i < bytes_of_length; i++)
            length = length << 8 | b[2 + i];
    }
    if (length > INT32_MAX)
        return -1;
    if (n < head + length)
        return 0;
    out->opcode = b[0] & 0x0f;
    out->data = bytes + head;
    out->n = (size_t)length;
    return (int64_t)(head + length);
}

int ws_close_code(const struct ws_frame *f)
{
    if (f->n < 2)
        return 1005;
    return (int)((unsigned)(uint8_t)f->data[0] << 8 | (uint8_t)f->data[1]);
}
