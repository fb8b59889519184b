#!lua
-- set_state: a player's own state, or the room's gameData and turn, by version.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 session:{sessionId}, 11 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player, 6 socket, 7 "player" | "game", 8 state or gameData (raw JSON or ""),
--       9 turn or "", 10 expectedVersion or "", 11 log_max, 12 record_max_bytes, 13 player to skip or "",
--       14 request id or "", 15 epoch in which the caller knows the room (0 = not known)
-- Reply {"OK", version, seq, events} | {"DONE", version, seq} | {"OUTCOME_UNKNOWN"} | {"STALE_VERSION", current version} | {"TOO_LARGE"} | {"ROOM_NOT_FOUND"} |
--       {"NOT_IN_ROOM"} | {"NOT_STARTED"}. With expectedVersion a second call answers STALE_VERSION and changes nothing; so
--       does one whose version is of another epoch: the same number may have stood for something else there.
--@include core clock run emit player room once
local seen, count, greatest = once_seen(KEYS[10], ARGV[14])
if seen then
    return seen
end
local bad = need(KEYS[9], 'list') or need(GAME_STATES, 'hash') or need(DEADLINES, 'zset')
if bad then
    return bad
end
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[11])
if not room then
    return {'ROOM_NOT_FOUND'}
end
local player = ARGV[5]
local seat = seat_held(room, player, ARGV[6])
if not seat then
    return {'NOT_IN_ROOM'}
end
if room.status ~= 'active' then
    return {'NOT_STARTED'}
end
local mine = ARGV[7] == 'player'
local version = mine and seat.version or room.version
local elsewhere = ARGV[15] ~= '0' and tonumber(ARGV[15]) ~= room.epoch
if ARGV[10] ~= '' and (elsewhere or tonumber(ARGV[10]) ~= version) then
    return {'STALE_VERSION', version}
end
local before = mine and seat.state or room.data
local bytes = #room_record(room) - #before + (ARGV[8] ~= '' and #ARGV[8] or #before)
if bytes > tonumber(ARGV[12]) then
    return {'TOO_LARGE'}
end
version = version + 1
room.updated = NOW
local head = '{"roomId":"' .. room.id .. '","playerId":"' .. player .. '"'
local skip = ARGV[13] ~= '' and ',"skip":"' .. ARGV[13] .. '"' or nil
local tail = ',"version":' .. int(version) .. '}'
if mine then
    seat.state, seat.version = ARGV[8], version
    redis.call('HSET', room.key, 's:' .. player, seat.state, 'v:' .. player, int(version))
    emit(room, 'playerStateUpdated', head .. ',"state":' .. seat.state .. tail, skip)
else
    local changed = ''
    if ARGV[8] ~= '' then
        room.data = ARGV[8]
        changed = ',"gameData":' .. room.data
    end
    if ARGV[9] ~= '' then
        room.turn = tonumber(ARGV[9])
        changed = changed .. ',"turn":' .. int(room.turn)
    end
    redis.call('ZREM', DEADLINES, turn_member(room)) -- the turn was made in time
    room.version = version
    redis.call('HSET', room.key, 'gameData', room.data, 'turn', int(room.turn), 'version', int(version))
    emit(room, 'gameDataUpdated', head .. changed .. tail, skip)
end
room_save(room, true)
once_record(KEYS[10], ARGV[14], int(version), int(room.seq), count, greatest)
return {'OK', version, room.seq, room.events}
