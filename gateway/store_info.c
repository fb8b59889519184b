/* Reads INFO and judges it. */
#include "gateway/store_info.h"

#include <stdio.h>

enum { LOOKUPS_MIN = 1000, RATE_SPAN_MIN_MS = 10 * 1000 };

static bool starts(struct str line, const char *name, struct str *value)
{
    struct str rest = line;
    if (!str_eq(str_cut(&rest, ':'), str_of(name)))
        return false;
    *value = rest;
    return true;
}

/* A plain word, fit to be printed between quotes; anything else is left out. */
static void copy_word(char *dst, size_t size, struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.';
        if (!plain)
            return;
    }
    (void)str_copy(dst, size, value);
}

/* "db0:keys=12,expires=1,..." */
static void read_keyspace(struct store_info *out, struct str line)
{
    struct str value = line;
    struct str name = str_cut(&value, ':');
    if (name.n < 3 || memcmp(name.p, "db", 2) != 0 || name.p[2] < '0' || name.p[2] > '9')
        return;
    struct str first = str_cut(&value, ',');
    int64_t keys;
    if (str_eq(str_cut(&first, '='), STR("keys")) && str_to_int(first, &keys))
        out->keys += keys;
}

static void read_line(struct store_info *out, struct str line)
{
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {
        {"used_memory", &out->used_memory},   {"used_memory_peak", &out->peak_memory},
        {"maxmemory", &out->max_memory},      {"evicted_keys", &out->evicted_keys},
        {"keyspace_hits", &out->hits},        {"keyspace_misses", &out->misses},
        {"connected_clients", &out->clients}, {"total_commands_processed", &out->commands},
    };
    struct str value;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (starts(line, numbers[i].name, &value))
            (void)str_to_int(value, numbers[i].to);
    }
    if (starts(line, "redis_version", &value))
        copy_word(out->version, sizeof out->version, value);
    else if (starts(line, "maxmemory_policy", &value))
        copy_word(out->policy, sizeof out->policy, value);
    else if (starts(line, "aof_enabled", &value))
        out->aof = str_eq(value, STR("1"));
    else if (starts(line, "rdb_last_bgsave_status", &value))
        out->rdb_failed = !str_eq(value, STR("ok"));
    else if (starts(line, "config_save", &value))
        out->rdb = value.n > 0;
    else
        read_keyspace(out, line);
}

void store_info_parse(struct store_info *out, struct str text, uint64_t now_ms)
{
    *out = (struct store_info){.known = true,
                               .at_ms = now_ms,
                               .rdb = -1,
                               .evictions_a_minute = -1,
                               .command_ms = -1,
                               .command_max_ms = -1};
    while (text.n > 0) {
        struct str line = str_cut(&text, '\n');
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        read_line(out, line);
    }
}

void store_info_rate(struct store_info *now, const struct store_info *before)
{
    if (!before->known || now->at_ms < before->at_ms + RATE_SPAN_MIN_MS)
        return;
    /* Fewer than before: the server has been restarted and counts anew. */
    int64_t evicted = now->evicted_keys - before->evicted_keys;
    double minutes = (double)(now->at_ms - before->at_ms) / 60000;
    now->evictions_a_minute = evicted > 0 ? (double)evicted / minutes : 0;
}

const char *store_info_level_name(enum store_info_level level)
{
    static const char *const names[] = {"unknown", "good", "warning", "critical"};
    return names[level];
}

double store_info_hit_rate(const struct store_info *info)
{
    int64_t lookups = info->hits + info->misses;
    return lookups < LOOKUPS_MIN ? -1 : 100 * (double)info->hits / (double)lookups;
}

static void unknown(struct store_info_item *item)
{
    item->level = STORE_INFO_UNKNOWN;
    (void)snprintf(item->value, sizeof item->value, "null");
}

/* One number judged against two limits, of which `bad` is further away from good. Negative = not known. */
static void judge(struct store_info_item *item, double value, double warn, double bad)
{
    bool low_is_bad = bad < warn;
    if (value < 0) {
        unknown(item);
        return;
    }
    (void)snprintf(item->value, sizeof item->value, "%.2f", value);
    item->level = STORE_INFO_GOOD;
    if (low_is_bad ? value <= warn : value >= warn)
        item->level = STORE_INFO_WARNING;
    if (low_is_bad ? value < bad : value > bad)
        item->level = STORE_INFO_CRITICAL;
}

static void judge_policy(struct store_info_item *item, const char *policy)
{
    if (policy[0] == '\0') {
        unknown(item);
        return;
    }
    (void)snprintf(item->value, sizeof item->value, "\"%s\"", policy);
    if (strncmp(policy, "allkeys-", 8) == 0)
        item->level = STORE_INFO_CRITICAL;
    else
        item->level = strcmp(policy, "noeviction") == 0 ? STORE_INFO_GOOD : STORE_INFO_WARNING;
}

static void judge_persistence(struct store_info_item *item, const struct store_info *info)
{
    if (!info->aof && info->rdb < 0) {
        unknown(item);
        return;
    }
    const char *word = info->aof ? "\"aof\"" : info->rdb > 0 ? "\"rdb\"" : "\"none\"";
    (void)snprintf(item->value, sizeof item->value, "%s", word);
    bool risky = info->rdb_failed || (!info->aof && info->rdb == 0);
    item->level = risky ? STORE_INFO_WARNING : STORE_INFO_GOOD;
}

void store_info_items(const struct store_info *info, struct store_info_item items[STORE_INFO_ITEMS])
{
    double memory = info->max_memory > 0 ? 100 * (double)info->used_memory / (double)info->max_memory : 0;
    const struct store_info_item blank[STORE_INFO_ITEMS] = {
        {.name = "evictionPolicy",
         .counts = true,
         .remedy =
             "Set maxmemory-policy noeviction in Redis: any other policy may delete every game at once."},
        {.name = "persistence",
         .counts = true,
         .remedy = "Set appendonly yes in Redis: without it a restart of Redis loses queues and games."},
        {.name = "memory", .counts = true, .remedy = "Raise maxmemory in Redis before it refuses writes."},
        {.name = "evictions",
         .counts = true,
         .remedy = "Redis deletes keys for lack of memory: raise maxmemory."},
        {.name = "commandMs", .counts = true, .remedy = "Redis is busy or far away; look at SLOWLOG GET 10."},
        {.name = "hitRate", .remedy = "Lookups often find nothing; with empty queues that is normal."},
        {.name = "connections",
         .remedy = "Many clients share this Redis; each instance holds two connections."},
    };
    memcpy(items, blank, sizeof blank);
    judge_policy(&items[0], info->policy);
    judge_persistence(&items[1], info);
    judge(&items[2], memory, 70, 85);
    judge(&items[3], info->evictions_a_minute, 1, 5);
    judge(&items[4], info->command_ms, 5, 10);
    judge(&items[5], store_info_hit_rate(info), 85, 70);
    judge(&items[6], (double)info->clients, 20, 40);
}

enum store_info_level store_info_overall(const struct store_info *info)
{
    struct store_info_item items[STORE_INFO_ITEMS];
    enum store_info_level worst = info->known ? STORE_INFO_GOOD : STORE_INFO_UNKNOWN;
    if (!info->known)
        return worst;
    store_info_items(info, items);
    for (size_t i = 0; i < STORE_INFO_ITEMS; i++) {
        if (items[i].counts && items[i].level > worst)
            worst = items[i].level;
    }
    return worst;
}
