#!lua
-- match: one match from a level's queue, if enough live players wait there (after a requeue, and in each sweep).
-- KEYS  1-7 as in lib/player.lua, 8 waiting:level:N, 9 room:{roomId}, 10 room:{roomId}:log, 11 lineage
-- ARGV  1-3 as in lib/core.lua, 4 level, 5 roomId, 6 seats, 7 confirm_ms, 8 idle_ms, 9 log_max
-- Reply {"MATCHED", roomId, events} (ask again: there may be more) | {"NONE", more} (more = 1: ask again).
-- Atomic for the reason join.lua is; asking twice makes at most the matches that were due anyway.
--@include core clock run emit player room match
local bad = need(LEVELS, 'set') or room_create_bad_type()
if bad then
    return bad
end
local seats = tonumber(ARGV[6])
local players, more = queue_take(KEYS[8], ARGV[4], seats, '')
if #players < seats then
    queue_index(KEYS[8], ARGV[4])
    return {'NONE', more and 1 or 0}
end
local room = room_create(ARGV[5], KEYS[9], KEYS[10], ARGV[4], players,
    {confirm_ms = ARGV[7], idle_ms = ARGV[8], log_max = ARGV[9], ready = ''})
queue_index(KEYS[8], ARGV[4])
return {'MATCHED', room.id, room.events}
