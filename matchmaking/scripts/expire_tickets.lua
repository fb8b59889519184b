#!lua flags=allow-oom
-- expire_tickets: who has waited at a level for longer than a ticket lives is sent away, longest waiting first.
-- KEYS  1-7 as in lib/player.lua, 8 waiting:level:N
-- ARGV  1-3 as in lib/core.lua, 4 level, 5 ticket_ttl_ms, 6 at most so many in one call
-- Reply {"OK", events} where events are ticketExpired messages for players of the caller; other instances are told on their
--       own channel. The head of the list waits longest, so nothing but the head needs to be looked at. Idempotent.
--@include core clock player
local bad = need(KEYS[8], 'list') or player_bad_type()
if bad then
    return bad
end
local queue, level, events = KEYS[8], ARGV[4], {}
for _ = 1, tonumber(ARGV[6]) do
    local id = redis.call('LINDEX', queue, 0)
    local p = id and player_get(id)
    local waits = p and p.state == 'queued' and p.level == level
    if not id or (waits and p.joined + tonumber(ARGV[5]) > NOW) then
        break
    end
    redis.call('LPOP', queue)
    if waits then
        local json = '{"roomId":"","event":"ticketExpired","data":{"playerId":"' .. id .. '","socketId":"' .. p.socket ..
            '","ticketId":"' .. p.ticket .. '","level":' .. level .. '},"originInstanceId":"' .. ORIGIN .. '","timestamp":' ..
            int(NOW) .. '}'
        if p.instance == ORIGIN then
            events[#events + 1] = json
        elseif p.instance ~= '' then
            redis.call('PUBLISH', CHANNEL .. ':' .. p.instance, json)
        end
        player_idle(p)
    end
end
if redis.call('LLEN', queue) == 0 then
    redis.call('SREM', LEVELS, level)
end
return {'OK', events}
