/* A player's seat in the local view of a room: handed over to his next connection, and taken again after an
 * attach. The truth in the store is not touched. */
#ifndef GATEWAY_SEAT_H
#define GATEWAY_SEAT_H

#include "gateway/node.h"
#include "matchmaking/presence.h"

struct room;
struct session;

/* The session is the player's one here from now on; his older one, if there is another, makes room and is
 * closed. The room it sat in stays for the seat's new holder: left_room_id (else untouched), to be closed if
 * it stays empty. */
void seat_hand_over(struct node *n, struct session *s, char left_room_id[ID_SIZE]);
/* The store has seated the player there: the local view takes over what it says of the room, and the session
 * is IN_ROOM. */
struct room *seat_enter(struct node *n, struct session *s, const char *room_id,
                        const struct presence_reseated *seat);
/* The same for a session that sits there already, on a line that never broke: it hears what the room says,
 * the answer's own events included, like all members. It may have left the room afterwards. false: it does
 * not sit there, or has to catch up; nothing was done. */
bool seat_stay(struct node *n, struct session *s, const char *room_id, const struct presence_reseated *seat);

#endif
