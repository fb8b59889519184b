-- emit: numbered room events. A room here is a table with at least id, key, seq, epoch, run, insts (text), log (key), log_max,
-- events. Needs NOW and RUN. Numbers below 10^14, as seq and ms are, become text by themselves.
--
-- What a store confirmed last may be lost when another process takes its place (a failover, a restart), and the numbers begin
-- again at an older one. So a room remembers the run of the store that wrote its last event; the first event under another run
-- is roomEpoch: from its number on the room counts in a new epoch. (epoch, seq) names one event for ever: whoever has seen more
-- of the former epoch than the store still has notices it here.

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

local function append(room, event, data, extra)
    room.seq = room.seq + 1
    local json = '{"roomId":"' .. room.id .. '","event":"' .. event .. '","data":' .. data .. ',"originInstanceId":"' ..
        ORIGIN .. '","timestamp":' .. NOW .. ',"seq":' .. room.seq ..
        (room.epoch ~= 1 and ',"epoch":' .. int(room.epoch) or '') .. (extra or '') .. '}'
    redis.call('RPUSH', room.log, json)
    if room.seq > room.log_max then
        redis.call('LTRIM', room.log, -room.log_max, -1)
    end
    publish(json, room.insts)
    room.events[#room.events + 1] = json
end

-- The log first: if it cannot be written, there must be no epoch of which nobody is told.
local function epoch_begin(room, epoch)
    local from = room.epoch
    room.epoch, room.run = epoch, RUN
    append(room, 'roomEpoch', '{"roomId":"' .. room.id .. '","epoch":' .. int(epoch) .. '}', ',"from":' .. int(from))
    redis.call('HSET', room.key, 'epoch', int(epoch), 'run', RUN)
end

-- The next event of the room: numbered, kept in the bounded log, published, and left in room.events for the caller.
-- data and extra (',"name":value'...) are raw JSON.
local function emit(room, event, data, extra)
    if room.run ~= RUN and RUN ~= '' then
        epoch_begin(room, tonumber(RUN))
    end
    append(room, event, data, extra)
end
