#!lua
-- confirm: seats of one instance are confirmed; with the last one the game starts.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max, 6 player, 7 socket, and so on in pairs
-- Reply {"OK", status, events, seq} | {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"} (the first pair holds no seat). Idempotent.
--@include core clock
local RUN -- asked for when the game starts
--@include emit player room
local room = room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[5])
if not room then
    return {'ROOM_NOT_FOUND'}
end
if not seat_held(room, ARGV[6], ARGV[7]) then
    return {'NOT_IN_ROOM'}
end
if room.status ~= 'waiting' then
    return {'OK', room.status, {}, room.seq}
end
local confirmed = {}
for i = 6, #ARGV, 2 do
    local seat = seat_held(room, ARGV[i], ARGV[i + 1])
    if seat and not seat.confirmed then
        seat.confirmed = true
        confirmed[#confirmed + 1] = 'p:' .. ARGV[i]
        confirmed[#confirmed + 1] = seat_text(seat)
    end
end
for _, player in ipairs(room.order) do
    if not room.seats[player].confirmed then
        if #confirmed > 0 then
            redis.call('HSET', room.key, unpack(confirmed))
        end
        return {'OK', room.status, {}, room.seq}
    end
end
local bad = need(room.log, 'list') or need(GAME_STATES, 'hash') or need(DEADLINES, 'zset') or room.setup and need(PLAYERS, 'hash')
if bad then
    return bad
end
RUN = store_run()
room.status, room.updated = 'active', NOW
if room.setup then
    room_setups_end(room)
end
redis.call('ZREM', DEADLINES, confirm_member(room))
emit(room, 'gameStart', '{"roomId":"' .. room.id .. '"}')
room_save(room, true, confirmed)
return {'OK', room.status, room.events, room.seq}
