#!lua
-- message: numbered messages of seated players, one after the other: those of one pass of an instance's loop. The hot path: for
-- each message two hashes are read and written, one log entry, at most one PUBLISH; what the caller knows as well (the time, the
-- store's run) is not asked for, and no table is made that can be done without.
-- KEYS  for each message room:{roomId}, room:{roomId}:log, session:{sessionId}; the last one is lineage
-- ARGV  1-3 as in lib/core.lua, 4 log_max, 5 the store's time in ms, as the caller reckons it, or "", 6 the store's run as of the
--       caller's last heartbeat on this connection, or ""; then seven for each message: roomId, player, socket, event, data (raw
--       JSON), player to skip or "", request id or ""
-- Reply for each message its event JSON (a text) | {"OK", seq, event JSON, the roomEpoch before it} | {"DONE", seq} (this request
--       was answered before) | {"OUTCOME_UNKNOWN"} | {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"} | {"NOT_STARTED"} | an error
-- Atomic because number, log and publication must agree; idempotent by request id. A message that fails does not keep the others
-- from being said.
--@include core
local LOG_MAX, NOW, RUN = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local HEAD, FIELDS = 6, 7
if NOW == '' then
    NOW = store_now()
end
--@include emit once

local function say(key, log, session, id, player, socket, event, data, skip, request)
    local seen, count, greatest = once_seen(session, request)
    if seen then
        return seen
    end
    local f = redis.call('HMGET', key, 'status', 'seq', 'insts', 'p:' .. player, 'epoch', 'run')
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
        local room = {id = id, key = key, seq = seq - 1, epoch = tonumber(epoch), insts = insts, log = log, log_max = LOG_MAX,
                      events = {}}
        epoch_begin(room, tonumber(RUN))
        seq, epoch, begun = seq + 1, RUN, room.events[1]
    end
    local number = int(seq)
    local json = event_json(id, event, data, number, epoch, skip ~= '' and ',"skip":"' .. skip .. '"' or '')
    log_add(log, LOG_MAX, seq, json)
    publish(json, insts)
    redis.call('HSET', key, 'seq', number, 'lastAt', NOW)
    once_record(session, request, number, '', count, greatest)
    return begun and {'OK', seq, json, begun} or json
end

local replies = {}
for i = 1, (#ARGV - HEAD) / FIELDS do
    local k, a = (i - 1) * 3, HEAD + (i - 1) * FIELDS
    local good, reply = pcall(say, KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4],
        ARGV[a + 5], ARGV[a + 6], ARGV[a + 7])
    replies[i] = good and reply or {err = reply}
end
return replies
