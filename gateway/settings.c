/* The table of settings, and the checks that need more than one of them. */
#include "gateway/settings.h"

#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "common/err.h"
#include "matchmaking/realm.h"
#include "gateway/room.h"
#include "gateway/server.h"

#define AT(member) .offset = offsetof(struct settings, member)
#define HEADING(text)                                                                                        \
    {                                                                                                        \
        .help = (text)                                                                                       \
    }
#define INT(n, member, least, most, def, u, text)                                                            \
    {                                                                                                        \
        .name = (n), .type = CONF_INT, AT(member), .min = (least), .max = (most), .preset = (def),           \
        .unit = (u), .help = (text)                                                                          \
    }
#define TEXT(n, member, most, def, text)                                                                     \
    {                                                                                                        \
        .name = (n), .type = CONF_STRING, AT(member), .min = 0, .max = (most), .preset = (def),              \
        .help = (text)                                                                                       \
    }
#define SECRET(n, member, most, text)                                                                        \
    {                                                                                                        \
        .name = (n), .type = CONF_STRING, AT(member), .min = 8, .max = (most), .help = (text),               \
        .secret = true                                                                                       \
    }
#define CHOICE(n, member, all, def, text)                                                                    \
    {                                                                                                        \
        .name = (n), .type = CONF_ENUM, AT(member), .choices = (all), .preset = (def), .help = (text)        \
    }

static const char *const mode_names[] = {"remote", "all", "direct"};

