#!lua
-- begin_run: every room in an instance's own memory begins an epoch with its next event: what one of them did last may stand in the
-- store as well, and may have gone on there. Only run there.
-- KEYS  1 lineage
-- ARGV  1-3 as in lib/core.lua
-- Reply {"OK"}
--@include core clock
local bad = need(KEYS[1], 'string')
if bad then
    return bad
end
local run = string.match(redis.call('GET', KEYS[1]) or '', '^[^|]*|(%d+)|') or '0'
redis.call('SET', KEYS[1], 'island|' .. int(math.max(NOW, tonumber(run) + 1)) .. '|0')
return {'OK'}
