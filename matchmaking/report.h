/* What operators ask of the whole realm: types and counts, queues, the fleet, the audit, and the removal of
 * orphans.
 *
 * Nothing here is on a player's path. Each answer comes exactly once, never before return; what it carries is
 * borrowed until the callback returns. err as in backend_cb: ERR_UNAVAILABLE, ERR_UNKNOWN, ERR_TIMEOUT, or
 * ERR_SCRIPT when a key has a foreign type. */
#ifndef MATCHMAKING_REPORT_H
#define MATCHMAKING_REPORT_H

#include "matchmaking/realm.h"

enum { REPORT_LEVELS_MAX = 1001 }; /* more waiting lists than that are not looked at */

/* list_levels.lua, then check_health.lua: is every key of the right type, and how many entries has it?
 * O(levels). */
struct report_health {
    int64_t mappings, game_states, matches; /* -1: the key has a foreign type */
    int64_t waiting;                        /* players in all queues */
    size_t bad_count;                       /* keys of a foreign type, see report_bad_key */
    const struct reply *reply;
};
typedef void (*report_health_cb)(void *arg, int err,
                                 const struct report_health *health /* NULL unless err is 0 */);
void report_health(const struct realm *r, report_health_cb fn, void *arg);
/* "key type" of bad key i. */
struct str report_bad_key(const struct report_health *h, size_t i);

/* list_levels.lua, then list_queues.lua: the queues in the order of their levels. */
struct report_queue {
    int64_t level, length;
    int64_t oldest_wait_ms; /* 0 if its head has no record */
};
typedef void (*report_queues_cb)(void *arg, int err, const struct report_queue *queues, size_t count);
void report_queues(const struct realm *r, report_queues_cb fn, void *arg);

/* list_fleet.lua; report_fleet_next reads the answer, starting with *at = 0. */
void report_fleet(const struct realm *r, backend_cb fn, void *arg);
struct report_instance {
    struct str instance_id;
    int64_t lease_left_ms; /* <= 0: dead */
    struct str info;       /* raw JSON, as its heartbeat wrote it */
};
bool report_fleet_next(const struct reply *reply, size_t *at, struct report_instance *out);

/* audit.lua: reads at most `limit` entries of each collection and returns at most `texts` sentences of each
 * sort. */
void report_audit(const struct realm *r, int64_t limit, int64_t texts, backend_cb fn, void *arg);
struct report_audit {
    bool complete;                                /* everything was read */
    int64_t violations, leftovers;                /* how many there are */
    const struct reply *violation, *leftover;     /* arrays of sentences */
    const struct reply *totals, *kinds, *sockets; /* arrays of name and number in turn, see report_number */
};
void report_audited(const struct reply *reply, struct report_audit *out);
/* The number behind `name`; 0 if it is not there. */
int64_t report_number(const struct reply *pairs, struct str name);

/* cleanup.lua: one page of one collection. Begin with a page that is all zero; the answer says where the next
 * one begins. */
struct report_page {
    char collection[32]; /* empty: the first one, or (in an answer) the end */
    char cursor[64];
};
void report_cleanup(const struct realm *r, const struct report_page *from, bool dry_run, backend_cb fn,
                    void *arg);
struct report_cleaned {
    int64_t cleaned, errors;
    bool more;
    struct report_page next;
    const struct reply *kinds; /* kind and number in turn */
};
/* false: the answer is not one of cleanup.lua. */
bool report_cleaned(const struct reply *reply, struct report_cleaned *out);

#endif
