#!lua flags=allow-oom
-- end_game: a player reports the result; the game ends when all who hold a seat report the same bytes.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 session:{sessionId}, 11 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player, 6 socket, 7 result (raw JSON), 8 log_max, 9 record_max_bytes, 10 request id or ""
-- Reply {"DONE", "1" or "0"} | {"OUTCOME_UNKNOWN"} | {"OK", "1" if the game has ended else "0", events} | {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"} | {"NOT_STARTED"} | {"TOO_LARGE"}
--       A player may report again while others are missing; the last report counts.
--@include core clock run emit player room once
local seen, count, greatest = once_seen(KEYS[10], ARGV[10])
if seen then
    return seen
end
local bad = room_bad_type(KEYS[8], KEYS[9])
if bad then
    return bad
end
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[8])
if not room then
    return {'ROOM_NOT_FOUND'}
end
local seat = seat_held(room, ARGV[5], ARGV[6])
if not seat then
    return {'NOT_IN_ROOM'}
end
if room.status ~= 'active' then
    return {'NOT_STARTED'}
end
seat.result = ARGV[7]
local bytes = #room_record(room)
for _, player in ipairs(room.order) do
    bytes = bytes + #(room.seats[player].result or '')
end
if bytes > tonumber(ARGV[9]) then
    return {'TOO_LARGE'}
end
redis.call('HSET', room.key, 'r:' .. ARGV[5], ARGV[7])
local ended = votes_count(room)
once_record(KEYS[10], ARGV[10], ended and '1' or '0', '', count, greatest)
return {'OK', ended and '1' or '0', room.events}
