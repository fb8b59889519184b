/* May this instance live on this store? Asked at the start, before the first heartbeat. */
#ifndef GATEWAY_ADMIT_H
#define GATEWAY_ADMIT_H

#include "gateway/node.h"

enum admit {
    ADMIT_YES,
    ADMIT_NO,    /* end the process; text says why, in one line */
    ADMIT_LATER, /* the store went away meanwhile: ask again when it is back */
};
/* text: borrowed until return; empty unless ADMIT_NO. */
typedef void (*admit_cb)(void *arg, enum admit verdict, const char *text);
/* Exactly once; inside the call if the store has nothing to say about itself (memory). */
void admit_ask(struct node *n, admit_cb fn, void *arg);

/* What is wrong with a store whose INFO is `info` ("" if it keeps it to itself); NULL = nothing. Pure. */
const char *admit_judge(struct str info, const char *key_prefix, bool require_noeviction);

#endif
