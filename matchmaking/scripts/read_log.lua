#!lua
-- read_log: the events of a room after number `have`, oldest first; also for a while after the room has ended.
-- KEYS  1 room:{roomId}, 2 room:{roomId}:log
-- ARGV  1-3 as in lib/core.lua, 4 have
-- Reply {"OK", the room's seq or -1 if it is gone, events}. Fewer than seq - have events: the log no longer reaches back.
local seq = tonumber(redis.call('HGET', KEYS[1], 'seq') or '-1')
local have = tonumber(ARGV[4])
if seq >= 0 and seq <= have then
    return {'OK', seq, {}}
end
return {'OK', seq, redis.call('LRANGE', KEYS[2], seq >= 0 and have - seq or 0, -1)}
