/* What a Redis server says about itself (INFO), and how worrying that is. Pure.
 *
 * The thresholds are seed 003's (good / warning / critical): hit rate 85 / 70 %, command time 5 / 10 ms,
 * memory 70 / 85 %, evictions 1 / 5 a minute, connections 20 / 40. Two items are ours: Redis holds the truth
 * here, not a cache, so a policy that evicts any key is critical (the first eviction deletes every game at
 * once), and a server that keeps nothing on disk is a warning. */
#ifndef GATEWAY_STORE_INFO_H
#define GATEWAY_STORE_INFO_H

#include "common/buf.h"

struct store_info {
    bool known;     /* false: there is no such server, or it has not answered yet */
    uint64_t at_ms; /* monotonic time of the answer */
    char version[24];
    char policy[24];                              /* maxmemory_policy; empty if the server does not say */
    int64_t used_memory, peak_memory, max_memory; /* bytes; max 0 = no limit */
    int64_t evicted_keys, hits, misses, commands, keys, clients;
    bool aof;
    int rdb;                           /* 1: save points are set, 0: none, -1: the server does not say */
    bool rdb_failed;                   /* the last background save failed */
    double evictions_a_minute;         /* since an earlier answer, see store_info_rate; -1 = not known yet */
    double command_ms, command_max_ms; /* over the last 1,000 calls of this process; -1 = not known */
};
/* Reads the text of INFO; "config_save:<points>" is read too, if somebody added it. Unknown lines are
 * skipped. */
void store_info_parse(struct store_info *out, struct str text, uint64_t now_ms);
/* Fills evictions_a_minute from two answers at least 10 s apart; leaves it at -1 if there is no such pair. */
void store_info_rate(struct store_info *now, const struct store_info *before);

enum store_info_level { STORE_INFO_UNKNOWN, STORE_INFO_GOOD, STORE_INFO_WARNING, STORE_INFO_CRITICAL };
const char *store_info_level_name(enum store_info_level level); /* "good", ... */

enum { STORE_INFO_ITEMS = 7 };
struct store_info_item {
    const char *name; /* "memory" */
    char value[32];   /* as JSON: a number, a quoted word or null */
    enum store_info_level level;
    bool counts; /* part of the overall level; the others only inform (a cache's hit rate is not our fault) */
    const char *remedy; /* one sentence for a level above good */
};
void store_info_items(const struct store_info *info, struct store_info_item items[STORE_INFO_ITEMS]);
/* The worst level of the items that count. */
enum store_info_level store_info_overall(const struct store_info *info);
/* Hits of 100 lookups; -1 before the first 1,000, because until then it says nothing. */
double store_info_hit_rate(const struct store_info *info);

#endif
