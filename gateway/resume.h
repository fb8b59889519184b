/* hello.resume: what a returning client says. Pure. */
#ifndef GATEWAY_RESUME_H
#define GATEWAY_RESUME_H

#include "gateway/session.h"
#include "proto/decode.h"

enum { RESUME_ROOMS_MAX = 4 };

struct resume {
    bool wanted;      /* false: the rest is empty */
    int64_t hello_id; /* of the request that said so; 0 = it has none */
    char session_id[ID_SIZE], token[ID_SIZE];
    size_t room_count;
    struct {
        char room_id[ID_SIZE];
        struct history_position at; /* the last event seen there */
    } rooms[RESUME_ROOMS_MAX];
};
/* Reads the `resume` member {session, token, rooms?:{roomId: lastSeq or {epoch, seq}}};
 * absent or null = not wanted. false:
 * *why. */
bool resume_read(const struct request *request, struct resume *out, const char **why);
/* The last event seen in a room; false: the client does not name it, and *at is where all begins. */
bool resume_at(const struct resume *r, const char *room_id, struct history_position *at);

#endif
