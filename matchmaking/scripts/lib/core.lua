-- core: who calls, and how numbers become text. ARGV[1..3] are the same in every script:
-- ARGV[1] instance id of the caller, ARGV[2] channel (prefix .. "room_events"), ARGV[3] ROOM_EVENTS_MODE.
local ORIGIN, CHANNEL, MODE = ARGV[1], ARGV[2], ARGV[3]
-- For the parts clock and run, and for a script that asks only if it must.
local function store_now()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function store_run()
    return string.match(redis.call('GET', KEYS[#KEYS]) or '', '^[^|]*|(%d+)|') or ''
end

local function int(n)
    return string.format('%d', n)
end
-- nil, or an error reply if `key` holds something that is not ours: to be returned before the first write, for there is no rollback.
-- What a script has read by then needs no asking, nor what it writes first: there it would have ended. What was good once stays so
-- for all calls of a batch, who write nothing else there.
local good = {}
local function need(key, kind)
    if good[key] == kind then
        return nil
    end
    local found = redis.call('TYPE', key).ok
    if found ~= 'none' and found ~= kind then
        return redis.error_reply('WRONGTYPE ' .. key .. ' holds a ' .. found .. ', not a ' .. kind)
    end
    good[key] = kind
end
