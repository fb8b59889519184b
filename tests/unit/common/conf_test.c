/* Tests of common/conf.c and conf_file.c: where values come from, what is refused and how it is said, what is
 * printed. */
#include "common/conf.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct target {
    int64_t port, level, grace_ms;
    bool redis_enabled;
    const char *url, *secret, *host;
};
#define AT(member) .offset = offsetof(struct target, member)

static const struct conf_setting table[] = {
    {.help = "Network"},
    {.name = "T_PORT",
     .aliases = "T_APP_PORT T_OLD_PORT",
     .flags = "port p-o",
     .type = CONF_INT,
     AT(port),
     .max = 65535,
     .preset = "3000",
     .help = "Port."},
    {.name = "T_REDIS_URL", .flags = "redis", .type = CONF_STRING, AT(url), .help = "Where Redis is."},
    {.name = "T_REDIS_ENABLED", .type = CONF_BOOL, AT(redis_enabled), .preset = "true", .help = "Use Redis."},
    {.name = "T_SECRET",
     .type = CONF_STRING,
     AT(secret),
     .min = 4,
     .max = 16,
     .help = "A key.",
     .secret = true},
    {.help = "Rest"},
    {.name = "T_LOG_LEVEL",
     .type = CONF_ENUM,
     AT(level),
     .choices = "debug|info|warn",
     .preset = "info",
     .help = "How much."},
    {.name = "T_GRACE_MS",
     .type = CONF_INT,
     AT(grace_ms),
     .min = -5,
     .max = 600000,
     .zero = "auto",
     .preset = "15000",
     .unit = "ms",
     .help = "How long."},
    {.name = "T_HOST", .type = CONF_STRING, AT(host), .preset = "0.0.0.0", .help = "Address."},
};
enum { ROWS = sizeof table / sizeof *table };

static struct target t;
static char err[256];
static char file_path[] = "/tmp/conf_test_XXXXXX";

/* Words separated by '|' become argv. */
static struct conf *load(const char *words)
{
    static char copy[512];
    static char program[] = "matchgate";
    char *argv[16] = {program};
    int argc = 1;
    (void)snprintf(copy, sizeof copy, "%s", words);
    for (char *at = copy; *at != '\0' && argc < 15; argc++) {
        argv[argc] = at;
        at = strchrnul(at, '|');
        if (*at == '|')
            *at++ = '\0';
    }
    memset(&t, 0x55, sizeof t);
    err[0] = '\0';
    struct conf *c = conf_load(table, ROWS, &t, argc, argv, err, sizeof err);
    assert_int_equal(c == NULL, err[0] != '\0');
    return c;
}

static void good(const char *words)
{
    struct conf *c = load(words);
    if (c == NULL)
        fail_msg("%s: %s", words, err);
    conf_free(c);
}

static void refused(const char *words, const char *line)
{
    if (load(words) != NULL)
        fail_msg("%s: accepted", words);
    assert_string_equal(err, line);
}

static void write_file(const char *text)
{
    FILE *f = fopen(file_path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int clean(void **state)
{
    (void)state;
    unsetenv("CONFIG_FILE");
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].name != NULL)
            unsetenv(table[i].name);
    unsetenv("T_APP_PORT");
    unsetenv("T_OLD_PORT");
    return mem_live_count() == 0 ? 0 : -1;
}

static void defaults(void **state)
{
    (void)state;
    good("");
    assert_int_equal(t.port, 3000);
    assert_int_equal(t.level, 1);
    assert_int_equal(t.grace_ms, 15000);
    assert_true(t.redis_enabled);
    assert_null(t.url);
    assert_null(t.secret);
}

static void higher_places_win(void **state)
{
    (void)state;
    write_file("# ours\n\n  T_PORT = 1 \nT_GRACE_MS=-5\r\nT_LOG_LEVEL=DEBUG # loud\nT_REDIS_URL=\" a # b "
               "\"\nT_HOST=\n");
    setenv("CONFIG_FILE", file_path, 1);
    struct conf *c = load("");
    assert_non_null(c);
    assert_int_equal(t.port, 1);
    assert_int_equal(t.grace_ms, -5);
    assert_int_equal(t.level, 0);
    assert_string_equal(t.url, " a # b ");
    assert_string_equal(t.host, "0.0.0.0"); /* empty counts as not set */
    assert_true(conf_given(c, "T_PORT") && !conf_given(c, "T_HOST"));
    conf_free(c);
    setenv("T_PORT", "2", 1);
    setenv("T_LOG_LEVEL", "", 1);
    good("");
    assert_int_equal(t.port, 2);
    assert_int_equal(t.level, 0);
    good("--t-port|3");
    assert_int_equal(t.port, 3);
    good("--port=4|--t-port|5|--port=6");
    assert_int_equal(t.port, 6); /* the last flag counts, whatever its spelling */
    good("--redis=");
    assert_null(t.url); /* takes back what the file says */
    unsetenv("CONFIG_FILE");
    char words[64];
    (void)snprintf(words, sizeof words, "--config|%s", file_path);
    good(words);
    assert_int_equal(t.grace_ms, -5);
}

