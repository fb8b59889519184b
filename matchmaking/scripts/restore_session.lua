#!lua
-- restore_session: requests that were answered while the store was away; they are not done again when they are repeated.
-- KEYS  1 session:{sessionId}
-- ARGV  1-3 as in lib/core.lua, 4.. request id, `a|b` (lib/once.lua), ...
-- Reply {"OK"}. Idempotent.
--@include core clock once
local bad = need(KEYS[1], 'hash')
if bad then
    return bad
end
for i = 4, #ARGV, 2 do
    local a, b = string.match(ARGV[i + 1], '^([^|]*)|(.*)$')
    local seen, more
    if a then
        seen, more = once_seen(KEYS[1], ARGV[i])
    end
    if seen and more then -- carried out here as well, late and heard by nobody: the client was told otherwise
        redis.call('HSET', KEYS[1], more, ARGV[i] .. '|' .. ARGV[i + 1])
    elseif not seen then
        once_record(KEYS[1], ARGV[i], a, b, more)
    end
end
return {'OK'}
