/* One outgoing WebSocket message: framed once, shared by reference among all receivers. */
#ifndef GATEWAY_FRAME_H
#define GATEWAY_FRAME_H

#include "common/str.h"

struct frame;

struct frame *
frame_text(struct str payload); /* copies payload behind an RFC 6455 5.2 server header; one reference */
struct frame *frame_join(const struct str *parts, size_t count); /* the same; the payload comes in parts */
/* A ping: 1-125 bytes, since libwebsockets does not report the pong of an empty one. */
struct frame *frame_ping(struct str payload);
struct frame *frame_ref(struct frame *f);
void frame_unref(struct frame *f);             /* frees with the last reference */
struct str frame_bytes(const struct frame *f); /* header and payload, as they go out */

#endif
