/* Prints the answer to /health. */
#include "gateway/probe.h"

#include "gateway/stats_part.h"
#include "gateway/workers.h"

/* Does a bad key "key type" belong to the hash `name` (whatever the prefix)? */
static bool bad_key_is(struct str bad, const char *name)
{
    struct str key = str_cut(&bad, ' '), end = str_of(name);
    return key.n >= end.n && memcmp(key.p + key.n - end.n, end.p, end.n) == 0;
}

static void add_bad_keys(struct buf *out, const struct report_health *counts)
{
    if (counts->bad_count == 0)
        return;
    buf_add_text(out, ",\"badKeys\":");
    stats_part_bad_keys(out, counts);
}

static long long shown(int64_t count)
{
    return count > 0 ? (long long)count : 0;
}

int probe_print(struct buf *out, bool standalone, const struct report_health *counts, const char *reason)
{
    static const struct report_health nothing = {0};
    bool known = counts != NULL, states = known, mappings = known, rest = known;
    counts = known ? counts : &nothing;
    for (size_t i = 0; i < counts->bad_count; i++) {
        struct str bad = report_bad_key(counts, i);
        if (bad_key_is(bad, "game_states"))
            states = false;
        else if (bad_key_is(bad, "socket_mappings"))
            mappings = false;
        else
            rest = false;
    }
    const char *redis = known && !standalone ? "true" : "false";
    buf_add_fmt(out, "{\"redis\":%s,\"matchmaking\":%s,\"gameStates\":%s,\"socketMappings\":%s", redis,
                rest ? "true" : "false", states ? "true" : "false", mappings ? "true" : "false");
    buf_add_fmt(out,
                ",\"details\":{\"redisConnection\":%s,\"matchmakingData\":%lld,\"activeGameStates\":%lld,"
                "\"activeSocketMappings\":%lld,\"activeRooms\":%lld",
                redis, shown(counts->waiting), shown(counts->game_states), shown(counts->mappings),
                shown(counts->matches));
    if (!known) {
        buf_add_text(out, ",\"mode\":\"degraded\",\"reason\":");
        buf_add_json(out, str_of(reason));
    } else if (standalone) {
        buf_add_text(out, ",\"mode\":\"standalone\"");
    }
    workers_print_counts(out);
    add_bad_keys(out, counts);
    buf_add_text(out, "}}");
    return rest && states && mappings ? 200 : 503;
}
