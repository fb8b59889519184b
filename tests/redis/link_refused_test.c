/* The link to Redis and servers that do not want it: passwords, rights, limits, silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/err.h"
#include "tests/lib/loop_wait.h"
#include "tests/lib/redis_probe.h"

static struct redis_link *new_link(struct probe *p, const struct redis_address *address)
{
    return redis_link_new(p->loop, &(struct redis_link_options){.address = *address,
                                                                .name = "test",
                                                                .command_timeout_ms = 5000,
                                                                .connect_timeout_ms = 300,
                                                                .on_state = probe_on_state,
                                                                .on_message = probe_on_message,
                                                                .arg = p});
}

static bool failed_often(void *arg)
{
    struct probe *p = arg;
    return redis_link_failures(p->link) >= 4;
}

static void expect_reason(struct probe *p, const struct redis_address *a, enum redis_reason reason)
{
    p->link = new_link(p, a);
    WAIT(p, failed_often);
    assert_string_equal(redis_reason_name(redis_link_reason(p->link)), redis_reason_name(reason));
    assert_int_equal(p->ups, p->downs);
    redis_link_free(p->link);
    p->link = NULL;
}

static void expect_up(struct probe *p, const char *url)
{
    struct redis_address a;
    const char *why;
    assert_true(redis_address_parse(url, &a, &why));
    p->link = new_link(p, &a);
    WAIT(p, probe_is_up);
    p->downs++; /* freed, not lost */
    redis_link_free(p->link);
    p->link = NULL;
}

static void test_passwords(void **state)
{
    struct probe *p = *state;
    char url[256];
    p->server = redis_server_start((const char *const[]){"--requirepass", "a@b:/%#? c", NULL});
    struct redis_address a = redis_server_address(p->server);
    strcpy(a.password, "wrong");
    expect_reason(p, &a, REDIS_AUTH);
    a.password[0] = '\0';
    expect_reason(p, &a, REDIS_AUTH);
    strcpy(a.username, "nobody");
    strcpy(a.password, "a@b:/%#? c");
    expect_reason(p, &a, REDIS_AUTH);
    REDIS_ASK(p->server, "ACL", "SETUSER", "game", "on", ">p@ss", "+@all", "~*", "&*");
    REDIS_ASK(p->server, "ACL", "SETUSER", "noping", "on", ">p", "+@all", "-ping");
    REDIS_ASK(p->server, "ACL", "SETUSER", "noname", "on", ">p", "+@all", "-client");
    strcpy(a.username, "noping");
    strcpy(a.password, "p");
    expect_reason(p, &a, REDIS_AUTH);
    snprintf(url, sizeof url, "redis://:a%%40b%%3A%%2F%%25%%23%%3F%%20c@127.0.0.1:%d", a.port);
    expect_up(p, url);
    snprintf(url, sizeof url, "redis://game:p%%40ss@localhost:%d/5",
             a.port); /* ::1 refuses, 127.0.0.1 does not */
    expect_up(p, url);
    snprintf(url, sizeof url, "unix://game:p%%40ss@%s", redis_server_unix_path(p->server));
    expect_up(p, url);
    snprintf(url, sizeof url, "redis://noname:p@127.0.0.1:%d", a.port);
    expect_up(p, url);
    redis_server_good(p->server);
}

static void test_password_not_asked_for(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    struct redis_address a = redis_server_address(p->server);
    strcpy(a.password, "secret");
    expect_reason(p, &a, REDIS_AUTH);
    redis_server_good(p->server);
}

static void test_select_and_name(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    struct redis_address a = redis_server_address(p->server);
    a.db = 3;
    p->link = new_link(p, &a);
    WAIT(p, probe_is_up);
    ASK(p, "SET", "k", "in three");
    ASK(p, "CLIENT", "GETNAME");
    probe_wait_in_order(p);
    assert_non_null(strstr(p->text.data, "\"matchgate-test\""));
    assert_string_equal(REDIS_ASK(p->server, "GET", "k"), "(nil)");
    assert_string_equal(
        REDIS_ASK(p->server, "EVAL", "redis.call('SELECT', 3) return redis.call('GET', 'k')", "0"),
        "in three");
    redis_link_free(p->link);
    p->downs++;
    a.db = 99;
    expect_reason(p, &a, REDIS_REFUSED);
    redis_server_good(p->server);
}

