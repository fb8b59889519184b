/* Prints /health/stats: the parts of its JSON, the whole of it, and the box of text in the manner of seed
 * 003. */
#include "gateway/stats_print.h"

#include "gateway/estimate.h"
#include "gateway/workers.h"

enum { ESTIMATES_MAX = 64 };

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

static void comma(struct buf *out, size_t i)
{
    if (i > 0)
        buf_add_text(out, ",");
}

/* --- JSON ---------------------------------------------------------------------------------------------- */

static const char *status_of(const struct stats *s)
{
    if (!s->up || (s->err != 0 && s->queues_json.len == 0))
        return "degraded";
    return s->standalone ? "standalone" : "ok";
}

static void print_part(struct buf *out, const char *name, const struct buf *part)
{
    buf_add_fmt(out, ",\"%s\":", name);
    buf_add_str(out, part->len > 0 ? buf_str(part) : STR("null"));
}

/* For a lobby: how long players of a level have waited here of late. */
static void print_estimates(struct buf *out, const struct estimate *e)
{
    int64_t level = e ? estimate_next(e, -1) : -1;
    buf_add_text(out, ",\"estimates\":[");
    for (size_t i = 0; level >= 0 && i < ESTIMATES_MAX; i++, level = estimate_next(e, level)) {
        comma(out, i);
        buf_add_fmt(out, "{\"level\":%lld,\"estimatedTimeMs\":%lld}", (long long)level,
                    (long long)estimate_get(e, level));
    }
    buf_add_text(out, "]");
}

static void print_local(struct buf *out, const struct health_local *local, uint64_t now_ms)
{
    buf_add_fmt(
        out, ",\"instance\":{\"instanceId\":\"%s\",\"version\":\"%s\",\"startedAt\":%llu,\"uptimeMs\":%llu",
        local->instance_id, local->version, (unsigned long long)local->started_at_ms,
        (unsigned long long)(now_ms - local->started_at_ms));
    buf_add_fmt(out,
                ",\"connections\":%lld,\"sessions\":%lld,\"rooms\":%lld,\"queued\":%lld,\"ready\":%s,"
                "\"draining\":%s}",
                (long long)local->connections, (long long)local->sessions, (long long)local->rooms,
                (long long)local->queued, yes(local->ready), yes(local->draining));
    workers_print_each(out);
    print_estimates(out, local->estimate);
}

static void print_items(struct buf *out, const struct store_info *info)
{
    struct store_info_item items[STORE_INFO_ITEMS];
    store_info_items(info, items);
    buf_add_fmt(out, ",\"level\":\"%s\",\"items\":{", store_info_level_name(store_info_overall(info)));
    for (size_t i = 0; i < STORE_INFO_ITEMS; i++) {
        comma(out, i);
        buf_add_fmt(out, "\"%s\":{\"value\":%s,\"level\":\"%s\"}", items[i].name, items[i].value,
                    store_info_level_name(items[i].level));
    }
    buf_add_text(out, "}");
}

static void print_link(struct buf *out, const struct redis_link_stats *k)
{
    buf_add_fmt(out,
                ",\"link\":{\"calls\":%llu,\"failures\":%llu,\"reconnects\":%llu,\"waiting\":%llu,"
                "\"bufferedAmount\":%llu,"
                "\"avgCommandMs\":%.3f,\"maxCommandMs\":%.3f}",
                (unsigned long long)k->calls, (unsigned long long)k->failures,
                (unsigned long long)k->reconnects, (unsigned long long)k->waiting,
                (unsigned long long)k->out_bytes, k->avg_us / 1000, k->max_us / 1000);
}

static void print_redis(struct buf *out, const struct stats *s)
{
    const struct store_info *info = &s->store;
    if (s->standalone) {
        buf_add_text(out, ",\"redis\":null");
        return;
    }
    buf_add_fmt(out, ",\"redis\":{\"connected\":%s,\"reason\":\"%s\"", yes(s->up), s->reason);
    print_link(out, &s->link);
    if (info->known) {
        double rate = store_info_hit_rate(info);
        buf_add_fmt(out, ",\"version\":\"%s\",\"usedMemory\":%lld,\"peakMemory\":%lld,\"maxMemory\":%lld",
                    info->version, (long long)info->used_memory, (long long)info->peak_memory,
                    (long long)info->max_memory);
        buf_add_fmt(out, ",\"hits\":%lld,\"misses\":%lld,\"evictedKeys\":%lld,\"keys\":%lld,\"clients\":%lld",
                    (long long)info->hits, (long long)info->misses, (long long)info->evicted_keys,
                    (long long)info->keys, (long long)info->clients);
        buf_add_fmt(out, ",\"totalCommands\":%lld,\"aof\":%s", (long long)info->commands, yes(info->aof));
        if (rate >= 0)
            buf_add_fmt(out, ",\"hitRate\":%.1f", rate);
        print_items(out, info);
    }
    buf_add_text(out, "}");
}

