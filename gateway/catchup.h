/* Shows a returning player what he missed in a room: its numbered events after the last one he saw, from the
 * room's log.
 *
 * While it runs session.catching_up keeps later events back; when it ends session.seen says what was
 * shown, and the room's delivery goes on from there without a gap or a double. If the log no longer reaches
 * back, or the store does not have what he saw (it came back with older data), the player gets the room's
 * record instead (roomSnapshot), and is told so: recovered = false. */
#ifndef GATEWAY_CATCHUP_H
#define GATEWAY_CATCHUP_H

#include "gateway/history.h"
#include "gateway/node.h"

struct session;

enum catchup_whose {
    CATCHUP_SEATED,    /* the player sits in the room here, on a new line */
    CATCHUP_SAME_LINE, /* the same, and his line never broke: his own requests were answered on it */
    CATCHUP_ENDED,     /* he sits there no more */
};

struct catchup_events {
    void *arg;
    /* Called once, before anything is shown: was all of it still there? */
    void (*before)(void *arg, bool recovered);
    /* Called once, at the end. err: the store did not answer, nothing was shown and `before` was not called.
     */
    void (*done)(void *arg, int err);
};
/* s is held, and catching_up is set by the caller. have: up to there he knows the room. seated: the player
 * sits in the room here; else the room must have ended and have had him (read_log.lua sees to that), or he
 * learns no more than that it is gone. No callback before return. */
void catchup_start(struct node *n, struct session *s, const char *room_id, struct history_position have,
                   enum catchup_whose whose, const struct catchup_events *events);

#endif
