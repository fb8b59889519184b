/* One question to the sentinels, one after the other: SENTINEL get-master-addr-by-name.
 *
 * A connection for each question: questions are rare (at every (re)connect), and a sentinel that has gone
 * must not be noticed late. What a sentinel says may be out of date for some seconds; therefore the one who
 * asked checks the ROLE of what he finds there (dial.c) and asks again after his back-off. Whoever answered
 * is asked first the next time; one that fails, or does not know the master, is passed over. */
#include "common/redis/sentinel.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/mem.h"
#include "common/redis/dial.h"
#include "common/redis/link_stream.h"

struct sentinel_query {
    struct loop *loop;
    const struct sentinel_hosts *hosts;
    unsigned *turn, dial_turn;
    uint64_t timeout_ms;
    sentinel_cb fn;
    void *arg;
    size_t left; /* sentinels not tried yet */
    struct loop_timer *timer;
    struct dial *dial;      /* while connecting */
    struct link_stream *io; /* while waiting for the answer */
    char failure[200];      /* of the last one tried */
};

/* ---- settings ---- */

static bool parse_host(struct str text, struct redis_address *out)
{
    struct str host = text, port = {0};
    if (text.n > 0 && text.p[0] == '[') {
        host = (struct str){text.p + 1, text.n - 1};
        struct str rest = host;
        host = str_cut(&rest, ']');
        if (rest.n > 0 && rest.p[0] != ':')
            return false;
        port = rest.n > 0 ? (struct str){rest.p + 1, rest.n - 1} : rest;
    } else if (text.n > 0 && memchr(text.p, ':', text.n) != NULL) {
        port = text;
        host = str_cut(&port, ':');
        if (port.n == 0)
            return false;
    }
    int64_t number = SENTINEL_PORT;
    if (port.n > 0 && (!str_to_int(port, &number) || number < 1 || number > 65535))
        return false;
    out->port = (int)number;
    return host.n > 0 && str_copy(out->host, sizeof out->host, host);
}

static struct str trimmed(struct str s)
{
    while (s.n > 0 && s.p[0] == ' ')
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n > 0 && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

bool sentinel_hosts_parse(const char *list, const char *master, const char *password,
                          struct sentinel_hosts *out, const char **why)
{
    struct sentinel_hosts found = {.count = 0};
    *why = "the master's name is empty or too long";
    if (str_of(master).n == 0 || !str_copy(found.master, sizeof found.master, str_of(master)))
        return false;
    for (struct str rest = str_of(list); rest.n > 0;) {
        *why = "too many sentinels";
        if (found.count == SENTINEL_HOSTS_MAX)
            return false;
        struct redis_address *a = &found.hosts[found.count++];
        *why = "a comma list of host or host:port is needed";
        if (!parse_host(trimmed(str_cut(&rest, ',')), a))
            return false;
        *why = "the sentinels' password is too long";
        if (!str_copy(a->password, sizeof a->password, str_of(password)))
            return false;
    }
    *why = "no sentinel is named";
    if (found.count == 0)
        return false;
    *out = found;
    return true;
}

/* ---- the question ---- */

static void ask_next(struct sentinel_query *q);

static void hang_up(struct sentinel_query *q)
{
    dial_cancel(q->dial);
    q->dial = NULL;
    if (q->io != NULL)
        link_stream_free(q->io);
    q->io = NULL;
}

void sentinel_cancel(struct sentinel_query *q)
{
    if (q == NULL)
        return;
    hang_up(q);
    loop_timer_free(q->timer);
    mem_free(q);
}

static void finish(struct sentinel_query *q, const struct sentinel_answer *answer)
{
    sentinel_cb fn = q->fn;
    void *arg = q->arg;
    char text[sizeof q->failure];
    struct sentinel_answer copy = *answer;
    if (copy.failure != NULL) {
        snprintf(text, sizeof text, "%s", copy.failure);
        copy.failure = text;
    } else {
        (*q->turn)--; /* this one is good: first choice the next time */
    }
    sentinel_cancel(q);
    fn(arg, &copy);
}

/* The sentinel at hand is of no use. */
static void pass_over(struct sentinel_query *q, const char *why)
{
    const struct redis_address *a = &q->hosts->hosts[(*q->turn - 1) % q->hosts->count];
    snprintf(q->failure, sizeof q->failure, "sentinel %.100s:%d: %.80s", a->host, a->port, why);
    hang_up(q);
    ask_next(q);
}

static void on_answer(void *arg, const struct reply *reply)
{
    struct sentinel_query *q = arg;
    char host[256], error[100];
    struct str name = reply_str(reply, 0);
    int64_t port = 0;
    if (reply->type == REPLY_ERROR) {
        snprintf(error, sizeof error, "%.*s", (int)reply->str.n, reply->str.p);
        pass_over(q, error);
    } else if (reply->count != 2 || !str_copy(host, sizeof host, name) || name.n == 0)
        pass_over(q, "does not know the master");
    else if (!str_to_int(reply_str(reply, 1), &port) || port < 1 || port > 65535)
        pass_over(q, "names an impossible port");
    else
        finish(q, &(struct sentinel_answer){.host = host, .port = (int)port});
}

static void on_gone(void *arg, const char *why)
{
    struct sentinel_query *q = arg;
    q->io = NULL;
    pass_over(q, *why ? why : "closed the connection");
}

static void on_dialed(void *arg, const struct dial_result *result)
{
    struct sentinel_query *q = arg;
    q->dial = NULL;
    if (result->reason != REDIS_OK) {
        pass_over(q, result->detail);
        return;
    }
    q->io = link_stream_new(q->loop, result->fd, &(struct link_stream_events){on_answer, on_gone, q});
    if (q->io == NULL) {
        pass_over(q, "the loop refuses the socket");
        return;
    }
    redis_format(link_stream_out(q->io),
                 (struct str[]){STR("SENTINEL"), STR("get-master-addr-by-name"), str_of(q->hosts->master)},
                 3);
    loop_timer_start(q->timer, q->timeout_ms, 0);
    link_stream_flush(q->io); /* if that fails on_gone has been told, and q may be gone */
}

static void ask_next(struct sentinel_query *q)
{
    loop_timer_stop(q->timer);
    if (q->left == 0) {
        finish(q, &(struct sentinel_answer){.failure = q->failure});
        return;
    }
    q->left--;
    const struct dial_options options = {.address = &q->hosts->hosts[(*q->turn)++ % q->hosts->count],
                                         .name = "sentinel",
                                         .where = "sentinel",
                                         .timeout_ms = q->timeout_ms,
                                         .turn = &q->dial_turn,
                                         .quiet = true};
    q->dial = dial_start(q->loop, &options, on_dialed, q);
}

static void on_late(void *arg)
{
    pass_over(arg, "does not answer");
}

struct sentinel_query *sentinel_ask(struct loop *l, const struct sentinel_hosts *hosts, unsigned *turn,
                                    uint64_t timeout_ms, sentinel_cb fn, void *arg)
{
    struct sentinel_query *q = mem_alloc(sizeof *q);
    CHECK(hosts->count > 0);
    *q = (struct sentinel_query){
        .loop = l, .hosts = hosts, .timeout_ms = timeout_ms, .fn = fn, .arg = arg, .left = hosts->count};
    q->turn = turn;
    q->timer = loop_timer_new(l, on_late, q);
    ask_next(q);
    return q;
}
