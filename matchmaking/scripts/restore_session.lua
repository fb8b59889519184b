#!lua
-- restore_session: requests that were answered while the store was away; they are not done again when they are repeated.
-- KEYS  1 session:{sessionId}
-- ARGV  1-3 as in lib/core.lua, 4 "1" = what they did is in a room that is not here yet: they count when it is (restore_room.lua),
--       5.. request id, `a|b` (lib/once.lua), ...
-- Reply {"OK"}. Idempotent.
--@include core clock once
local bad = need(KEYS[1], 'hash')
if bad then
    return bad
end
local with_room, later = ARGV[4] == '1', {}
for i = 5, #ARGV, 2 do
    if with_room then
        later[#later + 1] = ARGV[i] .. '|' .. ARGV[i + 1]
    else
        once_restore(KEYS[1], ARGV[i], ARGV[i + 1])
    end
end
if #later > 0 and redis.call('HEXISTS', KEYS[1], 'player') == 1 then
    redis.call('HSET', KEYS[1], 'i', table.concat(later, ' '))
else
    redis.call('HDEL', KEYS[1], 'i')
end
return {'OK'}
