#!lua flags=allow-oom
-- list_leftovers: up to about ARGV[5] sockets of a dead instance, with what is needed to detach each. Changes nothing but
-- sockets without a mapping, which are dropped from the set.
-- KEYS  1 instances, 2 instance:{dead}:sockets, 3 socket_mappings, 4 players
-- ARGV  1-3 as in lib/core.lua, 4 the dead instance, 5 about how many
-- Reply {"OK", {socket, player, level, roomId, ...} in fours} | {"LIVE"}. An empty list: nothing is left, or (retire.lua
--       knows) only so many sockets without a mapping that another call is due.
--@include core clock
local LOOK_MAX = 1000
local bad = need(KEYS[1], 'zset') or need(KEYS[2], 'set') or need(KEYS[3], 'hash') or need(KEYS[4], 'hash')
if bad then
    return bad
end
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[4]) or '0') > NOW then
    return {'LIVE'}
end
-- What was detached before leaves empty pages at the beginning of a walk: it goes on until something is found. Bounded all the
-- same: the set may hold many sockets without a mapping.
local list, cursor, looked = {}, '0', 0
repeat
    local page = redis.call('SSCAN', KEYS[2], cursor, 'COUNT', ARGV[5])
    cursor, looked = page[1], looked + #page[2]
    for _, socket in ipairs(page[2]) do
        local mapping = redis.call('HGET', KEYS[3], socket)
        local player = mapping and string.match(mapping, '"playerId":"([^"]*)"')
        if player then
            local raw = redis.call('HGET', KEYS[4], player) or ''
            local level, room = string.match(raw, '^%a+|%d+|(%d*)|[^|]*|%d*|([^|]*)|')
            list[#list + 1], list[#list + 2], list[#list + 3], list[#list + 4] = socket, player, level or '', room or ''
        else
            redis.call('SREM', KEYS[2], socket)
        end
    end
until #list > 0 or cursor == '0' or looked > LOOK_MAX
return {'OK', list}
