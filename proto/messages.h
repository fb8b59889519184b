/* Every event name on the wire, in one table (messages.c): name, direction, what its data holds. */
#ifndef PROTO_MESSAGES_H
#define PROTO_MESSAGES_H

#include "common/str.h"

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
    MSG_PING,
    MSG_COUNT
};
/* Exact match; MSG_UNKNOWN otherwise. */
enum message message_find(struct str name);
const char *message_name(enum message m); /* "joinMatchmaking"; "unknown" for MSG_UNKNOWN */

/* Server -> client push names, as literals in one place. */
#define PUSH_WELCOME "welcome"
#define PUSH_WAITING "waiting"
#define PUSH_QUEUE_UPDATE "queueUpdate"
#define PUSH_MATCH_FOUND "matchFound"
#define PUSH_MATCH_CANCELLED "matchCancelled"
#define PUSH_GAME_START "gameStart"
#define PUSH_GAME_MESSAGE "gameMessage"
#define PUSH_PLAYER_STATE_UPDATED "playerStateUpdated"
#define PUSH_GAME_DATA_UPDATED "gameDataUpdated"
#define PUSH_ROOM_SNAPSHOT "roomSnapshot"
#define PUSH_OPPONENT_DISCONNECTED "opponentDisconnected"
#define PUSH_OPPONENT_RECONNECTED "opponentReconnected"
#define PUSH_PLAYER_LEFT "playerLeft"
#define PUSH_GAME_END "gameEnd"
#define PUSH_ROOM_CLEANUP "roomCleanup"
#define PUSH_GOODBYE "goodbye"
#define PUSH_PONG "pong"
#define PUSH_ERROR "error"

#endif
