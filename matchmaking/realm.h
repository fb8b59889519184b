/* The realm: one back end and the rules and names that every call to it shares; and the building of such a
 * call.
 *
 * A call is built on the stack, key by key and argument by argument in the order the script's head lists
 * them, and sent with realm_run. Texts given to it are borrowed until realm_run returns (the back end copies
 * them). */
#ifndef MATCHMAKING_REALM_H
#define MATCHMAKING_REALM_H

#include "common/id.h"
#include "common/redis/keys.h"
#include "matchmaking/backend.h"
#include "matchmaking/batch.h"

enum { REALM_PREFIX_MAX = 64 };

struct realm_rules { /* settings of the same names */
    int64_t seats;
    int64_t confirm_ms, idle_ms, grace_ms, queue_grace_ms, ticket_ttl_ms, session_ms, lease_ms;
    int64_t log_max, record_max_bytes;
    bool confirm_auto;       /* CONFIRM=auto: seats of the instance that makes a room are confirmed with it */
    const char *events_mode; /* "remote", "all" or "direct"; borrowed */
};
struct realm {
    struct backend *backend; /* borrowed */
    struct batch *batch;     /* collects its calls; borrowed; NULL = none */
    struct realm_rules rules;
    /* As heard with the last heartbeat (realm_heard): which run of the store it is, its clock, and ours then
     * (monotonic; 0 = never). */
    int64_t run, store_now_ms;
    uint64_t heard_at_ms;
    char prefix[REALM_PREFIX_MAX + 1];
    size_t prefix_bytes;
    struct {
        struct str before, behind; /* its {part}; all of it stands in `before` if it has none */
    } keys[KEY_COUNT];             /* the patterns, cut once */
    char instance_id[ID_SIZE];
    char channel[REALM_PREFIX_MAX + sizeof "room_events"];
};
void realm_init(struct realm *r, struct backend *backend, const struct realm_rules *rules, const char *prefix,
                const char *instance_id);

/* The store has said what time it is, and which run of it this is (0 = it does not say). */
void realm_heard(struct realm *r, int64_t store_now_ms, int64_t run);
/* The store's time as we reckon it; this machine's while we never heard it. */
int64_t realm_now_ms(const struct realm *r);

enum {
    CALL_KEYS_MAX = 80,
    CALL_ARGS_MAX = 160,
    CALL_TEXT_BYTES = 14336
}; /* restore_room.lua needs the most */
struct realm_call {
    const struct realm *realm;
    size_t key_count, arg_count, text_used;
    struct str keys[CALL_KEYS_MAX], args[CALL_ARGS_MAX];
    char text[CALL_TEXT_BYTES]; /* composed keys and numbers */
};
void realm_call(struct realm_call *c, const struct realm *r); /* starts with ARGV 1-3 of lib/core.lua */
void realm_key(struct realm_call *c, enum redis_key key);     /* a key without {part} */
void realm_key_of(struct realm_call *c, enum redis_key key, struct str part); /* {part} filled in */
void realm_key_level(struct realm_call *c, int64_t level);
void realm_keys_player(struct realm_call *c);                   /* KEYS 1-7 of lib/player.lua */
void realm_keys_room(struct realm_call *c, struct str room_id); /* room:{id}, room:{id}:log */
void realm_arg(struct realm_call *c, struct str value);
void realm_arg_int(struct realm_call *c, int64_t value);
void realm_arg_now(
    struct realm_call *c); /* the store's time in ms as we reckon it; empty if we never heard it */
void realm_arg_run(struct realm_call *c); /* the store's run; empty if it does not say */
/* Sends what is collected (batch.h): before every call. */
void realm_in_order(const struct realm *r);
void realm_run(struct realm_call *c, const struct script *s, backend_cb fn, void *arg);
/* The same as the store's write probe (backend.h). */
void realm_probe(struct realm_call *c, const struct script *s, backend_cb fn, void *arg);

/* How a call ended: err for the world's failures; else `word` is the script's first element ("OK",
 * "NOT_IN_ROOM", ...). */
struct realm_outcome {
    int err;
    struct str word; /* empty when err != 0 */
};
struct realm_outcome realm_outcome(int err, const struct reply *reply);
bool realm_said(struct realm_outcome o, const char *word);

#endif