static void flag_names_the_file_before_the_environment(void **state)
{
    char words[64];
    (void)state;
    write_file("T_PORT=7\nT_HOST=a#b\n");
    setenv("CONFIG_FILE", "/nowhere/at/all", 1);
    (void)snprintf(words, sizeof words, "--config=%s", file_path);
    struct conf *c = load(words);
    assert_non_null(c);
    assert_int_equal(t.port, 7);
    assert_string_equal(t.host, "a#b"); /* no comment without a blank before it */
    conf_free(c);
}

static void name_before_aliases_in_their_order(void **state)
{
    (void)state;
    setenv("T_OLD_PORT", "12", 1);
    good("");
    assert_int_equal(t.port, 12);
    setenv("T_APP_PORT", "11", 1);
    good("");
    assert_int_equal(t.port, 11);
    setenv("T_PORT", "10", 1);
    good("");
    assert_int_equal(t.port, 10);
    clean(NULL);
    setenv("CONFIG_FILE", file_path, 1);
    write_file("T_APP_PORT=21\nT_PORT=20\nT_OLD_PORT=22\n");
    good("");
    assert_int_equal(t.port, 20);
    setenv("T_OLD_PORT", "12", 1);
    good("");
    assert_int_equal(t.port, 12); /* the place counts more than the name */
}

static void bools_in_many_words(void **state)
{
    (void)state;
    good("--t-redis-enabled|off|--port|1");
    assert_false(t.redis_enabled);
    good("--t-redis-enabled=NO");
    assert_false(t.redis_enabled);
    setenv("T_REDIS_ENABLED", "0", 1);
    good("");
    assert_false(t.redis_enabled);
    good("--t-redis-enabled");
    assert_true(t.redis_enabled);
    good("--t-redis-enabled|--port|1");
    assert_true(t.redis_enabled);
}

static void wrong_values_stop_with_one_clear_line(void **state)
{
    char line[256];
    (void)state;
    refused("--port|65536", "T_PORT=65536 (flag --port): allowed is a whole number from 0 to 65535");
    refused("--t-port=", "T_PORT= (flag --t-port): allowed is a whole number from 0 to 65535");
    refused("--port|-1", "T_PORT=-1 (flag --port): allowed is a whole number from 0 to 65535");
    refused("--t-redis-enabled=maybe",
            "T_REDIS_ENABLED=maybe (flag --t-redis-enabled): allowed is true or false");
    setenv("T_GRACE_MS", "15s", 1);
    refused("", "T_GRACE_MS=15s (environment): allowed is a whole number from -5 to 600000, or auto (ms)");
    good("--t-grace-ms|1");    /* overruled: does no harm */
    good("--t-grace-ms|Auto"); /* its word for 0 */
    assert_int_equal(t.grace_ms, 0);
    refused("--t-port|auto", "T_PORT=auto (flag --t-port): allowed is a whole number from 0 to 65535");
    clean(NULL);
    setenv("T_OLD_PORT", "tcp://10.0.0.1:3000", 1);
    refused(
        "",
        "T_PORT=tcp://10.0.0.1:3000 (environment, as T_OLD_PORT): allowed is a whole number from 0 to 65535");
    clean(NULL);
    setenv("T_HOST", "a\nb\x1b[2J", 1);
    refused("", "T_HOST=a?b?[2J (environment): allowed is text without control characters");
    clean(NULL);
    write_file("\n#\nT_LOG_LEVEL=loud\n");
    setenv("CONFIG_FILE", file_path, 1);
    (void)snprintf(line, sizeof line, "T_LOG_LEVEL=loud (file %s line 3): allowed is debug, info, warn",
                   file_path);
    refused("", line);
}

static void unknown_words_stop(void **state)
{
    (void)state;
    refused("--prot|1", "unknown flag --prot (see --help)");
    refused("--port", "flag --port needs a value (see --help)");
    refused("--port|--redis", "flag --port needs a value (see --help)");
    refused("start", "unexpected argument start (see --help)");
    refused("--", "unexpected argument -- (see --help)");
    refused("-p|1", "unexpected argument -p (see --help)");
    refused("--config", "flag --config needs a value (see --help)");
    setenv("T_UNKNOWN", "x", 1); /* in the environment much is not ours */
    good("");
    unsetenv("T_UNKNOWN");
}

static void bad_files_stop(void **state)
{
    static const struct {
        const char *text, *line;
    } cases[] = {
        {"T_PROT=1\n", "line 1: unknown setting T_PROT (see --help)"},
        {"T_PORT=1\nT_PORT=2", "line 2: T_PORT stands in line 1 already"},
        {"=1\n", "line 1: unknown setting  (see --help)"},
    };
    char line[256];
    (void)state;
    setenv("CONFIG_FILE", file_path, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(cases[i].text);
        (void)snprintf(line, sizeof line, "file %s %s", file_path, cases[i].line);
        refused("", line);
    }
    write_file("T_PORT=1\nhello\n");
    (void)snprintf(line, sizeof line,
                   "CONFIG_FILE=%s (environment): cannot be read: line 2: allowed is KEY=VALUE or # comment",
                   file_path);
    refused("", line);
    refused("--config|/nowhere/at/all",
            "CONFIG_FILE=/nowhere/at/all (flag --config): cannot be read: No such file or directory");
    refused("--config|/", "CONFIG_FILE=/ (flag --config): cannot be read: Is a directory");
}

