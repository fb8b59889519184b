/* Decides whether a WebSocket upgrade is accepted, and words the refusal so that its reader knows what to do.
 */
#include "gateway/handshake.h"

#include <strings.h>

/* libwebsockets upgrades almost anything: POST, HTTP/1.0, any version, a short key, every path, h2c. All of
 * that is refused here, once, before the connection changes its role; later a refusal could only be a bare
 * end of stream. Lists in headers (Connection, Sec-WebSocket-Protocol) and in ALLOWED_ORIGINS are split at
 * commas and trimmed.
 *
 * A page in a browser learns no more of an HTTP refusal than that the line broke. For what is a mistake of
 * its author that is enough, for he reads the status in his console. But "full" is news for players, so ws.c
 * accepts such a connection for a moment, if there are not too many of them, and says goodbye with 4100. */

enum { KEY_SIZE = 24, PROTOCOL_NAME_MAX = 63, PROTOCOL_LIST_MAX = 100 };

static const struct handshake_refusal method = {
    "method", 405, CODE_BAD_REQUEST, false, "Open a WebSocket with GET.", "Allow: GET\r\n"};
static const struct handshake_refusal upgrade = {
    "upgrade",
    400,
    CODE_BAD_REQUEST,
    false,
    "This server upgrades to WebSocket only: send Upgrade: websocket and Connection: Upgrade over HTTP/1.1.",
    ""};
static const struct handshake_refusal http_version = {
    "http_version", 505, CODE_BAD_REQUEST, false, "WebSocket needs HTTP/1.1; check the proxy in front.", ""};
static const struct handshake_refusal malformed = {
    "malformed",
    400,
    CODE_BAD_REQUEST,
    false,
    "The handshake breaks RFC 6455 (one Host, one Sec-WebSocket-Key of 16 bytes in base64, no body, no "
    "repeated or "
    "overlong headers); use a standard WebSocket library.",
    ""};
static const struct handshake_refusal path = {"path",
                                              404,
                                              CODE_BAD_REQUEST,
                                              false,
                                              "WebSocket connections are opened at " HANDSHAKE_PATH
                                              ", those of Socket.IO at " HANDSHAKE_SOCKETIO_PATH
                                              " (where SOCKET_IO is on).",
                                              ""};
static const struct handshake_refusal ws_version = {
    "version",
    426,
    CODE_BAD_REQUEST,
    false,
    "This server speaks version 13 of the WebSocket protocol (RFC 6455); use a newer WebSocket library.",
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"};
static const struct handshake_refusal origin = {
    "origin",
    403,
    CODE_FORBIDDEN,
    false,
    "Pages of this origin may not connect; the operator must add it to ALLOWED_ORIGINS.",
    ""};
static const struct handshake_refusal no_origin = {
    "origin",
    403,
    CODE_FORBIDDEN,
    false,
    "This server takes connections from the pages in ALLOWED_ORIGINS only; a program that is no browser "
    "must send one of them as its Origin.",
    ""};
static const struct handshake_refusal protocol = {"protocol",
                                                  400,
                                                  CODE_BAD_REQUEST,
                                                  false,
                                                  "Unknown subprotocol; offer " HANDSHAKE_SUBPROTOCOL
                                                  " or none. Another matchgate.v is of another release: "
                                                  "update the client or the server, whichever is older.",
                                                  ""};
static const struct handshake_refusal stopping = {
    "stopping",
    503,
    CODE_BUSY,
    true,
    "This instance is shutting down; connect again to reach another one.",
    "Retry-After: 1\r\n"};
static const struct handshake_refusal full = {
    "capacity",
    503,
    CODE_BUSY,
    true,
    "This instance has no room for more connections; try again a little later.",
    "Retry-After: 5\r\n"};
static const struct handshake_refusal address = {
    "address",
    429,
    CODE_BUSY,
    true,
    "Too many connections from your address; close some, then try again.",
    "Retry-After: 5\r\n"};

#define WEBSOCKET_ONLY                                                                                       \
    "This server speaks Socket.IO over WebSocket only; connect with io(url, {transports: [\"websocket\"]})."
static const struct handshake_refusal engine_version = {
    "engine_version",
    400,
    CODE_BAD_REQUEST,
    false,
    "This server speaks Engine.IO 4 (EIO=4 in the query); use socket.io-client 3 or newer, best 4.",
    ""};
static const struct handshake_refusal engine_transport = {"engine_transport", 400, CODE_BAD_REQUEST, false,
                                                          WEBSOCKET_ONLY,     ""};
static const struct handshake_refusal engine_session = {"engine_session", 400, CODE_BAD_REQUEST, false,
                                                        WEBSOCKET_ONLY,   ""};
static const struct handshake_refusal engine_request = {
    "engine_request",
    400,
    CODE_BAD_REQUEST,
    false,
    "This must be a WebSocket upgrade; a proxy in front must pass the headers Upgrade and Connection on.",
    ""};

/* Engine.IO's own numbers and words. */
const char *handshake_engine_error(const struct handshake_refusal *refusal)
{
    static const struct {
        const struct handshake_refusal *refusal;
        const char *error;
    } errors[] = {{&engine_transport, "\"code\":0,\"message\":\"Transport unknown\""},
                  {&engine_session, "\"code\":1,\"message\":\"Session ID unknown\""},
                  {&engine_request, "\"code\":3,\"message\":\"Bad request\""},
                  {&engine_version, "\"code\":5,\"message\":\"Unsupported protocol version\""}};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].refusal == refusal)
            return errors[i].error;
    return NULL;
}

