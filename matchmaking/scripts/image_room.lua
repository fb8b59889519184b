#!lua
-- image_room: all that a room in its instance's own memory is, to be restored in the store that is back. Changes nothing: the room goes
-- on there if that fails. Only run there.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max
-- Reply {"OK", head, seats, events} in the form restore_room.lua takes: head = {status, seq, epoch, version, turn, gameData,
--       level, createdAt, updatedAt, ms until the confirm deadline or "", until the idle one, until the turn's limit or ""},
--       seats = eleven each as listed there | {"ENDED"}
--@include core clock run emit player room
local bad = room_bad_type(KEYS[8], KEYS[9])
if bad then
    return bad
end
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[5])
if not room then
    return {'ENDED'}
end
local now = fleet_now(DEADLINES)
local function left(member)
    local due = redis.call('ZSCORE', DEADLINES, member)
    return due and int(math.max(0, tonumber(due) - now)) or ''
end
local head = {room.status, int(room.seq), int(room.epoch), int(room.version), int(room.turn), room.data, room.level,
              int(room.created), int(room.updated), left(confirm_member(room)), left(idle_member(room)), left(turn_member(room))}
local seats = {}
for _, player in ipairs(room.order) do
    local s = room.seats[player]
    for _, field in ipairs({player, s.socket, s.confirmed and '1' or '0', s.ticket, int(s.joined), s.state, int(s.version),
                            s.result and '1' or '0', s.result or '', s.socket == '' and left(grace_member(room, player)) or '',
                            room_setup(room, player)}) do
        seats[#seats + 1] = field
    end
end
return {'OK', head, seats, redis.call('LRANGE', room.log, 0, -1)}