static void secrets_are_never_shown(void **state)
{
    struct buf out = {0};
    (void)state;
    refused("--t-secret|hunter2hunter2hunter2",
            "T_SECRET=******** (flag --t-secret): allowed is text of 4 to 16 bytes");
    refused("--t-secret|********",
            "T_SECRET=******** (flag --t-secret): allowed is text of 4 to 16 bytes"); /* a mask */
    struct conf *c = load("--t-secret|hunter2|--redis|redis://me:pa:s@s@host:1/2");
    assert_non_null(c);
    assert_string_equal(t.secret, "hunter2");
    conf_print(c, &out);
    assert_null(strstr(out.data, "hunter2"));
    assert_null(strstr(out.data, "pa:s"));
    assert_non_null(strstr(out.data, "T_SECRET=******** # flag --t-secret\n"));
    assert_non_null(strstr(out.data, "T_REDIS_URL=redis://me:********@host:1/2 # flag --redis\n"));
    conf_explain(c, "T_REDIS_URL", "redis://host", err, sizeof err);
    assert_string_equal(err,
                        "T_REDIS_URL=redis://me:********@host:1/2 (flag --redis): allowed is redis://host");
    buf_close(&out);
    conf_free(c);
}

static void printed_config_reads_back(void **state)
{
    struct buf first = {0}, second = {0};
    (void)state;
    setenv("T_APP_PORT", "99", 1);
    struct conf *c = load("--print-config|--redis| a # \"b\" |--t-log-level|warn|--t-host=#");
    assert_non_null(c);
    assert_int_equal(conf_action(c), CONF_PRINT);
    conf_print(c, &first);
    conf_free(c);
    assert_string_equal(first.data, "T_PORT=99 # environment, as T_APP_PORT\n"
                                    "T_REDIS_URL=' a # \"b\" ' # flag --redis\n"
                                    "T_REDIS_ENABLED=true # default\n"
                                    "T_SECRET= # default\n"
                                    "T_LOG_LEVEL=warn # flag --t-log-level\n"
                                    "T_GRACE_MS=15000 # default\n"
                                    "T_HOST=\"#\" # flag --t-host\n");
    clean(NULL);
    write_file(first.data);
    setenv("CONFIG_FILE", file_path, 1);
    c = load("");
    if (c == NULL)
        fail_msg("%s", err);
    assert_int_equal(t.port, 99);
    assert_int_equal(t.level, 2);
    assert_string_equal(t.url, " a # \"b\" ");
    assert_string_equal(t.host, "#");
    conf_print(c, &second);
    assert_non_null(strstr(second.data, "T_LOG_LEVEL=warn # file /tmp/conf_test_"));
    buf_close(&first);
    buf_close(&second);
    conf_free(c);
}

static void help_and_version_come_before_everything(void **state)
{
    struct buf out = {0};
    (void)state;
    setenv("T_PORT", "wrong", 1);
    struct conf *c = load("--help|--nonsense");
    assert_non_null(c);
    assert_int_equal(conf_action(c), CONF_HELP);
    conf_free(c);
    c = load("--version");
    assert_non_null(c);
    assert_int_equal(conf_action(c), CONF_VERSION);
    conf_free(c);
    conf_help(table, ROWS, "matchgate", &out);
    assert_non_null(strstr(out.data, "\nNetwork\n"));
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].name != NULL && (!strstr(out.data, table[i].name) || !strstr(out.data, table[i].help)))
            fail_msg("%s is not in the help", table[i].name);
    assert_non_null(
        strstr(out.data, "--t-grace-ms NUMBER\n      T_GRACE_MS: How long.\n"
                         "      Allowed: a whole number from -5 to 600000, or auto (ms). Default: 15000.\n"));
    assert_non_null(strstr(
        out.data, "--t-port NUMBER, --port, --p-o\n      T_PORT or T_APP_PORT or T_OLD_PORT: Port.\n"));
    buf_close(&out);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file_path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clean, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(higher_places_win),
        TEST(flag_names_the_file_before_the_environment),
        TEST(name_before_aliases_in_their_order),
        TEST(bools_in_many_words),
        TEST(wrong_values_stop_with_one_clear_line),
        TEST(unknown_words_stop),
        TEST(bad_files_stop),
        TEST(secrets_are_never_shown),
        TEST(printed_config_reads_back),
        TEST(help_and_version_come_before_everything),
    };
    int fd = mkstemp(file_path);
    if (fd < 0)
        return 1;
    close(fd);
    return cmocka_run_group_tests(tests, NULL, remove_file);
}
