#!lua
-- adopt_seat: one seat of a room that its instance takes into its own memory, because the store is away. All seats first, then
-- adopt_room.lua. Only run there.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 fence, 10 instance:{own}:sockets, 11 session:{sessionId}, 12 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 player, 6 socket, 7 fence, 8 level, 9 ticket, 10 state (raw JSON), 11 stateVersion,
--       12 "1" if the result was reported, 13 result, 14 hash of the resume token, 15 the greatest request id that the store has
--       answered: it is not known here what, so up to there a repeated one answers OUTCOME_UNKNOWN
-- Reply {"OK"}
--@include core clock run emit player room
local bad = player_bad_type() or need(KEYS[8], 'hash') or need(KEYS[9], 'string') or need(KEYS[10], 'set') or
    need(KEYS[11], 'hash')
if bad then
    return bad
end
local id, socket, fence = ARGV[5], ARGV[6], tonumber(ARGV[7])
if fence > tonumber(redis.call('GET', KEYS[9]) or '0') then
    redis.call('SET', KEYS[9], int(fence))
end
local p = {id = id, state = 'room', fence = fence, level = ARGV[8], ticket = ARGV[9], joined = NOW, room = ARGV[4],
           socket = socket, instance = ORIGIN, setup = ''}
player_put(p)
mapping_put(p)
redis.call('SADD', KEYS[10], socket)
redis.call('HSET', KEYS[11], 'player', id, 'token', ARGV[14], 'socket', socket, 'n', '0,' .. ARGV[15], 'm', ARGV[15])
local room = {key = KEYS[8], seats = {[id] = {socket = socket, instance = ORIGIN, confirmed = true, fence = fence,
              level = ARGV[8], ticket = ARGV[9], joined = NOW}}}
seat_put(room, id)
redis.call('HSET', KEYS[8], 's:' .. id, ARGV[10], 'v:' .. id, ARGV[11])
if ARGV[12] == '1' then
    redis.call('HSET', KEYS[8], 'r:' .. id, ARGV[13])
end
return {'OK'}
