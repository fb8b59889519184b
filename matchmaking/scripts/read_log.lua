#!lua
-- read_log: the events of a room after number `have`, oldest first; also for a while after the room has ended.
-- KEYS  1 room:{roomId}, 2 room:{roomId}:log
-- ARGV  1-3 as in lib/core.lua, 4 have, 5 the player who is to see them, or "" (an instance, for its own view)
-- Reply {"OK", the room's seq or -1 if it has ended, events, the last number there was (0: nothing is left), its epoch}. Fewer than
--       last - have events: the log no longer reaches back. {"NOT_IN_ROOM"}: the player has no seat there, or had none when it
--       ended, or nothing is left of it.
local f = redis.call('HMGET', KEYS[1], 'seq', 'epoch')
local have, player, seq = tonumber(ARGV[4]), ARGV[5], tonumber(f[1] or '-1')
local last, epoch, member = seq, f[2], seq >= 0 and redis.call('HEXISTS', KEYS[1], 'p:' .. player) == 1
if seq < 0 then
    -- The last event says its number and, at its very end, who was there. What clients wrote stands inside braces before that.
    local tail
    last, tail = string.match(redis.call('LINDEX', KEYS[2], -1) or '', ',"seq":(%d+)([^{}]*)}$')
    last, epoch = tonumber(last or '0'), string.match(tail or '', '^,"epoch":(%d+)') or '1'
    local cast = string.match(tail or '', '"members":"([^"]*)"$') or ''
    member = string.find(' ' .. cast .. ' ', ' ' .. player .. ' ', 1, true) ~= nil
end
if player ~= '' and not member then
    return {'NOT_IN_ROOM'}
end
return {'OK', seq, last > have and redis.call('LRANGE', KEYS[2], have - last, -1) or {}, last, tonumber(epoch)}
