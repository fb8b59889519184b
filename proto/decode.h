/* A client's text frame -> one request (the native dialect). Pure: no I/O, no clock, no allocation. */
#ifndef PROTO_DECODE_H
#define PROTO_DECODE_H

#include "common/json.h"
#include "proto/codes.h"
#include "proto/messages.h"

/* Everything borrowed from the frame's text; not to be copied (a refusal may point into it). */
struct request {
    enum message kind;
    struct str event;           /* as sent, for UNKNOWN_EVENT's sentence */
    int64_t id;                 /* 1..2^53-1; 0 = the client wants no reply */
    struct json_value data_raw; /* JSON_NONE if absent */
    struct json_object data;    /* its members; count 0 if absent or not an object */
    char sentence[112];         /* decode_request's own, when the text is no JSON */
};
/* CODE_OK; or CODE_BAD_REQUEST, CODE_UNKNOWN_EVENT or (message_refuse) CODE_FORBIDDEN with *why, which lives
 * as long as *out. On an error out->id still holds the id if it could be read, so that the reply finds its
 * request. data must be absent or an object, except for `ping` (any value). */
enum code decode_request(struct str text, struct request *out, const char **why);

/* Typed access to request data. false: the client's fault, answer CODE_BAD_REQUEST with *why, a static
 * sentence that names the member and says what it must be; *out is then untouched. A member that stands twice
 * is refused; null counts as a value, not as absent. key is one of the names in messages.c; what is borrowed
 * points into the frame's text. */
bool decode_int(const struct request *r, const char *key, int64_t min, int64_t max, int64_t *out,
                const char **why);
bool decode_opt_int(const struct request *r, const char *key, int64_t min, int64_t max, int64_t fallback,
                    int64_t *out, const char **why);
bool decode_opt_bool(const struct request *r, const char *key, bool fallback, bool *out, const char **why);
/* A string that is a valid id (common/id.h); required. */
bool decode_id(const struct request *r, const char *key, struct str *out, const char **why);
/* Any JSON value, as its raw bytes; required. */
bool decode_raw(const struct request *r, const char *key, struct str *out, const char **why);
/* The same; empty if absent. */
bool decode_opt_raw(const struct request *r, const char *key, struct str *out, const char **why);
/* The content of a string without backslash escapes (tokens, names); empty if absent. */
bool decode_opt_plain(const struct request *r, const char *key, struct str *out, const char **why);

#endif
