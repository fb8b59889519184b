#!lua
-- heartbeat: renews the instance's lease and says whether it had run out meanwhile; also the write probe, and the place where
-- a store is noticed that is not the one it was.
-- KEYS  1 instances, 2 instance_info, 3 instance_epochs, 4 deadlines, 5 fence, 6 lineage
-- ARGV  1-3 as in lib/core.lua, 4 lease_ms, 5 info (JSON with "seats":N and "beat":N, the number of this beat), 6 epoch the
--       instance knows (0 = none), 7 seats, 8 "1" at the start: refuse if a live instance has other seats, 9 highest fence the
--       instance was given, 10 the run it knows (0 = none), 11 number of its last beat that was answered,
--       12 until when this beat is good, by the store's clock, or 0: one that comes later renews nothing
-- Reply {"OK", epoch, now ms, dead instances, live instances, moved ms, lost fences, run, lost beats} | {"SEATS", seats of the
--       other, its id} | {"LATE", now ms, run, moved ms}
--       moved ms: nobody lived for so long (the store or the whole fleet was away), and the deadlines' clock stood still.
--       run: a number of its own for each process that has been this store; another one than the instance knows means a
--       failover or a restart. 0 = the store does not say who it is (INFO).
--       lost fences, lost beats: by so many the store was behind what it had confirmed to this very instance: it came back
--       empty, or with older data. Fences are skipped, so that none is given out twice.
--       An epoch other than the known one = the lease was lost: attach every session again. Epoch and run are levels, so a
--       lost reply does no harm. flags: none, so that an OOM store refuses it and the probe fails.
--@include core clock
local bad = need(KEYS[1], 'zset') or need(KEYS[2], 'hash') or need(KEYS[3], 'hash') or need(KEYS[4], 'zset') or
    need(KEYS[5], 'string') or need(KEYS[6], 'string')
if bad then
    return bad
end
local id, known, not_after = ORIGIN, tonumber(ARGV[6]), tonumber(ARGV[12])

-- Who serves: the process, and the history it continues (a replica that becomes the master begins a new one).
local function server()
    local process, history = redis.pcall('INFO', 'server'), redis.pcall('INFO', 'replication')
    if type(process) ~= 'string' or type(history) ~= 'string' then
        return nil
    end
    local run, master = string.match(process, 'run_id:(%w+)'), string.match(history, 'master_replid:(%w+)')
    return run and master and string.sub(run, 1, 16) .. string.sub(master, 1, 16)
end

-- `lineage` holds `server|run|fence it came with`. The first beat on another server begins a run, even one that comes too late
-- for anything else: other calls may follow it. What the store came with is kept for the other instances, whose beats come later.
-- Any of them may hold fences that it does not know of: those to come are far above all that can have been.
local FENCES_APART = 1000000
local fence, fence_known, run_known = tonumber(redis.call('GET', KEYS[5]) or '0'), tonumber(ARGV[9]), tonumber(ARGV[10])
local who, run, came_with = string.match(redis.call('GET', KEYS[6]) or '', '^(%w*)|(%d+)|(%d+)$')
run, came_with = tonumber(run or '0'), tonumber(came_with or '0')
local server_now = server()
if server_now and server_now ~= who then
    run, came_with = math.max(run + 1, run_known + 1, NOW), fence
    redis.call('SET', KEYS[6], server_now .. '|' .. int(run) .. '|' .. int(came_with))
    if who or run_known > 0 then
        redis.call('SET', KEYS[5], int(fence + FENCES_APART))
    end
end

-- The first one back after all leases have run out sets the deadlines' clock back by the time that nobody could use: once, and for all
-- deadlines at once, however many there are. Without any the clock may go right. One that renews nothing does it as well, for what
-- its instance does before it lives again must not get that time on top; the clock runs on then, as if all had been stopped just now.
local newest, moved = tonumber(redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] or '0'), 0
local stopped = redis.call('ZSCORE', KEYS[4], STOPPED)
if stopped then -- they all went in order: as if the last one's lease had run out
    newest = math.max(newest, tonumber(stopped) - SHIFT_ZERO + tonumber(ARGV[4]))
end
local late = not_after > 0 and NOW > not_after
if newest > 0 and newest <= NOW then
    moved = NOW - (newest - tonumber(ARGV[4]))
    if redis.call('ZCARD', KEYS[4]) > (stopped and 1 or 0) then
        redis.call('ZADD', KEYS[4], int(SHIFT_ZERO + NOW - fleet_now(KEYS[4]) + moved), SHIFT)
    end
    if late and redis.call('EXISTS', KEYS[4]) == 1 then
        redis.call('ZADD', KEYS[4], int(SHIFT_ZERO + NOW), STOPPED)
    end
end
if late then
    return {'LATE', NOW, run, moved}
end
redis.call('ZREM', KEYS[4], STOPPED)
if moved == 0 and redis.call('ZCARD', KEYS[4]) == 1 then
    redis.call('ZREM', KEYS[4], SHIFT)
end
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
local lost_fences, lost_beats = math.max(fence_known - fence, 0), 0
if run_known ~= 0 and run_known ~= run then
    local beat = string.match(redis.call('HGET', KEYS[2], id) or '', '"beat":(%d+)')
    lost_beats = math.max(tonumber(ARGV[11]) - tonumber(beat or '0'), 0)
    lost_fences = math.max(lost_fences, fence_known - came_with)
end
if fence_known > tonumber(redis.call('GET', KEYS[5]) or '0') then
    redis.call('SET', KEYS[5], ARGV[9])
end

if ends <= NOW or epoch == 0 then
    epoch = math.max(epoch, known) + 1
    redis.call('HSET', KEYS[3], id, epoch)
end
redis.call('ZADD', KEYS[1], int(NOW + tonumber(ARGV[4])), id)
redis.call('HSET', KEYS[2], id, ARGV[5])
return {'OK', epoch, NOW, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(NOW), 'LIMIT', 0, 8),
        redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. int(NOW), '+inf'), moved, lost_fences, run, lost_beats}
