/* The stable codes a client sees, one table for errors and one for close codes; PROTOCOL.md is compared with
 * both.
 *
 * Adding a code? Four things: the enum in codes.h, a row here, a row in PROTOCOL.md, and the place that sends
 * it. A sentence is written for the developer of a game client who reads it in a console: what was refused,
 * and what to do now. It is static text, plain ASCII, and needs no escaping inside JSON. */
#include "proto/codes.h"

#include <string.h>

#include "common/err.h"

struct code_row {
    const char *name;
    const char *text;
    bool retryable;
};

static const struct code_row codes[CODE_COUNT] = {
    [CODE_OK] = {"OK", "Done.", false},
    [CODE_BAD_REQUEST] = {"BAD_REQUEST",
                          "The message is not as PROTOCOL.md describes it; correct it and send it again.",
                          false},
    [CODE_UNKNOWN_EVENT] =
        {"UNKNOWN_EVENT", "This server knows no such event; PROTOCOL.md lists the events a client may send.",
         false},
    [CODE_UNAUTHORIZED] = {"UNAUTHORIZED",
                           "Identify yourself first: connect or say hello with a valid token.", false},
    [CODE_FORBIDDEN] = {"FORBIDDEN", "You are not allowed to do this.", false},
    [CODE_NOT_IN_ROOM] = {"NOT_IN_ROOM",
                          "You have no seat in this room; use the roomId of your own matchFound.", false},
    [CODE_ROOM_NOT_FOUND] = {"ROOM_NOT_FOUND",
                             "There is no such room, or its game is over; join matchmaking again.", false},
    [CODE_NOT_STARTED] = {"NOT_STARTED",
                          "The game has not started; wait for gameStart, then send this again.", true},
    [CODE_ALREADY_QUEUED] =
        {"ALREADY_QUEUED",
         "You wait for a match already; send leaveMatchmaking before you join another level.", false},
    [CODE_ALREADY_IN_MATCH] =
        {"ALREADY_IN_MATCH",
         "You sit in a room already; finish that game or send leaveRoom before you join again.", false},
    [CODE_NOT_QUEUED] = {"NOT_QUEUED", "You do not wait for a match; send joinMatchmaking first.", false},
    [CODE_STALE_VERSION] =
        {"STALE_VERSION",
         "Somebody changed this before you; take the current version, decide anew, send again.", false},
    [CODE_RESULT_DISPUTED] = {"RESULT_DISPUTED",
                              "The players reported different results; agree on one and send endGame again.",
                              true},
    [CODE_RATE_LIMITED] = {"RATE_LIMITED", "You send too fast; wait retryAfterMs, then send this again.",
                           true},
    [CODE_TOO_LARGE] = {"TOO_LARGE", "This is larger than the server stores or relays; send less.", false},
    [CODE_BUSY] = {"BUSY", "The server has too much to do at the moment; send this again a little later.",
                   true},
    [CODE_OUTCOME_UNKNOWN] =
        {"OUTCOME_UNKNOWN",
         "It is not known whether this was done; look at the present state before you repeat it.", false},
    [CODE_SERVICE_DEGRADED] = {"SERVICE_DEGRADED",
                               "The server cannot reach its store; wait retryAfterMs, then send this again.",
                               true},
    [CODE_INTERNAL] = {"INTERNAL",
                       "The server made a mistake; its log says more. Tell its operator if this repeats.",
                       false},
};

static const struct code_row *code_row(enum code c)
{
    CHECK((unsigned)c < CODE_COUNT);
    return &codes[c];
}

const char *code_name(enum code c)
{
    return code_row(c)->name;
}

const char *code_text(enum code c)
{
    return code_row(c)->text;
}

bool code_retryable(enum code c)
{
    return code_row(c)->retryable;
}

enum code code_find(const char *name)
{
    for (int c = CODE_OK; name && c < CODE_COUNT; c++)
        if (strcmp(codes[c].name, name) == 0)
            return (enum code)c;
    return CODE_INTERNAL;
}

static const struct {
    int code;
    const char *text;
    bool reconnect;
} closes[] = {
    {CLOSE_NORMAL, "The connection was closed as agreed.", false},
    {CLOSE_GOING_AWAY, "The other side goes away; reconnect after a pause.", true},
    {CLOSE_PROTOCOL, "The WebSocket protocol was violated; use a standard WebSocket library.", false},
    {CLOSE_BINARY, "Binary messages are not understood; send JSON as text messages.", false},
    {CLOSE_ABNORMAL, "The connection ended without a Close frame.", true},
    {CLOSE_UTF8, "A text message was not valid UTF-8.", false},
    {CLOSE_POLICY, "The connection broke a rule of this server; see PROTOCOL.md, Limits.", false},
    {CLOSE_TOO_BIG, "A message was larger than limits.messageMaxBytes of welcome; send less, or in parts.",
     false},
    {CLOSE_INTERNAL, "The server made a mistake; reconnect after a pause.", true},
    {CLOSE_UNAUTHORIZED, "The identity was refused; get a valid token before you connect again.", false},
    {CLOSE_FORBIDDEN, "This player or this origin may not connect.", false},
    {CLOSE_NO_HELLO, "No hello came in time; send it as the first message, or put ?token= into the address.",
     false},
    {CLOSE_REPLACED, "The same player connected again; that connection goes on. Two players need two ids.",
     false},
    {CLOSE_KICKED, "The player was removed by the operator.", false},
    {CLOSE_OVER_CAPACITY,
     "The server is full, or your address has too many connections; reconnect after a pause.", true},
    {CLOSE_RATE_LIMITED, "Too many messages in spite of RATE_LIMITED; reconnect after a pause and send less.",
     true},
    {CLOSE_TOO_SLOW, "The client reads more slowly than its room talks; reconnect after a pause.", true},
    {CLOSE_STORE_UNAVAILABLE, "The server cannot reach its store; reconnect after a pause.", true},
    {CLOSE_TOKEN_EXPIRED, "The token has expired; reconnect with a new one.", true},
    {CLOSE_DRAINING, "The server is being shut down; reconnect at once to reach another one.", true},
    {CLOSE_NO_PONG, "The client did not answer pings; reconnect at once.", true},
    {CLOSE_LEASE_LOST, "The server lost its place in the fleet; reconnect at once.", true},
};

const char *close_text(int code)
{
    for (size_t i = 0; i < sizeof closes / sizeof *closes; i++)
        if (closes[i].code == code)
            return closes[i].text;
    return "The connection was closed with a code this server does not use.";
}

bool close_reconnect(int code)
{
    for (size_t i = 0; i < sizeof closes / sizeof *closes; i++)
        if (closes[i].code == code)
            return closes[i].reconnect;
    return code >= 4100 && code < 4300;
}

int close_at(size_t i)
{
    return i < sizeof closes / sizeof *closes ? closes[i].code : 0;
}
