/* Sessions whose connections have ended on the island. Their players may come back, on any instance, and
 * repeat what was answered to them here: so these answers go home too.
 *
 * With the room, if the player sits in one; else by themselves. */
#ifndef GATEWAY_DEPARTED_H
#define GATEWAY_DEPARTED_H

#include "gateway/node.h"

struct session;

struct departed; /* all of them */
struct departed *departed_new(void);
void departed_free(struct departed *all);
void departed_clear(struct departed *all); /* the island is gone; none may be on its way */

enum { DEPARTED_SESSIONS_MAX = 4 }; /* of one player; of more, the oldest are forgotten */

/* s lives on the island, and its connection is gone. */
void departed_note(struct node *n, const struct session *s);
/* The sessions of this player that are not home yet, and that nobody has resumed here; the ids are valid
 * until the next call of anything here. Their number. */
size_t departed_of(const struct node *n, struct str player_id,
                   const char *session_ids[DEPARTED_SESSIONS_MAX]);
/* What was answered to the session is told to the store; with_room as in transfer_restore_session. done is
 * called once, never before return. */
void departed_carry(struct node *n, struct str session_id, bool with_room,
                    void (*done)(void *arg, bool carried), void *arg);
/* It is home. */
void departed_forget(struct departed *all, struct str player_id, struct str session_id);
/* No room is left on the island: takes home what is left of them, some at a time. The number of those who are
 * not there yet. */
size_t departed_go_home(struct node *n);
#endif
