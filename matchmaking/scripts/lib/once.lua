-- once: a request id seen before on this session is answered again, not done again. The session's hash session:{id} keeps the
-- last ONCE_KEPT answered requests: k<place> = `request|a|b` (a, b: what the reply needs), places taken in turn, and n = `how many
-- there were,greatest id`; attach.lua keeps player, token, socket and fence there, join.lua the last ticket. Ids must grow within a
-- session: one greater than all before is new without a search, and that is what nearly all are. m, where adopt_seat.lua has set
-- it: up to this id they were answered by another store. i, where restore_session.lua has put it: answers of another store that are
-- not true here before restore_room.lua says so.
local ONCE_KEPT = 64

-- Among those kept: {"DONE", a, b} and its place; or {"OUTCOME_UNKNOWN"} for one so old that it may have been forgotten; or nil.
local function once_search(key, request)
    local flat, kept, oldest, floor = redis.call('HGETALL', key), 0, math.huge, 0
    for i = 1, #flat, 2 do
        local id, a, b = string.match(flat[i + 1], '^(%d+)|([^|]*)|(.*)$')
        if string.find(flat[i], '^k%d') and id then
            if id == request then
                return {'DONE', a, b}, flat[i]
            end
            kept, oldest = kept + 1, math.min(oldest, tonumber(id))
        elseif flat[i] == 'm' then
            floor = tonumber(flat[i + 1])
        end
    end
    return (tonumber(request) <= floor or kept >= ONCE_KEPT and tonumber(request) < oldest) and {'OUTCOME_UNKNOWN'} or nil
end

-- The reply to return and its place, if it was seen; else nil, and what once_record needs: how many there were, and the greatest id
-- with this one (nil without a session record). Adding 0 makes numbers of texts, quicker than tonumber.
local function once_seen(key, request)
    if request == '' then
        return nil
    end
    local n = redis.call('HGET', key, 'n') or redis.call('HEXISTS', key, 'player') == 1 and '0,0'
    if not n then
        return nil
    end
    local count, greatest = string.match(n, '^(%d+),(%d+)$')
    if request + 0 > greatest + 0 then
        return nil, count, request
    end
    local reply, place = once_search(key, request)
    if reply then
        return reply, place
    end
    return nil, count, greatest
end

-- Remembers what was answered; a and b are numbers or short texts without '|'.
local function once_record(key, request, a, b, count, greatest)
    if count then
        redis.call('HSET', key, 'k' .. int(count % ONCE_KEPT), request .. '|' .. a .. '|' .. b, 'n', int(count + 1) .. ',' .. greatest)
    end
end

-- Answered by another store, in words `a|b`: it counts as answered here, whatever was carried out here meanwhile; for that was
-- late, and the client was told otherwise.
local function once_restore(key, request, answer)
    local a, b = string.match(answer, '^([^|]*)|(.*)$')
    if not a then
        return
    end
    local seen, more, greatest = once_seen(key, request)
    if not seen then
        once_record(key, request, a, b, more, greatest)
    elseif more then
        redis.call('HSET', key, more, request .. '|' .. answer)
    end
end
