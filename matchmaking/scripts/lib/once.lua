-- once: a request id seen before on this session is answered again, not done again. The session's hash session:{id} keeps the
-- last ONCE_KEPT answered requests: r<request> = `a|b` (what the reply needs), k<n> the ring of their ids, m the greatest id
-- that fell out of it; attach.lua keeps player, token and socket there. Ids must grow within a session.
local ONCE_KEPT = 64

-- nil: not seen. Else the reply to return: {"DONE", a, b}, or {"OUTCOME_UNKNOWN"} for one too old to be remembered.
local function once_seen(key, request)
    if request == '' then
        return nil
    end
    local f = redis.call('HMGET', key, 'r' .. request, 'm')
    if f[1] then
        local a, b = string.match(f[1], '^([^|]*)|(.*)$')
        return {'DONE', a, b}
    end
    if f[2] and tonumber(request) <= tonumber(f[2]) then
        return {'OUTCOME_UNKNOWN'}
    end
    return nil
end

-- Remembers what was answered; a and b are numbers or short texts without '|'. Nothing without a session record.
local function once_record(key, request, a, b)
    if request == '' or redis.call('HEXISTS', key, 'player') == 0 then
        return
    end
    local slot = 'k' .. redis.call('HINCRBY', key, 'n', 1) % ONCE_KEPT
    local oldest = redis.call('HGET', key, slot)
    if oldest then
        redis.call('HDEL', key, 'r' .. oldest)
        local floor = tonumber(redis.call('HGET', key, 'm') or '0')
        if tonumber(oldest) > floor then
            redis.call('HSET', key, 'm', oldest)
        end
    end
    redis.call('HSET', key, slot, request, 'r' .. request, a .. '|' .. b)
    redis.call('PEXPIRE', key, 86400000) -- as attach.lua: a day while somebody uses it
end
