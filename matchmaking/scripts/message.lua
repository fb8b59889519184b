#!lua
-- message: one numbered message of a seated player. The hot path: two hashes are read and written, one log entry, at most one
-- PUBLISH; what the caller knows as well (the time, the store's run) is not asked for.
-- KEYS  1 room:{roomId}, 2 room:{roomId}:log, 3 session:{sessionId}, 4 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player, 6 socket, 7 event, 8 data (raw JSON), 9 log_max, 10 player to skip or "",
--       11 request id or "", 12 the store's time in ms, as the caller reckons it, or "", 13 the store's run as of the caller's last
--       heartbeat on this connection
-- Reply {"OK", seq, event JSON[, the roomEpoch before it]} | {"DONE", seq} (this request was answered before) | {"OUTCOME_UNKNOWN"} |
--       {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"} | {"NOT_STARTED"}
-- Atomic because number, log and publication must agree; idempotent by request id.
--@include core
local NOW, RUN = ARGV[12], ARGV[13]
if NOW == '' then
    local time = redis.call('TIME')
    NOW = time[1] * 1000 + math.floor(time[2] / 1000)
end
--@include emit once
local seen, once = once_seen(KEYS[3], ARGV[11])
if seen then
    return seen
end
local f = redis.call('HMGET', KEYS[1], 'status', 'seq', 'insts', 'p:' .. ARGV[5], 'epoch', 'run')
if not f[1] then
    return {'ROOM_NOT_FOUND'}
end
local socket = ARGV[6]
if socket == '' or not f[4] or string.sub(f[4], 1, #socket + 1) ~= socket .. '|' then
    return {'NOT_IN_ROOM'}
end
if f[1] ~= 'active' then
    return {'NOT_STARTED'}
end
local room = {id = ARGV[4], key = KEYS[1], seq = tonumber(f[2]), epoch = tonumber(f[5]), run = f[6] or '', insts = f[3], log = KEYS[2],
              log_max = tonumber(ARGV[9]), events = {}}
if RUN == '' or room.run ~= RUN then
    RUN = string.match(redis.call('GET', KEYS[4]) or '', '^[^|]*|(%d+)|') or ''
end
emit(room, ARGV[7], ARGV[8], ARGV[10] ~= '' and ',"skip":"' .. ARGV[10] .. '"' or nil)
redis.call('HSET', KEYS[1], 'seq', room.seq, 'lastAt', NOW)
once_record(KEYS[3], ARGV[11], room.seq, '', once)
return {'OK', room.seq, room.events[#room.events], #room.events > 1 and room.events[1] or nil}
