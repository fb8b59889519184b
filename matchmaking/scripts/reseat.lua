#!lua
-- reseat: an attached player takes his seat in his room again, on whichever instance he is now.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 session:{sessionId}, 11 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player, 6 fence, 7 log_max
-- Reply {"OK", status, seq, record, level, confirmBy, place "p|instance|socket ...", events, epoch, the
--       greatest request id answered on this session, on whatever connection: from now on no other one can ask for this seat[,
--       while the game has not started: the players as matchFound lists them]} | {"ROOM_NOT_FOUND"} | {"REPLACED"} | {"GONE"}. Idempotent by fence: the same fence again changes nothing but the event.
--@include core clock run emit player room
local bad = room_bad_type(KEYS[8], KEYS[9]) or need(KEYS[10], 'hash')
if bad then
    return bad
end
local p, why = player_own(ARGV[5], tonumber(ARGV[6]))
if not p then
    return {why}
end
local room = p.state == 'room' and p.room == ARGV[4] and room_load(ARGV[4], KEYS[8], KEYS[9], ARGV[7]) or nil
local seat = room and room.seats[p.id]
if not seat then
    if p.state == 'room' and p.room == ARGV[4] then
        player_idle(p)
    end
    return {'ROOM_NOT_FOUND'}
end
if seat.socket == '' then
    redis.call('ZREM', DEADLINES, grace_member(room, p.id))
end
seat.socket, seat.instance, seat.fence = p.socket, p.instance, p.fence
seat_put(room, p.id)
room.insts = room_insts(room)
emit(room, 'opponentReconnected', '{"roomId":"' .. room.id .. '","playerId":"' .. p.id .. '"}',
    ',"place":"' .. p.id .. '|' .. p.instance .. '|' .. p.socket .. '"')
room_save(room, true)
mapping_put(p)
local listed = {}
for i, player in ipairs(room.status == 'waiting' and room.order or {}) do
    listed[i] = player_listed(player, room_setup(room, player))
end
return {'OK', room.status, room.seq, room_record(room), room.level, room.confirm_by, room_places(room), room.events, room.epoch,
        tonumber(string.match(redis.call('HGET', KEYS[10], 'n') or '', ',(%d+)$') or '0'),
        #listed > 0 and '[' .. table.concat(listed, ',') .. ']' or nil}
