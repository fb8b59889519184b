#!lua
-- message: one numbered message of a seated player. The hot path: six hash fields, one log entry, at most one PUBLISH.
-- KEYS  1 room:{roomId}, 2 room:{roomId}:log, 3 session:{sessionId}, 4 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player, 6 socket, 7 event, 8 data (raw JSON), 9 log_max, 10 player to skip or "",
--       11 request id or ""
-- Reply {"OK", seq, event JSON[, the roomEpoch before it]} | {"DONE", seq} (this request was answered before) | {"OUTCOME_UNKNOWN"} |
--       {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"} | {"NOT_STARTED"}
-- Atomic because number, log and publication must agree; idempotent by request id.
--@include core emit once
local seen = once_seen(KEYS[3], ARGV[11])
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
emit(room, ARGV[7], ARGV[8], ARGV[10] ~= '' and ',"skip":"' .. ARGV[10] .. '"' or nil)
redis.call('HSET', KEYS[1], 'seq', int(room.seq), 'lastAt', int(NOW))
once_record(KEYS[3], ARGV[11], int(room.seq), '')
return {'OK', room.seq, room.events[#room.events], #room.events > 1 and room.events[1] or nil}
