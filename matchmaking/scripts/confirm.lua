#!lua
-- confirm: a seat is confirmed; with the last one of its room the game starts.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 lineage
-- ARGV  1-3 as in lib/core.lua, 4 log_max, 5 roomId, 6 player, 7 socket
-- Reply {"OK", status, events, seq} | {"ROOM_NOT_FOUND"} | {"NOT_IN_ROOM"}. Idempotent. One for each call.
--@include core clock
local RUN -- asked for when the game starts
--@include emit player room each
--@each 7 2 4 3
local room = room_load(ARGV[5], KEYS[8], KEYS[9], ARGV[4])
if not room then
    return {'ROOM_NOT_FOUND'}
end
local seat = seat_held(room, ARGV[6], ARGV[7])
if not seat then
    return {'NOT_IN_ROOM'}
end
if room.status ~= 'waiting' then
    return {'OK', room.status, {}, room.seq}
end
local confirmed = {}
if not seat.confirmed then
    seat.confirmed = true
    confirmed = {'p:' .. ARGV[6], seat_text(seat)}
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
RUN = RUN or store_run()
room.status, room.updated = 'active', NOW
if room.setup then
    room_setups_end(room)
end
redis.call('ZREM', DEADLINES, confirm_member(room))
emit(room, 'gameStart', '{"roomId":"' .. room.id .. '"}')
room_save(room, true, confirmed)
return {'OK', room.status, room.events, room.seq}
