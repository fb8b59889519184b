#!lua flags=allow-oom
-- list_own: a page of the sockets that stand in the caller's own name. It looks for those it does not have: a store that comes
-- back with older data has forgotten that they were detached. Changes nothing but sockets without a mapping, which are dropped
-- from the set.
-- KEYS  1 instance:{own}:sockets, 2 socket_mappings
-- ARGV  1-3 as in lib/core.lua, 4 cursor ("0" begins), 5 about how many
-- Reply {"OK", next cursor ("0": that was the last page), {socket, player, ...}}. Idempotent.
--@include core
local bad = need(KEYS[1], 'set') or need(KEYS[2], 'hash')
if bad then
    return bad
end
local page, list = redis.call('SSCAN', KEYS[1], ARGV[4], 'COUNT', ARGV[5]), {}
for _, socket in ipairs(page[2]) do
    local player = string.match(redis.call('HGET', KEYS[2], socket) or '', '"playerId":"([^"]*)"')
    if player then
        list[#list + 1], list[#list + 2] = socket, player
    else
        redis.call('SREM', KEYS[1], socket)
    end
end
return {'OK', page[1], list}
