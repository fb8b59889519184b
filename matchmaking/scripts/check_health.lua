#!lua
-- check_health: is every key of the contract of the right type, and how many entries has it? O(1) per key.
-- KEYS  1 socket_mappings, 2 game_states, 3 matches, 4 players, 5 instances, 6 deadlines, 7 waiting:levels,
--       8.. waiting:level:N
-- ARGV  1-3 as in lib/core.lua
-- Reply {mappings, game_states, matches, waiting in all, bad, ...}; a count is -1 where the type is wrong, and `bad` lists
--       "key type" of each such key.
local kinds = {'hash', 'hash', 'hash', 'hash', 'zset', 'zset', 'set'}
local bad, good = {}, {}
for i, key in ipairs(KEYS) do
    local found = redis.call('TYPE', key).ok
    good[i] = found == 'none' or found == (kinds[i] or 'list')
    if not good[i] then
        bad[#bad + 1] = key .. ' ' .. found
    end
end
local waiting = 0
for i = 8, #KEYS do
    if good[i] then
        waiting = waiting + redis.call('LLEN', KEYS[i])
    end
end
local function count(i)
    return good[i] and redis.call('HLEN', KEYS[i]) or -1
end
return {count(1), count(2), count(3), waiting, unpack(bad)}
