#!lua flags=allow-oom
-- retire: an instance leaves the fleet table: itself at shutdown, or a dead one once nothing of it is left.
-- KEYS  1 instances, 2 instance_info, 3 instance_epochs, 4 instance:{id}:sockets
-- ARGV  1-3 as in lib/core.lua, 4 the instance's id
-- Reply {"OK"} | {"LIVE"} (another one's lease is not over) | {"LEFT", sockets} (leftovers first). Idempotent.
--@include core clock
local bad = need(KEYS[1], 'zset') or need(KEYS[2], 'hash') or need(KEYS[3], 'hash') or need(KEYS[4], 'set')
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
redis.call('ZREM', KEYS[1], id)
redis.call('HDEL', KEYS[2], id)
redis.call('HDEL', KEYS[3], id)
return {'OK'}
