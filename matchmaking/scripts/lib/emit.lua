-- emit: numbered room events. A room here is a table with at least id, key, seq, epoch, run, insts (text), log (key), log_max,
-- events. Needs NOW (a number below 10^14 becomes text by itself) and RUN.
--
-- What a store confirmed last may be lost when another process takes its place (a failover, a restart), and the numbers begin
-- again at an older one. So a room remembers the run of the store that wrote its last event; the first event under another run
-- is roomEpoch: from its number on the room counts in a new epoch. (epoch, seq) names one event for ever: whoever has seen more
-- of the former epoch than the store still has notices it here.

-- Sends `json` to the instances in `insts` ("a b c") other than the caller.
local function publish(json, insts)
    if MODE == 'direct' then
        for instance in string.gmatch(insts, '%S+') do
            if instance ~= ORIGIN then
                redis.call('PUBLISH', CHANNEL .. ':' .. instance, json)
            end
        end
    elseif MODE == 'all' or (insts ~= '' and insts ~= ORIGIN) then
        redis.call('PUBLISH', CHANNEL, json)
    end
end

-- The event as it is kept and published; seq and epoch are texts, extra (',"name":value'...) is raw JSON or ''.
local function event_json(room_id, event, data, seq, epoch, extra)
    return '{"roomId":"' .. room_id .. '","event":"' .. event .. '","data":' .. data .. ',"originInstanceId":"' .. ORIGIN ..
        '","timestamp":' .. NOW .. ',"seq":' .. seq .. (epoch ~= '1' and ',"epoch":' .. epoch or '') .. extra .. '}'
end

-- The log holds at least the last log_max events. Cutting it costs more than appending, so it is done at every log_max/8th number:
-- up to an eighth more may be there.
local function log_add(log, log_max, seq, json)
    redis.call('RPUSH', log, json)
    if seq > log_max and seq * 8 % log_max < 8 then
        redis.call('LTRIM', log, -log_max, -1)
    end
end

local function append(room, event, data, extra)
    room.seq = room.seq + 1
    local json = event_json(room.id, event, data, int(room.seq), int(room.epoch), extra or '')
    log_add(room.log, room.log_max, room.seq, json)
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
