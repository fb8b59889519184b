#!lua
-- set_deadline: the turn's time limit. When it passes the room hears turnTimeout, unless the game's data has changed before.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player, 6 socket, 7 ms from now, 8 expectedVersion (of the game's data), 9 log_max,
--       10 epoch as in set_state.lua
-- Reply {"OK", due (ms since 1970), version} | {"STALE_VERSION", current version} | {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"} |
--       {"NOT_STARTED"}. Idempotent: one limit per version, the last call counts.
--@include core clock run emit player room
local bad = room_bad_type(KEYS[8], KEYS[9])
if bad then
    return bad
end
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[9])
if not room then
    return {'ROOM_NOT_FOUND'}
end
if not seat_held(room, ARGV[5], ARGV[6]) then
    return {'NOT_IN_ROOM'}
end
if room.status ~= 'active' then
    return {'NOT_STARTED'}
end
if tonumber(ARGV[8]) ~= room.version or (ARGV[10] ~= '0' and tonumber(ARGV[10]) ~= room.epoch) then
    return {'STALE_VERSION', room.version}
end
local due = NOW + tonumber(ARGV[7])
redis.call('ZADD', DEADLINES, int(fleet_now(DEADLINES) + tonumber(ARGV[7])), turn_member(room))
return {'OK', due, room.version}