static const struct conf_setting table[] = {
    HEADING("Listening"),
    TEXT("HOST", host, 255, "0.0.0.0", "Address to listen on."),
    {.name = "PORT",
     .aliases = "APP_PORT",
     .type = CONF_INT,
     AT(port),
     .min = 0,
     .max = 65535,
     .preset = "3030",
     .help = "Port for WebSocket and HTTP; 0 takes any free one."},
    {.name = "WORKERS",
     .type = CONF_INT,
     AT(workers),
     .min = 0,
     .max = 64,
     .zero = "auto",
     .preset = "1",
     .help = "Instances on this port, under one supervisor; auto (or 0) = one per core. More than one needs "
             "Redis."},
    {.name = "PERMESSAGE_DEFLATE",
     .type = CONF_BOOL,
     AT(permessage_deflate),
     .preset = "false",
     .help = "Understand clients that compress; needs a libwebsockets later than 4.2, refused on others."},
    {.name = "DEMO", .type = CONF_BOOL, AT(demo), .preset = "false", .help = "Serve the demo page at /."},
    {.name = "SOCKET_IO",
     .type = CONF_BOOL,
     AT(socket_io),
     .preset = "true",
     .help = "Serve Socket.IO clients (WebSocket transport) at /socket.io/."},
    {.name = "SOCKET_IO_RECOVERY",
     .type = CONF_BOOL,
     AT(socket_io_recovery),
     .preset = "true",
     .help = "Socket.IO clients may recover: they get a pid, and room events an offset as last argument."},
    TEXT("ALLOWED_ORIGINS", allowed_origins, 4096, NULL,
         "Comma list of allowed Origin headers; not set = any."),
    INT("MAX_CONNECTIONS", connections_max, 1, 1000000, "10000", NULL,
        "WebSocket connections; more are told 4100, or 503."),
    INT("MAX_CONNECTIONS_PER_ADDRESS", connections_per_address_max, 0, 1000000, "0", "",
        "Per client address; 0 = no limit."),

    HEADING("Store (nothing set here = standalone, in memory)"),
    {.name = "REDIS_URL",
     .flags = "redis",
     .type = CONF_STRING,
     AT(redis_url),
     .max = 1024,
     .help = "redis://[user][:password]@host[:port][/db] or unix:///path."},
    CHOICE("REDIS_ENABLED", redis_enabled, "auto|true|false", "auto",
           "auto = if any other REDIS_ setting is given."),
    TEXT("REDIS_HOST", redis_host, 255, NULL, "Host, when there is no REDIS_URL."),
    INT("REDIS_PORT", redis_port, 1, 65535, "6379", NULL, "Port, when there is no REDIS_URL."),
    TEXT("REDIS_USERNAME", redis_username, 127, NULL, "ACL user, when there is no REDIS_URL."),
    {.name = "REDIS_PASSWORD",
     .type = CONF_STRING,
     AT(redis_password),
     .max = 255,
     .secret = true,
     .help = "Password, when there is no REDIS_URL."},
    INT("REDIS_DB", redis_db, 0, 1023, "0", NULL, "Database, when there is no REDIS_URL."),
    TEXT("REDIS_SENTINEL_HOSTS", redis_sentinel_hosts, 4096, NULL,
         "Comma list of sentinels, host[:26379]: they say where Redis is; the other settings still say as "
         "whom."),
    TEXT("REDIS_SENTINEL_MASTER", redis_sentinel_master, 127, "mymaster", "The master's name there."),
    {.name = "REDIS_SENTINEL_PASSWORD",
     .type = CONF_STRING,
     AT(redis_sentinel_password),
     .max = 255,
     .secret = true,
     .help = "The sentinels' own password, if they have one."},
    TEXT("REDIS_KEY_PREFIX", redis_key_prefix, REALM_PREFIX_MAX, NULL, "Goes before every key and channel."),
    {.name = "REDIS_REQUIRE_NOEVICTION",
     .type = CONF_BOOL,
     AT(redis_require_noeviction),
     .preset = "false",
     .help = "Refuse to start on a Redis whose maxmemory-policy may evict keys."},
    INT("COMMAND_TIMEOUT_MS", command_timeout_ms, 100, 60000, "5000", "ms",
        "A store that is silent this long is away; never later than 2 s or half of LEASE_MS."),
    INT("BREAKER_REQUESTS", breaker_requests, 0, 100000, "3", "",
        "Fewer calls than this in an interval never open the circuit breaker; 0 = no breaker."),
    INT("BREAKER_FAILURES_PERCENT", breaker_failures_percent, 1, 100, "60", "%",
        "Share of failed calls that opens the breaker: calls are refused at once."),
    INT("BREAKER_INTERVAL_MS", breaker_interval_ms, 100, 600000, "10000", "ms",
        "The breaker counts anew after this."),
    INT("BREAKER_OPEN_MS", breaker_open_ms, 100, 600000, "30000", "ms",
        "Then a few calls are tried; an answered heartbeat closes the breaker at once."),
    INT("BREAKER_PROBES", breaker_probes, 1, 1000, "10", "", "So many tried calls must succeed to close it."),
    CHOICE(
        "ROOM_EVENTS_MODE", room_events_mode, "remote|all|direct", "remote",
        "Who is told of room events: instances with members, everybody, or each of them on its own channel."),
    CHOICE("DEGRADED_MATCHMAKING", degraded_matchmaking, "local|refuse", "local",
           "Redis away: rooms and matches among the players of one instance go on, or are refused."),

    HEADING("Identity"),
    SECRET("AUTH_JWT_SECRET", auth_jwt_secret, 512,
           "HS256 secret of the players' tokens; not set = development identity."),
    SECRET("ADMIN_TOKEN", admin_token, 512, "Bearer token of admin calls; not set = they answer 403."),

    HEADING("Matches and rooms"),
    INT("ROOM_SEATS", room_seats, 2, ROOM_SEATS_MAX, "2", "seats",
        "Players per match; the same on all instances."),
    INT("LEVEL_MAX", level_max, 0, 1000, "1000", NULL, "Highest level a player may join."),
    CHOICE("CONFIRM", confirm, "auto|client", "auto",
           "Who confirms a seat: the gateway itself, or the client (ready check)."),
    INT("CONFIRM_MS", confirm_ms, 100, 600000, "10000", "ms", "A match not confirmed by then dissolves."),
    INT("GRACE_MS", grace_ms, 0, 3600000, "30000", "ms", "A seat is held this long after a drop."),
    INT("QUEUE_GRACE_MS", queue_grace_ms, 0, 3600000, "5000", "ms",
        "A queue place is remembered this long after a drop."),
    INT("TICKET_TTL_MS", ticket_ttl_ms, 1000, 86400000, "600000", "ms",
        "Longest wait for a match; then ticketExpired."),
    INT("SESSION_TTL_MS", session_ttl_ms, 1000, 604800000, "1800000", "ms",
        "A session can be resumed this long."),
    INT("ROOM_IDLE_MS", room_idle_ms, 1000, 86400000, "1800000", "ms", "A room nobody uses ends."),
    INT("ROOM_LOG_MAX", room_log_max, 16, 10000, "256", "events",
        "Numbered events kept per room (up to an eighth more are there between cuts)."),
    INT("ROOM_RECORD_MAX_BYTES", room_record_max_bytes, 1024, 1048576, "65536", "bytes",
        "Size of a room's record."),

    HEADING("Clients"),
    INT("MESSAGE_MAX_BYTES", message_max_bytes, 256, 1048576, "16384", "bytes",
        "Largest client message; above: 1009."),
    INT("FRAGMENTS_MAX", fragments_max, 1, 65536, "1024", NULL, "Fragments of one message; above: 1008."),
    INT("OUTBOX_MAX_BYTES", outbox_max_bytes, 16384, 67108864, "1048576", "bytes",
        "Unsent bytes per client; above: 4102."),
    INT("MESSAGES_PER_SECOND", rate_per_second, 0, 100000, "50", "/s", "Per connection; 0 = no limit."),
    INT("MESSAGES_BURST", rate_burst, 1, 100000, "100", NULL, "Messages at once."),
    INT("HELLO_MS", hello_ms, 100, 60000, "5000", "ms",
        "Who has not said hello by then is closed with 4004."),
    INT("PING_MS", ping_ms, 100, 600000, "25000", "ms", "Silence before a ping."),
    INT("PING_QUEUED_MS", ping_queued_ms, 100, 600000, "10000", "ms", "The same while waiting for a match."),
    INT("PONG_WAIT_MS", pong_wait_ms, 100, 60000, "8000", "ms", "Silence after a ping: 4201."),

    HEADING("Fleet"),
    INT("LEASE_MS", lease_ms, 200, 60000, "6000", "ms", "An instance silent this long is dead."),
    INT("HEARTBEAT_MS", heartbeat_ms, 50, 30000, "1500", "ms", "How often the lease is renewed."),
    INT("SWEEP_MS", sweep_ms, 50, 60000, "2000", "ms", "Pace of the matching step and of housekeeping."),
    INT("TIMER_POLL_MS", timer_poll_ms, 20, 10000, "250", "ms", "Pace at which due timers are looked for."),
    INT("DRAIN_MS", drain_ms, 100, 600000, "10000", "ms", "Longest time a stop may take."),
    INT("DRAIN_NOTICE_MS", drain_notice_ms, 0, 300000, "0", "ms",
        "Before a stop turns anybody away: time for load balancers to see that it is not ready."),
    INT("DRAIN_SPREAD_MS", drain_spread_ms, 0, 300000, "2000", "ms",
        "Players are sent away evenly over this time, at most half of what DRAIN_MS leaves."),

    HEADING("Logs"),
    CHOICE("LOG_LEVEL", log_level, "debug|info|warn|error", "info", "Least level that is written."),
    CHOICE("LOG_FORMAT", log_format, "text|json", "text", "One line of text or one JSON object per event."),
};
enum { TABLE_COUNT = sizeof table / sizeof *table };