bool handshake_is_socketio(struct str at)
{
    return str_eq(at, STR(HANDSHAKE_SOCKETIO_PATH)) || str_eq(at, STR("/socket.io"));
}

const struct handshake_refusal *handshake_engine(struct str eio, struct str transport, struct str sid,
                                                 bool upgraded)
{
    if (!str_eq(eio, STR("4")))
        return &engine_version;
    if (!str_eq(transport, STR("websocket")))
        return &engine_transport;
    if (sid.n > 0)
        return &engine_session;
    return upgraded ? NULL : &engine_request;
}

static struct str trimmed(struct str s)
{
    while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static bool same_word(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static bool list_has(struct str list, struct str word)
{
    while (list.n > 0)
        if (same_word(trimmed(str_cut(&list, ',')), word))
            return true;
    return false;
}

bool handshake_origin_allowed(struct str from, const char *allowed_origins)
{
    struct str allowed = trimmed(str_of(allowed_origins));
    if (allowed.n == 0 || list_has(allowed, STR("*")))
        return true;
    return from.n > 0 && list_has(allowed, from);
}

static bool is_token(struct str s)
{
    static const char others[] = "!#$%&'*+-.^_`|~"; /* RFC 9110 5.6.2 */
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return s.n > 0;
}

/* Is ours among them, and is the list such that libwebsockets finds it there? */
static bool protocols_good(struct str list)
{
    if (list.n == 0)
        return true;
    if (list.n > PROTOCOL_LIST_MAX)
        return false;
    bool found = false;
    while (list.n > 0) {
        struct str name = trimmed(str_cut(&list, ','));
        if (!is_token(name) || name.n > PROTOCOL_NAME_MAX)
            return false;
        found = found || str_eq(name, STR(HANDSHAKE_SUBPROTOCOL));
    }
    return found;
}

static bool key_good(struct str key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (key.n != KEY_SIZE || key.p[KEY_SIZE - 1] != '=' || key.p[KEY_SIZE - 2] != '=')
        return false;
    for (size_t i = 0; i < KEY_SIZE - 2; i++)
        if (key.p[i] == '\0' || strchr(digits, key.p[i]) == NULL)
            return false;
    return true;
}

const struct handshake_refusal *handshake_check(const struct handshake_offer *o,
                                                const struct handshake_rules *r)
{
    const struct handshake_refusal *engine;
    if (!same_word(o->upgrade, STR("websocket")))
        return &upgrade; /* h2c comes here too */
    if (!o->is_get)
        return &method;
    if (!str_eq(o->http_version, STR("HTTP/1.1")))
        return &http_version;
    if (o->repeated || o->too_long || o->has_body || o->host.n == 0)
        return &malformed;
    if (!list_has(o->connection, STR("upgrade")))
        return &upgrade;
    bool socketio = r->socketio && handshake_is_socketio(o->path);
    if (!socketio && !str_eq(o->path, STR(HANDSHAKE_PATH)))
        return &path;
    if (!str_eq(o->ws_version, STR("13")))
        return &ws_version;
    if (!key_good(o->ws_key))
        return &malformed;
    if (socketio && (engine = handshake_engine(o->eio, o->transport, o->sid, true)) != NULL)
        return engine;
    if (!handshake_origin_allowed(o->origin, r->allowed_origins))
        return o->origin.n > 0 ? &origin : &no_origin;
    if (!protocols_good(o->protocols))
        return &protocol;
    if (r->stopping)
        return &stopping;
    if (r->connections >= r->connections_max)
        return &full;
    if (r->address_connections_max > 0 && r->address_connections >= r->address_connections_max)
        return &address;
    return NULL;
}

bool handshake_over_capacity(const struct handshake_refusal *refusal)
{
    return refusal == &full || refusal == &address;
}
