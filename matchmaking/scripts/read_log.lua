#!lua
-- read_log: the events of a room after number `have`, oldest first; also for a while after the room has ended.
-- KEYS  1 room:{roomId}, 2 room:{roomId}:log
-- ARGV  1-3 as in lib/core.lua, 4 have, 5 the player who is to see them, or "" (an instance, for its own view)
-- Reply {"OK", the room's seq or -1 if it has ended, events, the last number there was}. Fewer than last - have events: the log
--       no longer reaches back. {"NOT_IN_ROOM"}: the player has no seat there, or had none when it ended, or nothing is left of it.
local seq = tonumber(redis.call('HGET', KEYS[1], 'seq') or '-1')
local have, player = tonumber(ARGV[4]), ARGV[5]
local last, member = seq, seq >= 0 and redis.call('HEXISTS', KEYS[1], 'p:' .. player) == 1
if seq < 0 then
    -- The last event says its number and, at its very end, who was there. What clients wrote stands inside braces before that.
    local cast
    last, cast = string.match(redis.call('LINDEX', KEYS[2], -1) or '', ',"seq":(%d+),[^{}]*"members":"([^"{}]*)"}$')
    last = tonumber(last or '0')
    member = string.find(' ' .. (cast or '') .. ' ', ' ' .. player .. ' ', 1, true) ~= nil
end
if player ~= '' and not member then
    return {'NOT_IN_ROOM'}
end
if last <= have then
    return {'OK', seq, {}, last}
end
return {'OK', seq, redis.call('LRANGE', KEYS[2], have - last, -1), last}
