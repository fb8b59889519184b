/* hello and ping: who the client is, and that we are alive. */
#include "gateway/handle.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "gateway/tell.h"
#include "gateway/attach.h"
#include "gateway/auth.h"
#include "gateway/drain.h"
#include "gateway/resume.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/sio.h"

static void identify(struct node *n, struct session *s, struct str token, struct str player_id,
                     const struct resume *resume, int64_t request_id)
{
    struct auth_identity who;
    enum auth_result result =
        auth_identify(token, player_id, str_of(n->settings->auth_jwt_secret), clock_wall_ms(), &who);
    if (result != AUTH_OK) {
        log_limited(LOG_WARN, "session.refused", KV("address", conn_address(s->conn)),
                    KV("reason", auth_name(result)), KV("next", "closed with 4001"));
        tell_error(s->conn, request_id, auth_code(result), auth_text(result));
        tell_goodbye(s->conn, CLOSE_UNAUTHORIZED, 0);
        return;
    }
    CHECK(str_copy(s->player_id, sizeof s->player_id, str_of(who.player_id)));
    s->token_expires_at_ms = who.expires_at_ms;
    session_move(s, SESSION_ATTACHING, "hello");
    conn_ready(s->conn);
    tell_ok(s->conn, request_id, (struct str){0});
    attach_start(n, s, resume);
}

void handle_handshake(struct node *n, struct session *s, const struct conn_handshake *h)
{
    if (drain_refuses(n->drain)) {
        tell_goodbye(s->conn, CLOSE_DRAINING, 0);
        return;
    }
    bool anonymous = h->token.n == 0 && h->player_id.n == 0;
    bool signed_only = n->settings->auth_jwt_secret != NULL;
    /* With a secret and no token in the URL the token may still come with hello. */
    if (h->wait_for_hello || (signed_only && anonymous))
        return;
    identify(n, s, h->token, h->player_id, &(struct resume){0}, 0);
}

void handle_connect(struct node *n, struct session *s, const struct sio_hello *hello)
{
    if (drain_refuses(n->drain))
        tell_goodbye(s->conn, CLOSE_DRAINING, 0);
    else
        identify(n, s, hello->token, hello->player_id, &hello->resume, 0);
}

void handle_hello(struct node *n, struct session *s, const struct request *request)
{
    if (s->state != SESSION_NEW) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, "hello was already said on this connection");
        return;
    }
    struct str token = {0}, player_id = {0};
    struct resume resume;
    const char *why = NULL;
    if (!decode_opt_plain(request, "token", &token, &why) ||
        !decode_opt_plain(request, "playerId", &player_id, &why) || !resume_read(request, &resume, &why)) {
        tell_error(s->conn, request->id, CODE_BAD_REQUEST, why);
        return;
    }
    identify(n, s, token, player_id, &resume, request->id);
}

void handle_ping(struct node *n, struct session *s, const struct request *request)
{
    (void)n;
    char data[64];
    int bytes = snprintf(data, sizeof data, "{\"serverTime\":%llu}", (unsigned long long)clock_wall_ms());
    struct str text = {data, (size_t)bytes};
    if (request->id)
        tell_ok(s->conn, request->id, text);
    else
        tell_push(s->conn, "pong", text);
}
