#!lua flags=allow-oom
-- detach: a connection is gone. The queue place goes (its time is remembered for a moment), the seat is held for a while, the mapping goes in any case.
-- KEYS  1-7 as in lib/player.lua, 8 instance:{owner}:sockets, 9 waiting:level:N, 10 room:{roomId}, 11 room:{roomId}:log,
--       12 session:{sessionId}, or any missing key if it is not known, 13 lineage
-- ARGV  1-3 as in lib/core.lua, 4 player, 5 socket, 6 owner instance, 7 "1" = only if the owner's lease is over, 8 grace_ms,
--       9 level, 10 roomId, 11 log_max, 12 queue_grace_ms, 13 session_ms
-- Reply {"OK", level to run match.lua for or "", events, what ("queued" | "seat" | "idle" | "stale")} |
--       {"AGAIN", level, roomId} (call again with the keys of these) | {"LIVE"} (the owner is alive after all)
-- Idempotent: a stale socket only removes its own mapping. A socket is one connection for ever, so no fence is asked for: a
-- newer one means that it attached again just before it was lost, a lower one that the store has forgotten its last attach.
--@include core clock run emit player room match
local bad = need(KEYS[8], 'set') or need(KEYS[12], 'hash') or room_bad_type(KEYS[10], KEYS[11])
if bad then
    return bad
end
local id, socket, owner = ARGV[4], ARGV[5], ARGV[6]
if ARGV[7] == '1' and instance_live(owner) then
    return {'LIVE'}
end
local p = player_get(id)
local what, rematch, events = 'stale', '', {}
if p and p.socket == socket then
    what = p.state
    if p.state == 'queued' then
        if p.level ~= ARGV[9] then
            return {'AGAIN', p.level, p.room}
        end
        bad = need(KEYS[9], 'list')
        if bad then
            return bad
        end
        redis.call('LREM', KEYS[9], 1, id)
        queue_index(KEYS[9], p.level)
        p.state, p.socket, p.instance = 'away', '', ''
        player_put(p)
        redis.call('ZADD', DEADLINES, int(fleet_now(DEADLINES) + tonumber(ARGV[12])),
            'queue:' .. id .. ':' .. int(p.fence))
    elseif p.state == 'room' then
        if p.level ~= ARGV[9] or p.room ~= ARGV[10] then
            return {'AGAIN', p.level, p.room}
        end
        local room = room_load(p.room, KEYS[10], KEYS[11], ARGV[11])
        local seat = room and room.seats[id]
        what = 'seat'
        if not seat then
            redis.call('HDEL', PLAYERS, id)
        elseif room.status == 'waiting' then
            bad = need(KEYS[9], 'list')
            if bad then
                return bad
            end
            room_dissolve(room, 'player_gone', id, KEYS[9])
            redis.call('HDEL', PLAYERS, id)
            rematch, events = room.level, room.events
        else
            p.socket, p.instance = '', ''
            player_put(p)
            if seat.socket == '' then -- lost again before the seat was taken: the time runs anew
                redis.call('ZREM', DEADLINES, grace_member(room, id))
            end
            seat.socket, seat.instance, seat.fence = '', '', p.fence
            seat_put(room, id)
            room.insts = room_insts(room)
            emit(room, 'opponentDisconnected', '{"roomId":"' .. room.id .. '","playerId":"' .. id .. '","graceMs":' ..
                ARGV[8] .. '}')
            redis.call('ZADD', DEADLINES, int(fleet_now(DEADLINES) + tonumber(ARGV[8])), grace_member(room, id))
            room_save(room, true)
            events = room.events
        end
    else
        redis.call('HDEL', PLAYERS, id)
    end
end
if redis.call('HGET', KEYS[12], 'socket') == socket then -- else another connection has resumed it
    redis.call('PEXPIRE', KEYS[12], ARGV[13])
end
redis.call('HDEL', MAPPINGS, socket)
redis.call('SREM', KEYS[8], socket)
return {'OK', rematch, events, what}
