#!lua
-- heartbeat: renews the instance's lease and says whether it had run out meanwhile; also the write probe.
-- KEYS  1 instances, 2 instance_info, 3 instance_epochs, 4 deadlines, 5 fence
-- ARGV  1-3 as in lib/core.lua, 4 lease_ms, 5 info (JSON with "seats":N), 6 epoch the instance knows (0 = none),
--       7 seats, 8 "1" at the start: refuse if a live instance has other seats, 9 highest fence the instance was given
-- Reply {"OK", epoch, now ms, dead instances, live instances, moved ms, lost fences} | {"SEATS", seats of the other, its id}
--       moved ms: nobody lived for so long (the store or the whole fleet was away), and the deadlines' clock stood still.
--       lost fences: by so many the store is behind what it had given out: it came back empty, or with older data (a
--       failover). They are skipped, so that no fence is given out twice.
--       An epoch other than the known one = the lease was lost: attach every session again. The epoch is a level, so a
--       lost reply does no harm. flags: none, so that an OOM store refuses it and the probe fails.
--@include core
local bad = need(KEYS[1], 'zset') or need(KEYS[2], 'hash') or need(KEYS[3], 'hash') or need(KEYS[4], 'zset') or
    need(KEYS[5], 'string')
if bad then
    return bad
end
local id, known = ORIGIN, tonumber(ARGV[6])
local ends = tonumber(redis.call('ZSCORE', KEYS[1], id) or '0')
local epoch = tonumber(redis.call('HGET', KEYS[3], id) or '0')
if ARGV[8] == '1' then
    local infos = redis.call('HGETALL', KEYS[2])
    for i = 1, #infos, 2 do
        local seats = string.match(infos[i + 1], '"seats":(%d+)')
        if seats ~= ARGV[7] and infos[i] ~= id and tonumber(redis.call('ZSCORE', KEYS[1], infos[i]) or '0') > NOW then
            return {'SEATS', seats or '', infos[i]}
        end
    end
end
-- The first one back after all leases have run out sets the deadlines' clock back by the time that nobody could use: once,
-- for its own lease lives then, and for all deadlines at once, however many there are. Without any the clock may go right.
local newest, moved = tonumber(redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] or '0'), 0
if newest > 0 and newest <= NOW then
    moved = NOW - (newest - tonumber(ARGV[4]))
    if redis.call('ZCARD', KEYS[4]) > 0 then
        redis.call('ZADD', KEYS[4], int(SHIFT_ZERO + NOW - fleet_now(KEYS[4]) + moved), SHIFT)
    end
elseif redis.call('ZCARD', KEYS[4]) == 1 then
    redis.call('ZREM', KEYS[4], SHIFT)
end
if ends <= NOW or epoch == 0 then
    epoch = math.max(epoch, known) + 1
    redis.call('HSET', KEYS[3], id, epoch)
end
local lost = tonumber(ARGV[9]) - tonumber(redis.call('GET', KEYS[5]) or '0')
if lost > 0 then
    redis.call('SET', KEYS[5], ARGV[9])
end
redis.call('ZADD', KEYS[1], int(NOW + tonumber(ARGV[4])), id)
redis.call('HSET', KEYS[2], id, ARGV[5])
return {'OK', epoch, NOW, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(NOW), 'LIMIT', 0, 8),
        redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. int(NOW), '+inf'), moved, math.max(lost, 0)}
