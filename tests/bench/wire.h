/* What clients say to a server and hear from it: one wire per kind of server, so that all run the same
 * workloads. */
#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_kind {
    WIRE_OTHER,     /* of no interest */
    WIRE_WELCOME,   /* connected and known */
    WIRE_WAITING,   /* in the queue */
    WIRE_MATCH,     /* matchFound */
    WIRE_START,     /* seated: messages may be sent */
    WIRE_MESSAGE,   /* a room message of somebody (or our own, echoed) */
    WIRE_REPLY,     /* a request was carried out */
    WIRE_REFUSAL,   /* a request was refused, or the error push (id 0) */
    WIRE_SNAPSHOT,  /* the room as a whole: events were missed for good */
    WIRE_AWAY,      /* opponentDisconnected */
    WIRE_BACK,      /* opponentReconnected */
    WIRE_LEFT,      /* playerLeft */
    WIRE_CANCELLED, /* matchCancelled */
    WIRE_TURN,      /* turnTimeout */
    WIRE_END,       /* gameEnd */
    WIRE_CLEANUP,   /* roomCleanup */
    WIRE_GOODBYE,
};

/* Pieces are borrowed from the text. */
struct wire_heard {
    enum wire_kind kind;
    int64_t id;  /* of a reply or refusal */
    int64_t seq; /* number in the room, 0 without */
    const char *room;
    size_t room_n;
    const char *payload; /* of a message: our own text, without its quotes */
    size_t payload_n;
    const char *answer; /* to be sent back at once, or NULL; a literal */
    const char *text;
    size_t n;
};

/* A game message about to be sent. */
struct wire_saying {
    const char *room; /* as the server named it */
    int64_t id;       /* 0: without */
    bool is_volatile, echo;
    const char *payload;
    size_t payload_n;
};

struct wire {
    const char *name;
    const char *protocol; /* the subprotocol, or NULL */
    bool matchmaking;     /* rooms are made by joining a level, and have the server's names */
    bool numbers;         /* messages are numbered unless volatile */
    /* The path that player `who` of room `room` connects to. */
    void (*path)(char *out, size_t cap, uint32_t who, uint32_t room);
    /* What to send after WIRE_WELCOME to get to WIRE_START: level or room, id of the request. NULL: nothing.
     */
    size_t (*join)(char *out, size_t cap, uint32_t room, int64_t id);
    /* `payload_n`: how long our own payloads are. */
    void (*hear)(const char *text, size_t n, size_t payload_n, struct wire_heard *out);
    /* `out` holds at least payload + 256 bytes. */
    size_t (*say)(char *out, const struct wire_saying *s);
};

/* "matchgate", "plain" (each text is a message; the room stands in the path) "socketio" or
 * "matchgate-socketio"; NULL for other names. */
const struct wire *wire_find(const char *name);

extern const struct wire wire_matchgate, wire_plain, wire_socketio, wire_dialect;

/* A string member of what was heard ("sessionId"), cut to cap - 1 bytes; false when it is not there. */
bool wire_member(const struct wire_heard *h, const char *name, char *out, size_t cap);

/* An integer member; `otherwise` when it is not there. */
int64_t wire_number(const struct wire_heard *h, const char *name, int64_t otherwise);

/* Is this literal anywhere in it? */
bool wire_has(const struct wire_heard *h, const char *literal);

#endif
