/* Every setting of the gateway, as one plain struct; the table in settings.c is the single source (names,
 * defaults, help). */
#ifndef GATEWAY_SETTINGS_H
#define GATEWAY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/redis/breaker.h"
#include "common/redis/link.h"

struct conf;

enum settings_choice { REDIS_ENABLED_AUTO, REDIS_ENABLED_TRUE, REDIS_ENABLED_FALSE };

struct settings { /* strings are owned by the conf handle; NULL = not set */
    const char *host;
    int64_t port;
    int64_t workers; /* 0 = one per core (auto) */
    bool permessage_deflate;
    const char *redis_url, *redis_host, *redis_username, *redis_password, *redis_key_prefix;
    int64_t redis_enabled; /* enum settings_choice */
    int64_t redis_port, redis_db;
    int64_t room_events_mode, confirm; /* positions in their choices */
    const char *room_events_mode_name; /* derived */
    bool confirm_auto;                 /* derived */
    int64_t degraded_matchmaking;      /* position in its choices */
    bool degraded_local;               /* derived */
    bool wants_redis;           /* derived: any of REDIS_URL, REDIS_HOST ... given, or REDIS_ENABLED=true */
    struct redis_address redis; /* derived, if wants_redis */
    const char *auth_jwt_secret, *admin_token, *allowed_origins;
    bool demo, socket_io, socket_io_recovery;
    int64_t log_level, log_format;
    int64_t room_seats, level_max;
    int64_t message_max_bytes, fragments_max, outbox_max_bytes, room_record_max_bytes;
    int64_t connections_max, connections_per_address_max;
    int64_t rate_per_second, rate_burst;
    int64_t hello_ms, ping_ms, ping_queued_ms, pong_wait_ms;
    int64_t lease_ms, heartbeat_ms, sweep_ms, timer_poll_ms;
    int64_t grace_ms, queue_grace_ms, ticket_ttl_ms, session_ttl_ms, confirm_ms, room_idle_ms,
        command_timeout_ms;
    int64_t drain_ms, drain_notice_ms, drain_spread_ms;
    int64_t room_log_max;
    int64_t breaker_requests, breaker_failures_percent, breaker_interval_ms, breaker_open_ms, breaker_probes;
    const char *redis_sentinel_hosts, *redis_sentinel_master, *redis_sentinel_password;
    bool redis_require_noeviction;
    struct sentinel_hosts sentinels; /* derived; count 0 = none */
    struct breaker_options breaker;  /* derived */
    int64_t probe_late_ms;           /* derived: a store silent this long is away */
    int64_t connect_timeout_ms;      /* derived */
};

enum settings_result { SETTINGS_RUN, SETTINGS_EXIT /* --help and the like were printed */, SETTINGS_BAD };

/* Reads flags, environment, file and defaults, checks what no single setting can know, and fills *out.
 * *handle owns the strings: conf_free it at the end. SETTINGS_BAD: err holds one line that names setting,
 * value and what is allowed. */
enum settings_result settings_load(struct settings *out, struct conf **handle, int argc, char *const argv[],
                                   char *err, size_t err_size);

#endif
