/* Numbered messages go to the store together: those of one pass of the loop are one call
 * (scripts/message.lua), so that what a call costs is paid once for up to BATCH_MAX of them.
 *
 * A realm with a batch keeps its messages there until the pass ends, the batch is full, or another call is
 * made through the realm: the store sees everything in the order in which it was asked. Each message has its
 * own answer. */
#ifndef MATCHMAKING_BATCH_H
#define MATCHMAKING_BATCH_H

#include "matchmaking/realm.h"

enum { BATCH_MAX = 16 };

struct batch_message { /* all borrowed until batch_add returns; fields as in scripts/message.lua */
    struct str room_id, session_id, player_id, socket_id, event, data, skip_player_id;
    int64_t request_id; /* 0 = none */
};

struct batch;
/* Its flush hook is registered at once: make it before the back end, whose links flush behind it. */
struct batch *batch_new(struct loop *l);
/* From now on the realm's messages are collected. The realm must live as long as the batch. */
void batch_attach(struct batch *b, struct realm *r);
/* What is collected is sent first; then the realm's messages go one by one. NULL is fine. */
void batch_free(struct batch *b);

/* fn gets the message's own part of the answer: err is ERR_SCRIPT if it alone failed. */
void batch_message(const struct realm *r, const struct batch_message *m, backend_cb fn, void *arg);

#endif
