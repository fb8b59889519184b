/* The vocabulary of the wire: which events exist in each direction and what their data holds.
 *
 * Adding a message from the client? Five things: the enum in messages.h, a row in `messages`, its length in
 * `by_length`, its section in PROTOCOL.md, and its handler behind dispatch. Adding a push? The literal in
 * messages.h, a row in `pushes`, its section in PROTOCOL.md, and the place that sends it.
 *
 * message_find() runs for every message that comes in. Nearly all names differ in length, so the length
 * picks the one candidate and a single memcmp decides; the rarer one of two names of the same length stands
 * in `same_length` instead. */
#include "proto/messages.h"

#include "common/err.h"

static const struct message_info messages[MSG_COUNT] = {
    [MSG_UNKNOWN] = {"unknown", "*", ""},
    [MSG_HELLO] = {"hello", "token? playerId? resume?", ""},
    [MSG_JOIN_MATCHMAKING] = {"joinMatchmaking", "level addToQueue? setup?",
                              "status ticketId level position?"},
    [MSG_LEAVE_MATCHMAKING] = {"leaveMatchmaking", "", "left reason? roomId?"},
    [MSG_CONFIRM_JOINED] = {"confirmJoined", "roomId", "status"},
    [MSG_GAME_MESSAGE] = {"gameMessage", "roomId message volatile? echo?", "seq?"},
    [MSG_UPDATE_PLAYER_STATE] = {"updatePlayerState", "roomId state expectedVersion? playerId?",
                                 "version seq"},
    [MSG_UPDATE_GAME_DATA] = {"updateGameData", "roomId gameData? turn? expectedVersion", "version seq"},
    [MSG_GET_GAME_STATE] = {"getGameState", "roomId", "state seq"},
    [MSG_LEAVE_ROOM] = {"leaveRoom", "roomId", ""},
    [MSG_END_GAME] = {"endGame", "roomId result", "ended"},
    [MSG_SET_TURN_DEADLINE] = {"setTurnDeadline", "roomId ms expectedVersion", "dueAt version"},
    [MSG_PING] = {"ping", "*", "serverTime"},
};

enum { LENGTH_MAX = sizeof "updatePlayerState" - 1 };
#define LENGTH(literal) [sizeof(literal) - 1]
static const unsigned char by_length[LENGTH_MAX + 1] = {
    LENGTH("hello") = MSG_HELLO,
    LENGTH("joinMatchmaking") = MSG_JOIN_MATCHMAKING,
    LENGTH("leaveMatchmaking") = MSG_LEAVE_MATCHMAKING,
    LENGTH("confirmJoined") = MSG_CONFIRM_JOINED,
    LENGTH("gameMessage") = MSG_GAME_MESSAGE,
    LENGTH("updatePlayerState") = MSG_UPDATE_PLAYER_STATE,
    LENGTH("updateGameData") = MSG_UPDATE_GAME_DATA,
    LENGTH("getGameState") = MSG_GET_GAME_STATE,
    LENGTH("leaveRoom") = MSG_LEAVE_ROOM,
    LENGTH("endGame") = MSG_END_GAME,
    LENGTH("ping") = MSG_PING,
};
#undef LENGTH
static const enum message same_length[] = {MSG_SET_TURN_DEADLINE};

static const struct message_push pushes[] = {
    {PUSH_WELCOME,
     "sessionId playerId socketId instanceId resumeToken resumeTtlMs serverTime pingMs recovered durable "
     "limits "
     "queue rooms",
     MESSAGE_PLAIN},
    {PUSH_WAITING, "level position message", MESSAGE_PLAIN},
    {PUSH_QUEUE_UPDATE, "level playersAmount estimatedTimeMs", MESSAGE_PLAIN},
    {PUSH_TICKET_EXPIRED, "ticketId level reason", MESSAGE_PLAIN},
    {PUSH_MATCH_FOUND, "roomId level players opponentId opponentSetup? confirmByMs", MESSAGE_NUMBERED},
    {PUSH_MATCH_CANCELLED, "roomId reason requeued", MESSAGE_NUMBERED},
    {PUSH_GAME_START, "roomId", MESSAGE_NUMBERED},
    {PUSH_GAME_MESSAGE, "roomId sender playerId message", MESSAGE_NUMBERED},
    {PUSH_PLAYER_STATE_UPDATED, "roomId playerId state version", MESSAGE_NUMBERED},
    {PUSH_GAME_DATA_UPDATED, "roomId playerId gameData? turn? version", MESSAGE_NUMBERED},
    {PUSH_TURN_TIMEOUT, "roomId turn version", MESSAGE_NUMBERED},
    {PUSH_ROOM_EPOCH, "roomId epoch", MESSAGE_NUMBERED},
    {PUSH_ROOM_SNAPSHOT, "roomId level state seq", MESSAGE_ROOM},
    {PUSH_OPPONENT_DISCONNECTED, "roomId playerId graceMs", MESSAGE_NUMBERED},
    {PUSH_OPPONENT_RECONNECTED, "roomId playerId", MESSAGE_NUMBERED},
    {PUSH_PLAYER_LEFT, "roomId playerId reason", MESSAGE_NUMBERED},
    {PUSH_GAME_END, "roomId reason result", MESSAGE_NUMBERED},
    {PUSH_ROOM_CLEANUP, "roomId reason", MESSAGE_NUMBERED},
    {PUSH_GOODBYE, "code reason reconnect delayMs resume", MESSAGE_PLAIN},
    {PUSH_PONG, "serverTime", MESSAGE_PLAIN},
    {PUSH_GAME_STATE, "roomId state seq", MESSAGE_PLAIN},
    {PUSH_ERROR, "code message retryable retryAfterMs? version? roomId?", MESSAGE_PLAIN},
};

enum message message_find(struct str name)
{
    if (name.n > LENGTH_MAX)
        return MSG_UNKNOWN;
    enum message m = (enum message)by_length[name.n];
    if (m == MSG_UNKNOWN)
        return MSG_UNKNOWN;
    if (memcmp(messages[m].name, name.p, name.n) == 0)
        return m;
    for (size_t i = 0; i < sizeof same_length / sizeof *same_length; i++)
        if (str_eq(name, str_of(messages[same_length[i]].name)))
            return same_length[i];
    return MSG_UNKNOWN;
}

enum code message_refuse(struct str name, const char **why)
{
    if (str_eq(name, STR("cleanupQueue")) || str_eq(name, STR("clearStuckRooms"))) {
        *why = "Players may not clean up; the operator calls POST /health/cleanup with the admin token.";
        return CODE_FORBIDDEN;
    }
    *why = code_text(CODE_UNKNOWN_EVENT);
    return CODE_UNKNOWN_EVENT;
}

const struct message_info *message_info(enum message m)
{
    CHECK((unsigned)m < MSG_COUNT);
    return &messages[m];
}

const char *message_name(enum message m)
{
    return message_info(m)->name;
}

const struct message_push *message_push_at(size_t i)
{
    return i < sizeof pushes / sizeof *pushes ? &pushes[i] : NULL;
}
