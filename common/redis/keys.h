/* Every Redis key and channel of matchgate, in one table: what is not here is not used (a check in CI sees to
 * it).
 *
 * KEY(id, pattern, type, lifetime, what it holds); {x} in a pattern is replaced, the prefix goes in front. */
#ifndef COMMON_REDIS_KEYS_H
#define COMMON_REDIS_KEYS_H

#define REDIS_KEYS(KEY)                                                                                      \
    KEY(SOCKET_MAPPINGS, "socket_mappings", "hash", "while connected", "socketId -> who is connected where") \
    KEY(GAME_STATES, "game_states", "hash", "while the room lives", "roomId -> the room in seed 002's form") \
    KEY(MATCHES, "matches", "hash", "while the room lives", "roomId -> who was matched")                     \
    KEY(WAITING, "waiting:level:{level}", "list", "while somebody waits",                                    \
        "player ids, longest waiting first")                                                                 \
    KEY(LEVELS, "waiting:levels", "set", "while somebody waits", "levels that have a waiting list")          \
    KEY(ROOM_EVENTS, "room_events", "channel", "", "events for instances; room_events:{instanceId} for one") \
    KEY(ROOM, "room:{roomId}", "hash", "while the room lives", "the room's truth")                           \
    KEY(ROOM_LOG, "room:{roomId}:log", "list", "the room's life and 15 s", "its last numbered events")       \
    KEY(PLAYERS, "players", "hash", "while attached or in grace",                                            \
        "playerId -> state|fence|level|ticket|...[|setup]")                                                  \
    KEY(FENCE, "fence", "string", "for ever", "the counter of attaches")                                     \
    KEY(LINEAGE, "lineage", "string", "for ever", "server|run|fence it came with: which store this is")      \
    KEY(INSTANCES, "instances", "zset", "until retired", "instanceId -> end of its lease in ms")             \
    KEY(INSTANCE_INFO, "instance_info", "hash", "until retired", "instanceId -> host, version, load")        \
    KEY(INSTANCE_EPOCHS, "instance_epochs", "hash", "until retired", "instanceId -> times its lease began")  \
    KEY(INSTANCE_SOCKETS, "instance:{instanceId}:sockets", "set", "while connected", "its socket ids")       \
    KEY(SESSION, "session:{sessionId}", "hash", "while attached, then SESSION_TTL_MS",                       \
        "resume record and the last answered requests")                                                      \
    KEY(REPLACED, "replaced", "zset", "SESSION_TTL_MS",                                                      \
        "socketId -> when another instance took its player over, on another session")                        \
    KEY(DEADLINES, "deadlines", "zset", "until due",                                                         \
        "kind:subject:version -> due in ms, less the time in which no instance lived (shift)")

enum redis_key {
#define KEY(id, pattern, type, lifetime, what) KEY_##id,
    REDIS_KEYS(KEY)
#undef KEY
        KEY_COUNT
};

/* The pattern as text; never NULL. */
const char *redis_key_pattern(enum redis_key key);

#endif
