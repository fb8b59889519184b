#!lua
-- list_queues: length and oldest wait of each queue.
-- KEYS  1 players, 2.. waiting:level:N
-- ARGV  1-3 as in lib/core.lua
-- Reply {length, oldest wait in ms or 0, ...} in pairs, in the order of the keys
--@include core clock
local list = {}
for i = 2, #KEYS do
    local head = redis.call('LINDEX', KEYS[i], 0)
    local joined = head and string.match(redis.call('HGET', KEYS[1], head) or '', '^%a+|%d+|%d*|[^|]*|(%d+)|')
    list[#list + 1] = redis.call('LLEN', KEYS[i])
    list[#list + 1] = joined and math.max(0, NOW - tonumber(joined)) or 0
end
return list
