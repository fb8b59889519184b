-- core: who calls, and how numbers become text. ARGV[1..3] are the same in every script:
-- ARGV[1] instance id of the caller, ARGV[2] channel (prefix .. "room_events"), ARGV[3] ROOM_EVENTS_MODE.
local ORIGIN, CHANNEL, MODE = ARGV[1], ARGV[2], ARGV[3]
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
