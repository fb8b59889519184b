-- emit: numbered room events. A room here is a table with at least id, seq, insts (text), log (key), log_max, events.

-- Sends `json` to the instances in `insts` ("a b c") other than the caller.
local function publish(json, insts)
    if MODE == 'all' then
        redis.call('PUBLISH', CHANNEL, json)
        return
    end
    for instance in string.gmatch(insts, '%S+') do
        if instance ~= ORIGIN then
            if MODE ~= 'direct' then
                redis.call('PUBLISH', CHANNEL, json)
                return
            end
            redis.call('PUBLISH', CHANNEL .. ':' .. instance, json)
        end
    end
end

-- The next event of the room: numbered, kept in the bounded log, published, and left in room.events for the caller.
-- data and extra (',"name":value'...) are raw JSON.
local function emit(room, event, data, extra)
    room.seq = room.seq + 1
    local json = '{"roomId":"' .. room.id .. '","event":"' .. event .. '","data":' .. data .. ',"originInstanceId":"' ..
        ORIGIN .. '","timestamp":' .. int(NOW) .. ',"seq":' .. int(room.seq) .. (extra or '') .. '}'
    redis.call('RPUSH', room.log, json)
    if room.seq > room.log_max then
        redis.call('LTRIM', room.log, -room.log_max, -1)
    end
    publish(json, room.insts)
    room.events[#room.events + 1] = json
end
