#!lua
-- adopt_room: a room whose seats adopt_seat.lua has written goes on in its instance's own memory, and its next event
-- begins an epoch: this memory is another store than the one that wrote the last. Only run there.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max, 6 idle_ms, 7 seq, 8 epoch, 9 version, 10 turn, 11 gameData,
--       12 level, 13 ms until the turn's limit or "", 14.. players in the order of their seats
-- Reply {"OK"}
--@include core clock run emit player room
local bad = room_bad_type(KEYS[8], KEYS[9])
if bad then
    return bad
end
local order = {}
for i = 14, #ARGV do
    order[#order + 1] = ARGV[i]
end
-- The run of all that happens here (lib/emit.lua) is later than any epoch of its rooms.
local epoch = tonumber(ARGV[8])
if (tonumber(RUN) or 0) <= epoch then
    redis.call('SET', KEYS[10], 'island|' .. int(math.max(NOW, epoch + 1)) .. '|0')
end
if redis.call('PTTL', KEYS[9]) > 0 then -- it has been here before, and ended: the store knew better
    redis.call('DEL', KEYS[9])
end
redis.call('HSET', KEYS[8], 'status', 'active', 'seq', ARGV[7], 'epoch', ARGV[8], 'run', '', 'version', ARGV[9],
    'turn', ARGV[10], 'gameData', ARGV[11], 'level', ARGV[12], 'createdAt', int(NOW), 'updatedAt', int(NOW), 'lastAt', int(NOW),
    'confirmBy', int(NOW), 'seats', table.concat(order, ' '), 'insts', ORIGIN)
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[5])
room_save(room, true)
redis.call('HSET', MATCHES, room.id, room_match(room))
redis.call('ZADD', DEADLINES, int(fleet_now(DEADLINES) + tonumber(ARGV[6])), idle_member(room))
if ARGV[13] ~= '' then
    redis.call('ZADD', DEADLINES, int(fleet_now(DEADLINES) + tonumber(ARGV[13])), turn_member(room))
end
return {'OK'}
