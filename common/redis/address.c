/* Reads a Redis URL into its parts, or says in one sentence what is wrong with it.
 *
 *   redis://[user][:password]@host[:port][/db]      host may be [::1]; empty = localhost; port 6379; db 0
 *   unix://[[user][:password]@]/path[?db=n]
 *
 * User, password, host and path are percent-decoded. The password may hold anything but NUL, so `@ : / ? # %`
 * in it have to be written as %40 %3A %2F %3F %23 %25; only `@` and `:` are forgiven, because the last `@`
 * before the host ends it and the first `:` begins it. Whatever is left over, or does not fit, is refused:
 * half of a password must never be taken for a host. The sentences are static and hold no piece of the URL,
 * so they may be logged. */
#include <limits.h>
#include <strings.h>
#include "common/redis/address.h"

#include <stdio.h>

#define ENCODE "(write @ : / ? # % of a password as %40 %3A %2F %3F %23 %25)"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL when all went well, else why not. */
static const char *decode(struct str in, char *out, size_t size, const char *too_long)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
            int low = i + 2 < in.n ? hex_digit(in.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return "a % is not followed by two hexadecimal digits (write % itself as %25)";
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return "%00 is not possible in any part of it";
        if (n + 1 >= size)
            return too_long;
        out[n++] = c;
    }
    out[n] = '\0';
    return NULL;
}

static bool parse_number(struct str text, int64_t least, int64_t most, int *out)
{
    int64_t value;
    if (text.n == 0 || text.p[0] == '-' || !str_to_int(text, &value) || value < least || value > most)
        return false;
    *out = (int)value;
    return true;
}

/* Up to the first of `stops`; *rest begins with that character or is empty. */
static struct str cut_before(struct str *rest, const char *stops)
{
    size_t n = 0;
    while (n < rest->n && strchr(stops, rest->p[n]) == NULL)
        n++;
    struct str head = {rest->p, n};
    *rest = (struct str){rest->p + n, rest->n - n};
    return head;
}

/* Takes `user:password@` off the front of *authority. */
static const char *parse_user(struct str *authority, struct redis_address *a)
{
    size_t at = authority->n;
    while (at > 0 && authority->p[at - 1] != '@')
        at--;
    if (at == 0)
        return NULL;
    struct str password = {authority->p, at - 1};
    *authority = (struct str){authority->p + at, authority->n - at};
    struct str user = cut_before(&password, ":");
    if (password.n <= 1)
        return "before the @ a password is missing: [user]:password@host";
    password = (struct str){password.p + 1, password.n - 1};
    const char *why = decode(user, a->username, sizeof a->username, "the user name is longer than 127 bytes");
    return why ? why
               : decode(password, a->password, sizeof a->password, "the password is longer than 255 bytes");
}

static bool host_valid(const char *host)
{
    for (const char *c = host; *c; c++)
        if ((unsigned char)*c <= ' ' || strchr("/?#@[]\\\"'<>", *c) || (unsigned char)*c == 0x7f)
            return false;
    return host[0] != '\0';
}

static const char *parse_host(struct str authority, struct redis_address *a)
{
    struct str host;
    if (authority.n && authority.p[0] == '[') {
        host = cut_before(&authority, "]");
        if (authority.n == 0)
            return "a [ of the host has no ]";
        host = (struct str){host.p + 1, host.n - 1};
        authority = (struct str){authority.p + 1, authority.n - 1};
        if (authority.n && authority.p[0] != ':')
            return "after the ] only :port may follow";
        if (host.n == 0)
            return "between [ and ] an address is missing";
    } else {
        host = cut_before(&authority, ":");
        if (host.n == 0)
            host = STR("localhost");
    }
    const char *why = decode(host, a->host, sizeof a->host, "the host is longer than 255 bytes");
    if (why)
        return why;
    if (!host_valid(a->host))
        return "the host contains a character that no host name has " ENCODE;
    a->port = 6379;
    if (authority.n == 0)
        return NULL;
    struct str port = {authority.p + 1, authority.n - 1};
    return parse_number(port, 1, 65535, &a->port) ? NULL
                                                  : "the port must be a number from 1 to 65535 " ENCODE;
}

static const char *parse_db(struct str text, struct redis_address *a)
{
    return parse_number(text, 0, INT_MAX, &a->db) ? NULL : "the database must be a number from 0 " ENCODE;
}

/* What stands behind the host: "", "/" or "/db". */
static const char *parse_redis(struct str rest, struct redis_address *a)
{
    struct str authority = cut_before(&rest, "/?#");
    const char *why = parse_user(&authority, a);
    if (why == NULL)
        why = parse_host(authority, a);
    if (why || rest.n == 0 || str_eq(rest, STR("/")))
        return why;
    if (rest.p[0] != '/')
        return "behind the host only /database may follow " ENCODE;
    return parse_db((struct str){rest.p + 1, rest.n - 1}, a);
}

static const char *parse_unix(struct str rest, struct redis_address *a)
{
    /* 107 is what fits into a socket's address on Linux. */
    enum { PATH_SIZE = 108 };
    a->is_unix = true;
    struct str authority = cut_before(&rest, "/?#");
    const char *why = parse_user(&authority, a);
    if (why)
        return why;
    struct str path = cut_before(&rest, "?#");
    if (authority.n || path.n < 2)
        return "unix:// needs the absolute path of a socket: unix:///run/redis.sock";
    why = decode(path, a->host, PATH_SIZE, "the socket's path is longer than 107 bytes");
    if (why || rest.n == 0)
        return why;
    if (rest.n < 4 || memcmp(rest.p, "?db=", 4) != 0)
        return "behind the socket's path only ?db=n may follow";
    return parse_db((struct str){rest.p + 4, rest.n - 4}, a);
}

static bool has_scheme(const char *url, const char *scheme, struct str *rest)
{
    size_t n = strlen(scheme);
    if (strncasecmp(url, scheme, n) != 0)
        return false;
    *rest = str_of(url + n);
    return true;
}

bool redis_address_parse(const char *url, struct redis_address *out, const char **why)
{
    struct redis_address a = {.port = 0};
    struct str rest;
    if (has_scheme(url, "redis://", &rest))
        *why = parse_redis(rest, &a);
    else if (has_scheme(url, "unix://", &rest))
        *why = parse_unix(rest, &a);
    else if (has_scheme(url, "rediss://", &rest))
        *why = "rediss:// (TLS) is not possible with this build; use redis:// through a local TLS tunnel, or "
               "unix://";
    else
        *why = "it must begin with redis:// or unix://";
    if (*why == NULL)
        *out = a;
    return *why == NULL;
}

void redis_address_text(const struct redis_address *a, char *out, size_t size)
{
    if (a->is_unix)
        (void)snprintf(out, size, "unix:%s", a->host);
    else
        (void)snprintf(out, size, strchr(a->host, ':') ? "[%s]:%d" : "%s:%d", a->host, a->port);
}
