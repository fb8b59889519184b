/* What a player says about himself with his joinMatchmaking, and how it is told to the others. Pure. */
#ifndef PROTO_SETUP_H
#define PROTO_SETUP_H

#include "common/buf.h"
#include "proto/decode.h"

/* As JSON, as sent. It stands in the player's record, in the room's log and in the message to every player.
 */
enum { SETUP_BYTES_MAX = 1024 };

/* Is it the call of the system that this one replaces: {"addToQueue":{playerId, playerSetup?, ...}}? */
bool setup_original(const struct request *r);
/* data.setup, or else data.addToQueue.playerSetup: the raw object, borrowed from the frame; empty if neither
 * is there. CODE_OK; or CODE_BAD_REQUEST (no object, more than JSON_MEMBERS_MAX members, stands twice, or so
 * deep that a message with it could not be read any more) or CODE_TOO_LARGE with *why, a static sentence. */
enum code setup_read(const struct request *r, struct str *out, const char **why);

/* matchFound's `players` (raw: [{"id":"ann","setup":{...}}, {"id":"bob"}]) for a client of that system: the
 * array of all but viewer_id, `[{"playerId":"bob", ...what he gave}]`. The playerId is the true one, whatever
 * he gave. */
void setup_add_others(struct buf *out, struct str players, struct str viewer_id);

#endif
