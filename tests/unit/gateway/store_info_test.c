/* Reading INFO, and how worrying it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gateway/store_info.h"

static const char good[] =
    "# Server\r\nredis_version:7.0.15\r\n"
    "# Clients\r\nconnected_clients:4\r\n"
    "# Memory\r\nused_memory:1000\r\nused_memory_peak:2000\r\nused_memory_human:9G\r\n"
    "maxmemory:10000\r\nmaxmemory_policy:noeviction\r\n"
    "# Persistence\r\naof_enabled:1\r\nrdb_last_bgsave_status:ok\r\n"
    "# Stats\r\ntotal_commands_processed:77\r\nkeyspace_hits:950\r\nkeyspace_misses:50\r\n"
    "evicted_keys:3\r\n"
    "# Keyspace\r\ndb0:keys=12,expires=1,avg_ttl=5\r\ndb3:keys=8,expires=0,avg_ttl=0\r\n"
    "config_save:3600 1\r\n";

static struct store_info read_text(const char *text)
{
    struct store_info info;
    store_info_parse(&info, str_of(text), 5000);
    return info;
}

static struct store_info_item item(const struct store_info *info, const char *name)
{
    struct store_info_item items[STORE_INFO_ITEMS];
    store_info_items(info, items);
    for (size_t i = 0; i < STORE_INFO_ITEMS; i++) {
        if (strcmp(items[i].name, name) == 0)
            return items[i];
    }
    fail_msg("no item %s", name);
    return items[0];
}

static void test_reading(void **state)
{
    (void)state;
    struct store_info i = read_text(good);
    assert_true(i.known && i.aof && !i.rdb_failed);
    assert_string_equal(i.version, "7.0.15");
    assert_string_equal(i.policy, "noeviction");
    assert_int_equal(i.used_memory, 1000);
    assert_int_equal(i.peak_memory, 2000);
    assert_int_equal(i.max_memory, 10000);
    assert_int_equal(i.evicted_keys, 3);
    assert_int_equal(i.hits, 950);
    assert_int_equal(i.misses, 50);
    assert_int_equal(i.commands, 77);
    assert_int_equal(i.keys, 20);
    assert_int_equal(i.clients, 4);
    assert_int_equal(i.rdb, 1);
    assert_int_equal(i.at_ms, 5000);
    assert_int_equal(store_info_overall(&i), STORE_INFO_GOOD);
}

static void test_nothing_and_rubbish(void **state)
{
    (void)state;
    struct store_info i = read_text("");
    assert_int_equal(item(&i, "evictionPolicy").level, STORE_INFO_UNKNOWN);
    assert_int_equal(item(&i, "persistence").level, STORE_INFO_UNKNOWN);
    assert_int_equal(item(&i, "hitRate").level, STORE_INFO_UNKNOWN);
    assert_string_equal(item(&i, "hitRate").value, "null");
    i = read_text("maxmemory_policy:\"},{\nused_memory:1e9\r\n:\ndb:keys=9\ndbx:keys=9\nused_memory_peak:"
                  "99999999999999999999");
    assert_string_equal(i.policy, "");
    assert_int_equal(i.used_memory, 0);
    assert_int_equal(i.peak_memory, 0);
    assert_int_equal(i.keys, 0);
    struct store_info none = {0};
    assert_int_equal(store_info_overall(&none), STORE_INFO_UNKNOWN);
}

static void test_policy(void **state)
{
    static const struct {
        const char *text;
        enum store_info_level level;
    } cases[] = {
        {"maxmemory_policy:noeviction", STORE_INFO_GOOD},
        {"maxmemory_policy:volatile-ttl", STORE_INFO_WARNING},
        {"maxmemory_policy:volatile-lru", STORE_INFO_WARNING},
        {"maxmemory_policy:allkeys-lru", STORE_INFO_CRITICAL},
        {"maxmemory_policy:allkeys-random", STORE_INFO_CRITICAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct store_info info = read_text(cases[i].text);
        assert_int_equal(item(&info, "evictionPolicy").level, cases[i].level);
        assert_int_equal(store_info_overall(&info), cases[i].level);
    }
}

static void test_persistence(void **state)
{
    static const struct {
        const char *text, *value;
        enum store_info_level level;
    } cases[] = {
        {"aof_enabled:1", "\"aof\"", STORE_INFO_GOOD},
        {"aof_enabled:0\nconfig_save:900 1", "\"rdb\"", STORE_INFO_GOOD},
        {"aof_enabled:0\nconfig_save:", "\"none\"", STORE_INFO_WARNING},
        {"aof_enabled:0", "null", STORE_INFO_UNKNOWN},
        {"aof_enabled:0\nconfig_save:900 1\nrdb_last_bgsave_status:err", "\"rdb\"", STORE_INFO_WARNING},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct store_info info = read_text(cases[i].text);
        assert_string_equal(item(&info, "persistence").value, cases[i].value);
        assert_int_equal(item(&info, "persistence").level, cases[i].level);
    }
}

/* Seed 003's table, at and around each limit. */
static void test_thresholds(void **state)
{
    const struct {
        const char *name;
        struct store_info info;
        enum store_info_level level;
    } cases[] = {
        {"hitRate", {.known = true, .hits = 851, .misses = 149}, STORE_INFO_GOOD},
        {"hitRate", {.known = true, .hits = 850, .misses = 150}, STORE_INFO_WARNING},
        {"hitRate", {.known = true, .hits = 700, .misses = 300}, STORE_INFO_WARNING},
        {"hitRate", {.known = true, .hits = 699, .misses = 301}, STORE_INFO_CRITICAL},
        {"hitRate", {.known = true, .hits = 1, .misses = 998}, STORE_INFO_UNKNOWN},
        {"memory", {.known = true, .used_memory = 69, .max_memory = 100}, STORE_INFO_GOOD},
        {"memory", {.known = true, .used_memory = 70, .max_memory = 100}, STORE_INFO_WARNING},
        {"memory", {.known = true, .used_memory = 85, .max_memory = 100}, STORE_INFO_WARNING},
        {"memory", {.known = true, .used_memory = 86, .max_memory = 100}, STORE_INFO_CRITICAL},
        {"memory", {.known = true, .used_memory = 86, .max_memory = 0}, STORE_INFO_GOOD},
        {"evictions", {.known = true, .evictions_a_minute = 0.5}, STORE_INFO_GOOD},
        {"evictions", {.known = true, .evictions_a_minute = 1}, STORE_INFO_WARNING},
        {"evictions", {.known = true, .evictions_a_minute = 5.5}, STORE_INFO_CRITICAL},
        {"evictions", {.known = true, .evictions_a_minute = -1}, STORE_INFO_UNKNOWN},
        {"commandMs", {.known = true, .command_ms = 4.9}, STORE_INFO_GOOD},
        {"commandMs", {.known = true, .command_ms = 5}, STORE_INFO_WARNING},
        {"commandMs", {.known = true, .command_ms = 10.1}, STORE_INFO_CRITICAL},
        {"connections", {.known = true, .clients = 19}, STORE_INFO_GOOD},
        {"connections", {.known = true, .clients = 40}, STORE_INFO_WARNING},
        {"connections", {.known = true, .clients = 41}, STORE_INFO_CRITICAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (item(&cases[i].info, cases[i].name).level != cases[i].level)
            fail_msg("case %zu: %s", i, cases[i].name);
    }
}

static void test_only_our_faults_count(void **state)
{
    (void)state;
    struct store_info info = read_text(good);
    info.hits = 0;
    info.misses = 5000;
    info.clients = 1000;
    assert_int_equal(item(&info, "hitRate").level, STORE_INFO_CRITICAL);
    assert_int_equal(store_info_overall(&info), STORE_INFO_GOOD);
    info.command_ms = 7;
    assert_int_equal(store_info_overall(&info), STORE_INFO_WARNING);
    info.used_memory = 9900;
    assert_int_equal(store_info_overall(&info), STORE_INFO_CRITICAL);
}

static void test_eviction_rate(void **state)
{
    (void)state;
    struct store_info before = {.known = true, .at_ms = 1000, .evicted_keys = 10};
    struct store_info now = read_text("evicted_keys:16");
    store_info_rate(&now, &before); /* 4 s apart: too short to say */
    assert_true(now.evictions_a_minute < 0);
    now.at_ms = 121000;
    store_info_rate(&now, &before);
    assert_true(now.evictions_a_minute > 2.99 && now.evictions_a_minute < 3.01);
    now.evicted_keys = 2; /* restarted */
    store_info_rate(&now, &before);
    assert_true(now.evictions_a_minute >= 0 && now.evictions_a_minute < 0.01);
    struct store_info first = read_text("evicted_keys:16");
    store_info_rate(&first, &(struct store_info){0});
    assert_true(first.evictions_a_minute < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),       cmocka_unit_test(test_nothing_and_rubbish),
        cmocka_unit_test(test_policy),        cmocka_unit_test(test_persistence),
        cmocka_unit_test(test_thresholds),    cmocka_unit_test(test_only_our_faults_count),
        cmocka_unit_test(test_eviction_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
