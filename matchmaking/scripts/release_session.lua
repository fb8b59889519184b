#!lua
-- release_session: a player has gone home: nothing of him stays in his instance's own memory, unless he sits in a room there. Only
-- run there.
-- KEYS  1-7 as in lib/player.lua, 8 session:{sessionId}, 9 waiting:level:N
-- ARGV  1-3 as in lib/core.lua, 4 player, 5 socket
-- Reply {"OK"}. Idempotent.
--@include core clock player
local bad = player_bad_type() or need(KEYS[8], 'hash') or need(KEYS[9], 'list')
if bad then
    return bad
end
redis.call('DEL', KEYS[8])
local p = player_get(ARGV[4])
if p and p.socket == ARGV[5] and p.state ~= 'room' then
    redis.call('LREM', KEYS[9], 1, p.id)
    if redis.call('LLEN', KEYS[9]) == 0 then
        redis.call('SREM', LEVELS, string.match(KEYS[9], '[^:]*$'))
    end
    redis.call('HDEL', PLAYERS, p.id)
    redis.call('HDEL', MAPPINGS, p.socket)
end
return {'OK'}
