#!lua flags=allow-oom
-- retire: an instance leaves the fleet table: itself at shutdown, or a dead one once nothing of it is left.
-- KEYS  1 instances, 2 instance_info, 3 instance_epochs, 4 instance:{id}:sockets, 5 deadlines
-- ARGV  1-3 as in lib/core.lua, 4 the instance's id
-- Reply {"OK"} | {"LIVE"} (another one's lease is not over) | {"LEFT", sockets} (leftovers first). Idempotent.
--@include core clock
local bad = need(KEYS[1], 'zset') or need(KEYS[2], 'hash') or need(KEYS[3], 'hash') or need(KEYS[4], 'set') or
    need(KEYS[5], 'zset')
if bad then
    return bad
end
local id = ARGV[4]
if id ~= ORIGIN and tonumber(redis.call('ZSCORE', KEYS[1], id) or '0') > NOW then
    return {'LIVE'}
end
local left = redis.call('SCARD', KEYS[4])
if left > 0 then
    return {'LEFT', left}
end
local lived = id == ORIGIN and tonumber(redis.call('ZSCORE', KEYS[1], id) or '0') > NOW
redis.call('ZREM', KEYS[1], id)
redis.call('HDEL', KEYS[2], id)
redis.call('HDEL', KEYS[3], id)
-- The last one that lived stops the deadlines' clock: no lease will tell the next one how long nobody was there (heartbeat.lua), or
-- one that ran out long before, for a time that has been counted.
local newest = tonumber(redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] or '0')
if (newest == 0 or lived and newest <= NOW) and redis.call('EXISTS', KEYS[5]) == 1 then
    redis.call('ZADD', KEYS[5], 'NX', int(SHIFT_ZERO + NOW), STOPPED)
end
return {'OK'}