static bool set(const char *text)
{
    return text && *text;
}

static bool copy(char *dst, size_t size, const char *src)
{
    return str_copy(dst, size, str_of(src));
}

/* Where Redis is, if anywhere. false: err is filled. */
static bool find_redis(struct settings *s, const struct conf *c, char *err, size_t err_size)
{
    bool given = set(s->redis_url) || set(s->redis_host) || set(s->redis_password) ||
                 set(s->redis_username) || set(s->redis_sentinel_hosts) || conf_given(c, "REDIS_PORT") ||
                 conf_given(c, "REDIS_DB");
    s->wants_redis =
        s->redis_enabled == REDIS_ENABLED_TRUE || (s->redis_enabled == REDIS_ENABLED_AUTO && given);
    if (!s->wants_redis)
        return true;
    const char *why = NULL;
    if (set(s->redis_sentinel_hosts) &&
        !sentinel_hosts_parse(s->redis_sentinel_hosts, s->redis_sentinel_master, s->redis_sentinel_password,
                              &s->sentinels, &why)) {
        conf_explain(c, "REDIS_SENTINEL_HOSTS", why, err, err_size);
        return false;
    }
    if (set(s->redis_url)) {
        if (redis_address_parse(s->redis_url, &s->redis, &why))
            return true;
        conf_explain(c, "REDIS_URL", why, err, err_size);
        return false;
    }
    s->redis = (struct redis_address){.port = (int)s->redis_port, .db = (int)s->redis_db};
    CHECK(copy(s->redis.host, sizeof s->redis.host, set(s->redis_host) ? s->redis_host : "localhost"));
    CHECK(copy(s->redis.username, sizeof s->redis.username, s->redis_username));
    CHECK(copy(s->redis.password, sizeof s->redis.password, s->redis_password));
    return true;
}

