-- core: who calls, what time it is, and how numbers become text. ARGV[1..3] are the same in every script:
-- ARGV[1] instance id of the caller, ARGV[2] channel (prefix .. "room_events"), ARGV[3] ROOM_EVENTS_MODE.
local ORIGIN, CHANNEL, MODE = ARGV[1], ARGV[2], ARGV[3]
local clock = redis.call('TIME')
local NOW = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Deadlines are due by a clock of their own, which stands still while no instance lives: NOW less the time that nobody could
-- use. heartbeat.lua keeps the sum of that time as the entry SHIFT of `deadlines`, with a score where no deadline is.
local SHIFT, SHIFT_ZERO = 'shift', 4e15
local function fleet_now(deadlines)
    return NOW + SHIFT_ZERO - tonumber(redis.call('ZSCORE', deadlines, SHIFT) or SHIFT_ZERO)
end

local function int(n)
    return string.format('%.0f', n)
end
-- nil, or an error reply if `key` holds something that is not ours: to be returned before the first write.
local function need(key, kind)
    local found = redis.call('TYPE', key).ok
    if found ~= 'none' and found ~= kind then
        return redis.error_reply('WRONGTYPE ' .. key .. ' holds a ' .. found .. ', not a ' .. kind)
    end
end
