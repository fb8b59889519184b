#!lua flags=allow-oom
-- leave_room: a player gives up the seat for good; a room that has not started dissolves, one below two seats ends.
-- KEYS  1-7 as in lib/player.lua, 8 waiting:level:N of the room's level, 9 room:{roomId}, 10 room:{roomId}:log,
--       11 session:{sessionId}, 12 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player, 6 socket, 7 level, 8 log_max, 9 request id or ""
-- Reply {"DONE"} | {"OUTCOME_UNKNOWN"} | {"OK", level to run match.lua for or "", events} | {"AGAIN", level} (the room is of another level: call with its
--       key) | {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"}
--@include core clock run emit player room match once
local seen, count, greatest = once_seen(KEYS[11], ARGV[9])
if seen then
    return seen
end
local bad = need(KEYS[8], 'list') or room_bad_type(KEYS[9], KEYS[10])
if bad then
    return bad
end
local room = room_load(ARGV[4], KEYS[9], KEYS[10], ARGV[8])
if not room then
    return {'ROOM_NOT_FOUND'}
end
if not seat_held(room, ARGV[5], ARGV[6]) then
    return {'NOT_IN_ROOM'}
end
if room.level ~= ARGV[7] then
    return {'AGAIN', room.level}
end
once_record(KEYS[11], ARGV[9], '', '', count, greatest)
if room.status == 'waiting' then
    room_dissolve(room, 'player_gone', ARGV[5], KEYS[8])
    return {'OK', room.level, room.events}
end
seat_remove(room, ARGV[5], 'left')
if #room.order >= 2 then
    votes_count(room)
end
return {'OK', '', room.events}
