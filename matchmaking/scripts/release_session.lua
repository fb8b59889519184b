#!lua
-- release_session: the requests that an instance answered out of its own memory, so that they are known in the store as well.
-- Only run there.
-- KEYS  1-7 as in lib/player.lua, 8 session:{sessionId}, 9 waiting:level:N
-- ARGV  1-3 as in lib/core.lua, 4 player, 5 socket
-- Reply {request id, what was answered, ...}, oldest first
--@include core clock player
local answered = {}
local flat = redis.call('HGETALL', KEYS[8])
for i = 1, #flat, 2 do
    local request, answer = string.match(flat[i + 1], '^(%d+)|(.*)$')
    if string.find(flat[i], '^k%d') and request then
        answered[#answered + 1] = {tonumber(request), answer}
    end
end
table.sort(answered, function(a, b)
    return a[1] < b[1]
end)
local list = {}
for _, one in ipairs(answered) do
    list[#list + 1] = int(one[1])
    list[#list + 1] = one[2]
end
redis.call('DEL', KEYS[8])
local p = player_get(ARGV[4])
if p and p.socket == ARGV[5] and p.state ~= 'room' then
    redis.call('LREM', KEYS[9], 1, p.id)
    redis.call('HDEL', PLAYERS, p.id)
    redis.call('HDEL', MAPPINGS, p.socket)
end
return list
