#!lua flags=allow-oom
-- leave_queue: a waiting player gives up. Idempotent; a match that won the race is reported, not hidden.
-- KEYS  1-7 as in lib/player.lua, 8 waiting:level:N of the level the caller believes in
-- ARGV  1-3 as in lib/core.lua, 4 player, 5 fence, 6 level
-- Reply {"LEFT"} | {"NOT_QUEUED"} | {"MATCHED", roomId} | {"AGAIN", level} (another level: call with its key) |
--       {"REPLACED"} | {"GONE"}
--@include core clock player
local p, why = player_own(ARGV[4], tonumber(ARGV[5]))
if not p then
    return {why}
end
if p.state == 'room' then
    return {'MATCHED', p.room}
end
if p.state ~= 'queued' then
    return {'NOT_QUEUED'}
end
if p.level ~= ARGV[6] then
    return {'AGAIN', p.level}
end
local bad = need(LEVELS, 'set') or need(MAPPINGS, 'hash')
if bad then
    return bad
end
redis.call('LREM', KEYS[8], 1, p.id)
if redis.call('LLEN', KEYS[8]) == 0 then
    redis.call('SREM', LEVELS, p.level)
end
player_idle(p)
return {'LEFT'}
