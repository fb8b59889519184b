#!lua
-- read_session: the requests that an instance answered out of its own memory, to be known in the store as well. Changes nothing.
-- KEYS  1 session:{sessionId}
-- ARGV  1-3 as in lib/core.lua
-- Reply {request id, what was answered, ...}, oldest first
--@include core
local bad = need(KEYS[1], 'hash')
if bad then
    return bad
end
local answered, flat, list = {}, redis.call('HGETALL', KEYS[1]), {}
for i = 1, #flat, 2 do
    local request, answer = string.match(flat[i + 1], '^(%d+)|(.*)$')
    if string.find(flat[i], '^k%d') and request then
        answered[#answered + 1] = {tonumber(request), answer}
    end
end
table.sort(answered, function(a, b)
    return a[1] < b[1]
end)
for _, one in ipairs(answered) do
    list[#list + 1] = int(one[1])
    list[#list + 1] = one[2]
end
return list
