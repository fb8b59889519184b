#!lua
-- list_fleet: the fleet table. KEYS 1 instances, 2 instance_info. ARGV 1-3 as in lib/core.lua.
-- Reply {id, lease left in ms (negative = dead), info JSON, ...} in threes
--@include core clock
local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local list = {}
for i = 1, #all, 2 do
    list[#list + 1] = all[i]
    list[#list + 1] = tonumber(all[i + 1]) - NOW
    list[#list + 1] = redis.call('HGET', KEYS[2], all[i]) or '{}'
end
return list