static bool check_together(const struct settings *s, const struct conf *c, char *err, size_t err_size)
{
    if (s->workers != 1 && !s->wants_redis) {
        conf_explain(c, "WORKERS", "1 without Redis: workers share nothing else", err, err_size);
        return false;
    }
    if (s->workers != 1 && s->port == 0) {
        conf_explain(c, "WORKERS", "1 with PORT=0: several workers need one fixed port", err, err_size);
        return false;
    }
    if (s->permessage_deflate && !server_can_inflate()) {
        conf_explain(c, "PERMESSAGE_DEFLATE",
                     "false with libwebsockets before 4.3, which compressed messages can crash", err,
                     err_size);
        return false;
    }
    if (s->heartbeat_ms * 2 > s->lease_ms) {
        conf_explain(c, "HEARTBEAT_MS", "at most half of LEASE_MS, or one lost beat loses the lease", err,
                     err_size);
        return false;
    }
    if (s->drain_notice_ms * 2 > s->drain_ms) {
        conf_explain(c, "DRAIN_NOTICE_MS", "at most half of DRAIN_MS, which includes it", err, err_size);
        return false;
    }
    if (s->outbox_max_bytes < s->message_max_bytes * 2) {
        conf_explain(c, "OUTBOX_MAX_BYTES", "at least twice MESSAGE_MAX_BYTES", err, err_size);
        return false;
    }
    for (const char *p = s->redis_key_prefix; p && *p; p++) {
        if (strchr("\"\\ ", *p)) {
            conf_explain(c, "REDIS_KEY_PREFIX", "no blanks, quotes or backslashes", err, err_size);
            return false;
        }
    }
    return true;
}

enum { PROBE_LATE_MS = 2000, PROBE_LATE_LEAST_MS = 250, CONNECT_MS = 1000 };

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void derive(struct settings *s)
{
    s->confirm_auto = s->confirm == 0;
    s->degraded_local = s->degraded_matchmaking == 0;
    s->room_events_mode_name = mode_names[s->room_events_mode];
    /* An instance must know that the store is away before its lease is over. */
    s->probe_late_ms = lesser(lesser(s->command_timeout_ms, PROBE_LATE_MS), s->lease_ms / 2);
    if (s->probe_late_ms < PROBE_LATE_LEAST_MS)
        s->probe_late_ms = PROBE_LATE_LEAST_MS;
    s->connect_timeout_ms = lesser(s->command_timeout_ms, CONNECT_MS);
    s->breaker = (struct breaker_options){s->breaker_requests, s->breaker_failures_percent,
                                          (uint64_t)s->breaker_interval_ms, (uint64_t)s->breaker_open_ms,
                                          s->breaker_probes};
}

static void print(struct buf *out)
{
    (void)fwrite(out->data, 1, out->len, stdout);
    buf_close(out);
}

enum settings_result settings_load(struct settings *out, struct conf **handle, int argc, char *const argv[],
                                   char *err, size_t err_size)
{
    *out = (struct settings){0};
    struct conf *c = conf_load(table, TABLE_COUNT, out, argc, argv, err, err_size);
    *handle = c;
    if (!c)
        return SETTINGS_BAD;
    struct buf text = {0};
    switch (conf_action(c)) {
    case CONF_HELP:
        conf_help(table, TABLE_COUNT, "matchgate", &text);
        print(&text);
        return SETTINGS_EXIT;
    case CONF_VERSION:
        printf("matchgate %s\n", MG_VERSION);
        return SETTINGS_EXIT;
    case CONF_PRINT:
        conf_print(c, &text);
        print(&text);
        return SETTINGS_EXIT;
    case CONF_RUN:
        break;
    }
    derive(out);
    if (!find_redis(out, c, err, err_size) || !check_together(out, c, err, err_size))
        return SETTINGS_BAD;
    return SETTINGS_RUN;
}
