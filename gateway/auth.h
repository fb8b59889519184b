/* Who is this client? From a signed token where a secret is set, else a development identity.
 *
 * With a secret (AUTH_JWT_SECRET) the player id is the `sub` of a JSON Web Token in compact form (RFC 7519),
 * signed with HS256 (RFC 7518 3.2) and nothing else; what the client claims by `playerId` counts for nothing
 * then. The secret is used byte for byte as it stands in the setting. `exp` and `nbf` are kept with 5 s of
 * leeway; `aud`, `iss` and `kid` are not looked at: give the gateways a secret of their own. Without a secret
 * everybody is who he says he is, or gets a random id: for development only. */
#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

#include "common/id.h"
#include "proto/codes.h"

enum { AUTH_TOKEN_MAX = 4096, AUTH_LEEWAY_MS = 5000 };

enum auth_result {
    AUTH_OK,
    AUTH_MISSING_TOKEN,   /* a secret is set and no token was given */
    AUTH_MALFORMED,       /* not three strict base64url parts, not strict JSON, longer than AUTH_TOKEN_MAX, or
                             `crit` */
    AUTH_WRONG_ALGORITHM, /* `alg` is not HS256 ("none" and RS256 included) */
    AUTH_BAD_SIGNATURE,   /* signed with another secret, or changed on the way */
    AUTH_EXPIRED,         /* `exp` is past */
    AUTH_NOT_YET_VALID,   /* `nbf` is to come */
    AUTH_BAD_SUBJECT,     /* `sub` is missing or no valid id */
    AUTH_BAD_PLAYER_ID,   /* development identity: playerId is no valid id */
    AUTH_RESULT_COUNT
};

struct auth_identity {
    char player_id[ID_SIZE];
    /* Wall clock: from this moment on the token is refused (`exp` and leeway). 0 = never. */
    uint64_t expires_at_ms;
    bool is_development; /* nobody vouches for player_id */
};

/* Decides who the client is. token and player_id: as the handshake or hello gave them, empty if absent;
 * secret: empty = development identity (the token is then ignored, an empty player_id gets a new `p_...`).
 * All borrowed until return. now_ms: wall clock. *out is written only with AUTH_OK. Never logs, never stores
 * the token. */
enum auth_result auth_identify(struct str token, struct str player_id, struct str secret, uint64_t now_ms,
                               struct auth_identity *out);

/* A sentence for the client, short enough for a Close frame (<= 123 bytes). Never NULL, says nothing about
 * the secret. */
const char *auth_text(enum auth_result r);
/* A word for logs and metric labels: "bad_signature". Never NULL. */
const char *auth_name(enum auth_result r);
/* The error code to answer with: UNAUTHORIZED, or BAD_REQUEST for a bad playerId; OK for AUTH_OK. */
enum code auth_code(enum auth_result r);

#endif
