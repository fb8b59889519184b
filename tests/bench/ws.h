/* The client's side of WebSocket on the wire: handshake text, frames. No sockets here. */
#ifndef TESTS_BENCH_WS_H
#define TESTS_BENCH_WS_H

#include <stddef.h>
#include <stdint.h>

enum { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10, WS_HEADER_MAX = 14 };

struct ws_frame {
    int opcode;
    const char *data; /* borrowed from the bytes that were read */
    size_t n;
};

/* Writes the request for `path`; returns its length. `cap` must hold it: path + 256 bytes. */
size_t ws_request(char *out, size_t cap, uint16_t port, const char *path, const char *protocol);

/* The HTTP status of a complete answer, with *head_n set to its length; 0 if it is not complete yet; -1 if it
 * is none. */
int ws_status(const char *bytes, size_t n, size_t *head_n);

/* Writes one masked frame (header, key, masked payload); returns its length: n + at most WS_HEADER_MAX. */
size_t ws_put(char *out, int opcode, const char *data, size_t n, uint32_t key);

/* Reads the first frame: how many bytes it took; 0 if it is not complete; -1 if it is not what a server sends
 * to us (masked, fragmented, reserved bits, longer than 2^31). */
int64_t ws_get(const char *bytes, size_t n, struct ws_frame *out);

/* The code of a close frame; 1005 if it has none. */
int ws_close_code(const struct ws_frame *f);

#endif
