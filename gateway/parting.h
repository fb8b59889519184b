/* Leaving a room here because the store knows no seat of the player there: it ended, or the seat was given
 * up.
 *
 * A room's last events may be younger than what has arrived here, and whoever has left it never hears them.
 * So its log is asked first; only what the log does not tell any more is told as roomCleanup "gone". The
 * truth in the store is not touched. */
#ifndef GATEWAY_PARTING_H
#define GATEWAY_PARTING_H

#include "common/str.h"
#include "gateway/node.h"

struct session;

/* answered: else the store did not say, and the session may still be in the room. */
typedef void (*parting_cb)(void *arg, bool answered);

bool parting_is_in(const struct session *s, struct str room_id); /* in that room, as seen from here */
/* The session's room, one of the store's, says all it still has to say; then the session has left it: by its
 * last events, or because it is forgotten. */
void parting_start(struct node *n, struct session *s, parting_cb done, void *arg);
/* Leaves the room, if any, at once; the client is told that it is gone. */
void parting_forget(struct node *n, struct session *s);

#endif
