#!lua
-- copy_room: all that a room in play is, so that the instance on which everybody sits can go on with it while the store is
-- away. Changes nothing.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max
-- Reply {"OK", seq, epoch, version, turn, gameData, ms until the turn's limit or "", seats: {player, state, stateVersion, 1 if
--       the result was reported else 0, result, ...}} | {"ROOM_NOT_FOUND"} | {"NOT_STARTED"}
--@include core clock run emit player room
local bad = room_bad_type(KEYS[8], KEYS[9])
if bad then
    return bad
end
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[5])
if not room then
    return {'ROOM_NOT_FOUND'}
end
if room.status ~= 'active' then
    return {'NOT_STARTED'}
end
local seats = {}
for _, player in ipairs(room.order) do
    local s = room.seats[player]
    for _, field in ipairs({player, s.state, int(s.version), s.result and 1 or 0, s.result or ''}) do
        seats[#seats + 1] = field
    end
end
local due = redis.call('ZSCORE', DEADLINES, turn_member(room))
return {'OK', room.seq, room.epoch, room.version, room.turn, room.data, due and int(math.max(0, tonumber(due) - fleet_now(DEADLINES))) or '', seats}
