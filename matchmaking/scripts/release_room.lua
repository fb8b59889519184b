#!lua
-- release_room: a room leaves its instance's own memory, to be restored in the store that is back. Only run there.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max
-- Reply {"OK", head, seats, events} in the form restore_room.lua takes: head = {status, seq, epoch, version, turn, gameData,
--       level, createdAt, updatedAt, ms until the confirm deadline or "", until the idle one, until the turn's limit or ""},
--       seats = nine each as listed there | {"ENDED"}
--@include core clock run emit player room
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[5])
if not room then
    return {'ENDED'}
end
local function left(member)
    local due = redis.call('ZSCORE', DEADLINES, member)
    redis.call('ZREM', DEADLINES, member)
    return due and int(math.max(0, tonumber(due) - fleet_now(DEADLINES))) or ''
end
local head = {room.status, int(room.seq), int(room.epoch), int(room.version), int(room.turn), room.data, room.level,
              int(room.created), int(room.updated), left(confirm_member(room)), left(idle_member(room)), left(turn_member(room))}
local seats = {}
for _, player in ipairs(room.order) do
    local s = room.seats[player]
    for _, field in ipairs({player, s.socket, s.confirmed and '1' or '0', s.ticket, s.state, int(s.version), s.result and '1' or '0',
                            s.result or '', s.socket == '' and left(grace_member(room, player)) or ''}) do
        seats[#seats + 1] = field
    end
    redis.call('HDEL', PLAYERS, player)
    redis.call('HDEL', MAPPINGS, s.socket)
end
local events = redis.call('LRANGE', room.log, 0, -1)
room_delete(room)
return {'OK', head, seats, events}
