#!lua
-- read_room: the room's record in the seed's form as of now, for somebody who sits in it, or for an instance's own view.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player or "", 6 log_max
-- Reply {"OK", record, seq, status, place "p|instance|socket ...", epoch} | {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"}
--@include core clock run emit player room
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[6])
if not room then
    return {'ROOM_NOT_FOUND'}
end
if ARGV[5] ~= '' and not room.seats[ARGV[5]] then
    return {'NOT_IN_ROOM'}
end
return {'OK', room_record(room), room.seq, room.status, room_places(room), room.epoch}
