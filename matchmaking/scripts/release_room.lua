#!lua
-- release_room: a room has gone home, or was given up: nothing of it stays in its instance's own memory. Only run there.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max
-- Reply {"OK"}. Idempotent.
--@include core clock run emit player room
local bad = room_bad_type(KEYS[8], KEYS[9])
if bad then
    return bad
end
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[5])
if room then
    for _, player in ipairs(room.order) do
        local p = room_member(room, player)
        if p then
            redis.call('HDEL', PLAYERS, player)
            redis.call('HDEL', MAPPINGS, p.socket)
        end
        redis.call('ZREM', DEADLINES, grace_member(room, player))
    end
    room_delete(room)
end
redis.call('DEL', KEYS[9]) -- it may come here again before a log that stays a little would have gone
return {'OK'}
