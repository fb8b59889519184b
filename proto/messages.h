/* Every event name on the wire, in two tables (messages.c): what a client may send, what the server pushes.
 *
 * The tables' member lists are there for documents and checks: tests compare PROTOCOL.md and its examples
 * with them. Decoding itself is typed access per message (proto/decode.h). */
#ifndef PROTO_MESSAGES_H
#define PROTO_MESSAGES_H

#include "common/str.h"
#include "proto/codes.h"

enum message { /* client -> server */
               MSG_UNKNOWN,
               MSG_HELLO,
               MSG_JOIN_MATCHMAKING,
               MSG_LEAVE_MATCHMAKING,
               MSG_CONFIRM_JOINED,
               MSG_GAME_MESSAGE,
               MSG_UPDATE_PLAYER_STATE,
               MSG_UPDATE_GAME_DATA,
               MSG_GET_GAME_STATE,
               MSG_LEAVE_ROOM,
               MSG_END_GAME,
               MSG_SET_TURN_DEADLINE,
               MSG_PING,
               MSG_COUNT
};
/* Exact match; MSG_UNKNOWN otherwise. */
enum message message_find(struct str name);
/* Why there is no such message: UNKNOWN_EVENT; FORBIDDEN for an operator's call that only the replaced system
 * took from players. *why: static. */
enum code message_refuse(struct str name, const char **why);
const char *message_name(enum message m); /* "joinMatchmaking"; "unknown" for MSG_UNKNOWN */

/* Member lists are names separated by one space; `?` behind a name: may be absent. "*" alone: anything. */
struct message_info {
    const char *name;
    const char *members; /* of `data`, as the client sends it */
    const char *reply;   /* of the reply's `data` */
};
const struct message_info *message_info(enum message m); /* static; never NULL */

/* Server -> client push names, as literals in one place. */
#define PUSH_WELCOME "welcome"
#define PUSH_WAITING "waiting"
#define PUSH_QUEUE_UPDATE "queueUpdate"
#define PUSH_TICKET_EXPIRED "ticketExpired"
#define PUSH_MATCH_FOUND "matchFound"
#define PUSH_MATCH_CANCELLED "matchCancelled"
#define PUSH_GAME_START "gameStart"
#define PUSH_GAME_MESSAGE "gameMessage"
#define PUSH_PLAYER_STATE_UPDATED "playerStateUpdated"
#define PUSH_GAME_DATA_UPDATED "gameDataUpdated"
#define PUSH_TURN_TIMEOUT "turnTimeout"
#define PUSH_ROOM_EPOCH "roomEpoch"
#define PUSH_ROOM_SNAPSHOT "roomSnapshot"
#define PUSH_OPPONENT_DISCONNECTED "opponentDisconnected"
#define PUSH_OPPONENT_RECONNECTED "opponentReconnected"
#define PUSH_PLAYER_LEFT "playerLeft"
#define PUSH_GAME_END "gameEnd"
#define PUSH_ROOM_CLEANUP "roomCleanup"
#define PUSH_GOODBYE "goodbye"
#define PUSH_PONG "pong"
#define PUSH_GAME_STATE "gameState"
#define PUSH_ERROR "error"

/* Socket.IO alone: moves the client's offset behind a reply (PROTOCOL.md, Socket.IO). Others never hear it.
 */
#define SOCKETIO_SEEN "seen"

/* What a push's envelope carries besides event, ts and data. */
enum message_scope {
    MESSAGE_PLAIN, /* neither: it concerns the connection or its player (an `error` may also be numbered) */
    MESSAGE_ROOM,  /* `room`: about a room, but not part of its numbered stream */
    MESSAGE_NUMBERED, /* `room` and `seq`; a volatile gameMessage and the roomCleanup of a lost room have no
                         `seq` */
};
struct message_push {
    const char *name;
    const char *members; /* of `data`, as the server sends it */
    enum message_scope scope;
};
const struct message_push *message_push_at(size_t i); /* NULL behind the last */

#endif
