#!lua
-- attach: a connection becomes the player's one and only; a later attach always wins (fence).
-- KEYS  1-7 as in lib/player.lua, 8 fence, 9 instance:{own}:sockets, 10 instance_info, 11 instance_epochs, 12 replaced,
--       13 session:{sessionId}
-- ARGV  1-3 as in lib/core.lua, 4 session_ms while attached, 5 session_ms: how long it is remembered who was replaced, 6 player,
--       7 socket, 8 fence held before (0 = a new connection; else the caller attaches again after an outage and only keeps the
--       player if no other connection attached later; -1 = one that has not been here yet, for it began while the store was away:
--       the player is kept by a connection elsewhere that is younger, as the ids of their sockets say), 9 hash of the resume token, 10 "1" = only if the session is this player's
--       and the token fits, 11 the request id of the client's hello, 0 = it had none: ids grow within a session, so a hello with a
--       smaller one than before was read late
-- Reply {"OK", fence, state, level, ticket, ms he has waited, roomId, old instance, old socket, lost[, setup]} | {"REPLACED"} |
--       {"NO_SESSION"} (nothing was changed: attach with a new session), one for each call
--       lost = 1: the caller held the player, and there was no record; nor has one joined or left since. What the caller
--       remembers of a ticket counts only then: else the record knows better. setup: what he says about himself, raw JSON, if anything.
--       The old connection's instance, if another one, is told on its own channel (event sessionReplaced).
--@include core clock player each
--@each 12 1 5 6
local id, socket, held = ARGV[6], ARGV[7], tonumber(ARGV[8])
local session = redis.call('HMGET', KEYS[13], 'player', 'token', 'fence', 'socket', 'hello')
if ARGV[10] == '1' and (session[1] ~= id or session[2] ~= ARGV[9]) then
    return {'NO_SESSION'}
end
local p = player_get(id)
local hello, newest = tonumber(ARGV[11]), tonumber(session[5] or '0')
if p and p.socket ~= '' and ARGV[10] == '1' and hello > 0 and hello < newest then
    return {'REPLACED'}
end
if held < 0 then
    local came = '^s_(' .. string.rep('[0-9a-z]', 8) .. ')' -- the store's time, see common/id.h
    local mine, other = string.match(socket, came), p and p.instance ~= ORIGIN and string.match(p.socket, came)
    if mine and other and tonumber(other, 36) > tonumber(mine, 36) then
        return {'REPLACED'}
    end
    held = 0
end
if p and held > 0 and p.fence > held and p.socket ~= socket then
    return {'REPLACED'}
end
-- The player went on elsewhere with this session, and may have left from there: then he has no record any more.
if held > 0 and session[4] and session[4] ~= socket and tonumber(session[3] or '0') > held then
    return {'REPLACED'}
end
-- The same for one who came back without his session: it cannot say that he did.
if held > 0 and not p and redis.call('ZSCORE', KEYS[12], socket) then
    return {'REPLACED'}
end
-- Retired by a sweep while it was frozen, or the store lost its data: until the instance beats again it stands in the fleet
-- table as one whose lease is over, so that somebody comes for this connection whatever becomes of it.
local listed = redis.call('ZSCORE', INSTANCES, ORIGIN)
local bad = need(MAPPINGS, 'hash') or need(KEYS[8], 'string') or need(KEYS[9], 'set') or
    not listed and (need(KEYS[10], 'hash') or need(KEYS[11], 'hash')) or
    p and (need(DEADLINES, 'zset') or need(KEYS[12], 'zset'))
if bad then
    return bad
end
if not listed then
    redis.call('ZADD', INSTANCES, 0, ORIGIN)
    redis.call('HSETNX', KEYS[10], ORIGIN, '{}')
    redis.call('HSETNX', KEYS[11], ORIGIN, 1)
end
-- A store that lost its data counts from the beginning: never below what somebody already holds.
local fence = redis.call('INCR', KEYS[8])
local least = math.max(held, p and p.fence or 0)
if fence <= least then
    fence = least + 1
    redis.call('SET', KEYS[8], int(fence))
end
p = p or {id = id, state = 'idle', level = '', ticket = held > 0 and TICKET_LOST or '', joined = 0, room = '', socket = '', instance = '',
          setup = ''}
local old_instance, old_socket = p.instance, p.socket
if old_socket ~= '' and old_socket ~= socket then
    redis.call('HDEL', MAPPINGS, old_socket)
    if old_instance ~= ORIGIN and session[4] ~= old_socket then
        redis.call('ZREMRANGEBYSCORE', KEYS[12], '-inf', int(NOW - tonumber(ARGV[5])))
        redis.call('ZADD', KEYS[12], int(NOW), old_socket)
        redis.call('PEXPIRE', KEYS[12], ARGV[5])
    end
    if old_instance ~= ORIGIN then
        redis.call('PUBLISH', CHANNEL .. ':' .. old_instance, '{"roomId":"","event":"sessionReplaced","data":{"playerId":"' ..
            id .. '","socketId":"' .. old_socket .. '"},"originInstanceId":"' .. ORIGIN .. '","timestamp":' .. int(NOW) .. '}')
    end
end
if p.state == 'away' then
    redis.call('ZREM', DEADLINES, 'queue:' .. id .. ':' .. int(p.fence))
    p.state = 'queued' -- back in time: the caller hands the ticket in again, and it finds its old place
end
p.fence, p.socket, p.instance = fence, socket, ORIGIN
player_put(p)
mapping_put(p)
redis.call('SADD', KEYS[9], socket)
redis.call('HSET', KEYS[13], 'player', id, 'token', ARGV[9], 'socket', socket, 'fence', int(fence))
if hello > newest then
    redis.call('HSET', KEYS[13], 'hello', ARGV[11])
end
redis.call('PEXPIRE', KEYS[13], ARGV[4])
return {'OK', fence, p.state, p.level, p.ticket, p.joined > 0 and NOW - p.joined or 0, p.room, old_instance, old_socket,
        p.state == 'idle' and p.ticket == TICKET_LOST and 1 or 0, p.setup ~= '' and p.setup or nil}
