#!lua
-- message: a numbered message of a seated player. The hot path: two hashes are read and written, one log entry, at most one
-- PUBLISH; what the caller knows as well (the time, the store's run) is not asked for, and no table is made that can be done without.
-- KEYS  1 room:{roomId}, 2 room:{roomId}:log, 3 session:{sessionId}, 4 lineage
-- ARGV  1-3 as in lib/core.lua, 4 log_max, 5 the store's time in ms, as the caller reckons it, or "", 6 the store's run as of the
--       caller's last heartbeat on this connection, or "", 7 roomId, 8 player, 9 socket, 10 event, 11 data (raw JSON), 12 player
--       to skip or "", 13 request id or ""
-- Reply its event JSON (a text) | {"OK", seq, event JSON, the roomEpoch before it} | {"DONE", seq} (this request
--       was answered before) | {"OUTCOME_UNKNOWN"} | {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"} | {"NOT_STARTED"}; one for each call
-- Atomic because number, log and publication must agree; idempotent by request id.
--@include core
local LOG_MAX, NOW, RUN = tonumber(ARGV[4]), ARGV[5], ARGV[6]
if NOW == '' then
    NOW = store_now()
end
--@include emit once each
--@each 0 3 6 7
local key, session, id, socket, request = KEYS[1], KEYS[3], ARGV[7], ARGV[9], ARGV[13]
local seen, count, greatest = once_seen(session, request)
if seen then
    return seen
end
local f = redis.call('HMGET', key, 'status', 'seq', 'insts', 'p:' .. ARGV[8], 'epoch', 'run')
if not f[1] then
    return {'ROOM_NOT_FOUND'}
end
if socket == '' or not f[4] or string.find(f[4], socket .. '|', 1, true) ~= 1 then
    return {'NOT_IN_ROOM'}
end
if f[1] ~= 'active' then
    return {'NOT_STARTED'}
end
if RUN == '' or f[6] ~= RUN then
    RUN = store_run()
end
local seq, epoch, insts, begun = f[2] + 1, f[5], f[3], nil
if RUN ~= '' and f[6] ~= RUN then
    local room = {id = id, key = key, seq = seq - 1, epoch = tonumber(epoch), insts = insts, log = KEYS[2], log_max = LOG_MAX,
                  events = {}}
    epoch_begin(room, tonumber(RUN))
    seq, epoch, begun = seq + 1, RUN, room.events[1]
end
local number, skip = int(seq), ARGV[12]
local json = event_json(id, ARGV[10], ARGV[11], number, epoch, skip ~= '' and ',"skip":"' .. skip .. '"' or '')
log_add(KEYS[2], LOG_MAX, seq, json)
publish(json, insts)
redis.call('HSET', key, 'seq', number, 'lastAt', NOW)
once_record(session, request, number, '', count, greatest)
return begun and {'OK', seq, json, begun} or json