/* What an operator should know without asking: ours first, then what the store's items say. */
static void print_warnings(struct buf *out, const struct stats *s, const struct health_local *local)
{
    struct store_info_item items[STORE_INFO_ITEMS];
    size_t printed = 0;
    buf_add_text(out, ",\"warnings\":[");
    for (size_t i = 0; i < HEALTH_WARNINGS_MAX && local->warnings[i]; i++) {
        comma(out, printed++);
        buf_add_json(out, str_of(local->warnings[i]));
    }
    store_info_items(&s->store, items);
    for (size_t i = 0; s->store.known && i < STORE_INFO_ITEMS; i++) {
        if (!items[i].counts || items[i].level <= STORE_INFO_GOOD)
            continue;
        comma(out, printed++);
        buf_add_json(out, str_of(items[i].remedy));
    }
    buf_add_text(out, "]");
}

void stats_print_json(struct buf *out, const struct stats *s, const struct health_local *local,
                      uint64_t now_ms)
{
    buf_add_fmt(out, "{\"status\":\"%s\",\"reason\":\"%s\",\"serverTime\":%llu", status_of(s), s->reason,
                (unsigned long long)now_ms);
    buf_add_fmt(out, ",\"available\":%s,\"connected\":%s,\"onlinePlayers\":%lld,\"activeGames\":%lld",
                yes(s->up), yes(s->up && !s->standalone), (long long)s->mappings, (long long)s->game_states);
    print_local(out, local, now_ms);
    buf_add_fmt(out, ",\"waiting\":%lld,\"matches\":%lld,\"rooms\":%lld", (long long)s->waiting,
                (long long)s->matches, (long long)s->game_states);
    print_part(out, "queues", &s->queues_json);
    buf_add_fmt(out, ",\"mappings\":{\"total\":%lld", (long long)s->mappings);
    print_part(out, "byInstance", &s->sockets_json);
    buf_add_text(out, "}");
    print_part(out, "fleet", &s->fleet_json);
    print_part(out, "integrity", &s->integrity_json);
    if (s->have_integrity)
        buf_add_fmt(out, ",\"integrityAgeMs\":%lld", (long long)(now_ms - s->integrity_at_ms));
    print_part(out, "badKeys", &s->bad_keys_json);
    print_redis(out, s);
    print_warnings(out, s, local);
    buf_add_text(out, "}");
}

/* --- text ---------------------------------------------------------------------------------------------- */

#define LINE "═══════════════════════════════════"

static void print_store_text(struct buf *out, const struct stats *s)
{
    const struct store_info *info = &s->store;
    const double mb = 1024 * 1024;
    double rate = store_info_hit_rate(info);
    buf_add_fmt(out, "PERFORMANCE (%s)\n", store_info_level_name(store_info_overall(info)));
    if (rate >= 0)
        buf_add_fmt(out, "   Hit Rate:        %.1f%%\n", rate);
    buf_add_fmt(out, "   Hits:            %lld\n   Misses:          %lld\n", (long long)info->hits,
                (long long)info->misses);
    buf_add_fmt(out, "   Avg Command:     %.2fms\n\n", s->link.avg_us / 1000);
    buf_add_fmt(out, "MEMORY\n   Used:            %.1fMB\n   Peak:            %.1fMB\n",
                (double)info->used_memory / mb, (double)info->peak_memory / mb);
    if (info->max_memory > 0)
        buf_add_fmt(out, "   Max:             %.1fMB\n", (double)info->max_memory / mb);
    else
        buf_add_text(out, "   Max:             no limit\n");
    buf_add_fmt(out, "   Policy:          %s\n\n", info->policy[0] ? info->policy : "unknown");
    buf_add_fmt(out, "KEYS\n   Total:           %lld\n   Evicted:         %lld\n\n", (long long)info->keys,
                (long long)info->evicted_keys);
    buf_add_fmt(out, "CONNECTION\n   Clients:         %lld\n   Total Commands:  %lld\n\n",
                (long long)info->clients, (long long)info->commands);
}

void stats_print_text(struct buf *out, const struct stats *s, const struct health_local *local,
                      uint64_t now_ms)
{
    buf_add_text(out, "╔" LINE "╗\n║      MATCHGATE STATUS             ║\n╚" LINE "╝\n\n");
    buf_add_fmt(out, "INSTANCE\n   Id:              %s\n   Version:         %s\n   Uptime:          %llus\n",
                local->instance_id, local->version,
                (unsigned long long)((now_ms - local->started_at_ms) / 1000));
    buf_add_fmt(out, "   Connections:     %lld\n   Ready:           %s\n\n", (long long)local->connections,
                local->ready              ? "yes"
                : local->not_ready_reason ? local->not_ready_reason
                                          : "no");
    buf_add_fmt(out, "MATCHMAKING (%s%s%s)\n", status_of(s), s->up ? "" : ": ", s->up ? "" : s->reason);
    buf_add_fmt(out, "   Players:         %lld\n   Waiting:         %lld (%lld levels, oldest %.1fs)\n",
                (long long)s->mappings, (long long)s->waiting, (long long)s->queues,
                (double)s->oldest_wait_ms / 1000);
    buf_add_fmt(out, "   Matches:         %lld\n   Rooms:           %lld\n", (long long)s->matches,
                (long long)s->game_states);
    if (s->have_integrity)
        buf_add_fmt(out, "   Violations:      %lld\n   Leftovers:       %lld\n", (long long)s->violations,
                    (long long)s->leftovers);
    buf_add_text(out, "\n");
    if (s->store.known)
        print_store_text(out, s);
    buf_add_text(out, LINE "══\n");
}
