#!lua flags=allow-oom
-- fire_timer: carries out one entry of `deadlines`, whichever instance comes first; the others are told TAKEN.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 waiting:level:N, 11 lineage
-- ARGV  1-3 as in lib/core.lua, 4 the entry, 5 kind, 6 roomId, 7 player or "", 8 version, 9 log_max, 10 idle_ms
-- Reply {"OK", level to run match.lua for or "", events} | {"TAKEN"} | {"EARLY"} | {"STALE"} (nothing to do any more)
-- Atomic: the claim and the effect are one, so an entry has its effect at most once.
--@include core clock run emit player room match
-- Only a match that dissolves needs a queue.
local bad = ARGV[5] == 'confirm' and need(KEYS[10], 'list') or room_bad_type(KEYS[8], KEYS[9])
if bad then
    return bad
end
local due = redis.call('ZSCORE', DEADLINES, ARGV[4])
if not due then
    return {'TAKEN'}
end
local now = fleet_now(DEADLINES)
if tonumber(due) > now then
    return {'EARLY'}
end
redis.call('ZREM', DEADLINES, ARGV[4])
if ARGV[5] == 'queue' then -- nobody came back: the ticket's time is forgotten
    local p = player_get(ARGV[7])
    if p and p.state == 'away' and p.fence == tonumber(ARGV[8]) then
        redis.call('HDEL', PLAYERS, ARGV[7])
        return {'OK', '', {}}
    end
    return {'STALE'}
end
local room = room_load(ARGV[6], KEYS[8], KEYS[9], ARGV[9])
if not room then
    return {'STALE'}
end
local kind, player, version = ARGV[5], ARGV[7], tonumber(ARGV[8])
if kind == 'confirm' and room.status == 'waiting' then
    room_dissolve(room, 'confirm_timeout', nil, KEYS[10])
    return {'OK', room.level, room.events}
end
if kind == 'grace' then
    local seat = room.seats[player]
    if not seat or seat.socket ~= '' or seat.fence ~= version then
        return {'STALE'}
    end
    seat_remove(room, player, 'grace')
    if #room.order >= 2 then
        votes_count(room)
    end
    return {'OK', '', room.events}
end
if kind == 'turn' then
    if room.status ~= 'active' or room.version ~= version then
        return {'STALE'}
    end
    room.insts = room_insts(room)
    emit(room, 'turnTimeout', '{"roomId":"' .. room.id .. '","turn":' .. int(room.turn) .. ',"version":' .. int(version) .. '}')
    room_save(room, false)
    return {'OK', '', room.events}
end
if kind == 'idle' then
    local last = tonumber(redis.call('HGET', room.key, 'lastAt') or '0')
    if last + tonumber(ARGV[10]) > NOW then
        redis.call('ZADD', DEADLINES, int(now + last + tonumber(ARGV[10]) - NOW), ARGV[4])
        return {'OK', '', {}}
    end
    room.insts = room_insts(room)
    room_end(room, 'idle', 'null')
    return {'OK', '', room.events}
end
return {'STALE'}