static void test_full_server(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start((const char *const[]){"--maxclients", "1", NULL});
    struct redis_address a = redis_server_address(p->server);
    struct redis_link *first = new_link(p, &a);
    p->link = first;
    WAIT(p, probe_is_up);
    p->downs++;
    expect_reason(p, &a, REDIS_REFUSED);
    p->link = first;
    redis_server_good(p->server);
}

static void test_unix_socket_missing(void **state)
{
    struct probe *p = *state;
    struct redis_address a = {.is_unix = true, .host = "/nonexistent/redis.sock"};
    expect_reason(p, &a, REDIS_REFUSED);
}

static void test_name_unknown(void **state)
{
    struct probe *p = *state;
    struct redis_address a = {.host = "two..dots", .port = 1}; /* fails without a question to any server */
    expect_reason(p, &a, REDIS_RESOLVE);
}

/* Somebody accepts and says nothing. */
static void test_silent_listener(void **state)
{
    struct probe *p = *state;
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(bind(fd, (struct sockaddr *)&sa, n) == 0 && listen(fd, 64) == 0);
    assert_true(getsockname(fd, (struct sockaddr *)&sa, &n) == 0);
    struct redis_address a = {.host = "127.0.0.1", .port = ntohs(sa.sin_port)};
    expect_reason(p, &a, REDIS_TIMEOUT);
    close(fd);
}

static void test_subscriber_without_rights(void **state)
{
    struct probe *p = *state;
    p->server = redis_server_start(NULL);
    REDIS_ASK(p->server, "ACL", "SETUSER", "u", "on", ">p", "+@all", "~*", "resetchannels");
    struct redis_address a = redis_server_address(p->server);
    strcpy(a.username, "u");
    strcpy(a.password, "p");
    p->link = new_link(p, &a);
    redis_subscribe(p->link, STR("c"));
    WAIT(p, failed_often);
    assert_string_equal(redis_reason_name(redis_link_reason(p->link)), "auth");
    redis_server_good(p->server);
}

enum { TOO_MANY = 100100, WAITING_MAX = 100000 };

static int next_answer, refused;

static void count_in_order(void *arg, int err, const struct reply *reply)
{
    (void)reply;
    assert_int_equal((int)(uintptr_t)arg, next_answer++);
    assert_int_equal(err, next_answer <= WAITING_MAX ? ERR_NONE : ERR_UNAVAILABLE);
    refused += err == ERR_UNAVAILABLE;
}

static bool all_counted(void *arg)
{
    (void)arg;
    return next_answer == TOO_MANY;
}

/* More than a link lets wait: the rest is refused, behind those that are not. */
static void test_too_many_calls(void **state)
{
    struct probe *p = *state;
    const struct str ping[] = {STR("PING")};
    p->server = redis_server_start(NULL);
    struct redis_address a = redis_server_address(p->server);
    p->link = redis_link_new(
        p->loop, &(struct redis_link_options){
                     .address = a, .name = "test", .command_timeout_ms = 20000, .connect_timeout_ms = 20000});
    WAIT(p, probe_is_up);
    next_answer = refused = 0;
    for (uintptr_t i = 0; i < TOO_MANY; i++)
        redis_call(p->link, ping, 1, count_in_order, (void *)i);
    WAIT(p, all_counted);
    assert_int_equal(refused, TOO_MANY - WAITING_MAX);
    redis_server_good(p->server);
}

int main(void)
{
    probe_setup_log();
    const struct CMUnitTest tests[] = {
        PROBE_TEST(test_passwords),           PROBE_TEST(test_password_not_asked_for),
        PROBE_TEST(test_select_and_name),     PROBE_TEST(test_full_server),
        PROBE_TEST(test_unix_socket_missing), PROBE_TEST(test_name_unknown),
        PROBE_TEST(test_silent_listener),     PROBE_TEST(test_subscriber_without_rights),
        PROBE_TEST(test_too_many_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
