#!lua
-- restore_room: a room that went on, began or ended in an instance's own memory while the store was away comes (back) into it.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 fence, 11 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max, 6 "1" = the store has lost data, 7 epoch when it went ("" = it began
--       there), 8 version and 9 seq then, 10 "player:stateVersion ..." then, 11.. head as in release_room.lua (12 fields; status
--       "ended": gameData is the result, level the reason), 23 number of seats, then nine per seat: player, socket ("" = in grace), confirmed,
--       ticket, state, stateVersion, "1" if the result was reported, result, ms of grace left; then the events since
-- Reply {"OK"} | {"ENDED", events} | {"GONE"} (it ended here meanwhile) | {"CHANGED", why} (the store is right)
-- The room stays in the epoch that it began there. Idempotent by epoch and seq. Atomic because nothing of what was checked may change before it is written.
--@include core clock run emit player room
local bad = room_bad_type(KEYS[8], KEYS[9]) or need(KEYS[10], 'string')
if bad then
    return bad
end
local id, base_epoch = ARGV[4], ARGV[7]
local status, seq, epoch = ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])
local seat_count, seats = tonumber(ARGV[23]), {}
for i = 1, seat_count do
    local at = 24 + (i - 1) * 9
    seats[i] = {player = ARGV[at], socket = ARGV[at + 1], confirmed = ARGV[at + 2] == '1', ticket = ARGV[at + 3],
                state = ARGV[at + 4], version = tonumber(ARGV[at + 5]), result = ARGV[at + 6] == '1' and ARGV[at + 7] or nil,
                grace = tonumber(ARGV[at + 8])}
end
local old = room_load(id, KEYS[8], KEYS[9], ARGV[5])
local again = old and old.epoch == epoch and old.seq == seq -- the answer to this very call was lost
local born = base_epoch == '' or (not old and ARGV[6] == '1')
if not old and (not born or status == 'ended') then
    return {'GONE'}
end
-- Does the room here go on from where it was when it went? What was written since in the store's own name (a member's end, and
-- an epoch with it if the store is another one) was seen by nobody.
local function leads_on(room, seq)
    if room.seq <= seq then
        return int(room.epoch) == base_epoch
    end
    local number, tail = string.match(redis.call('LINDEX', room.log, seq - room.seq) or '',
        '.*"originInstanceId":"[^"]*","timestamp":%d+,"seq":(%d+)(.*)$')
    local epoch_then, from = string.match(tail or '', '^,"epoch":(%d+)') or '1', string.match(tail or '', '^,"epoch":%d+,"from":(%d+)')
    return tonumber(number or '0') == seq + 1 and (epoch_then == base_epoch or from == base_epoch)
end
if old then
    local versions = {}
    for i, player in ipairs(old.order) do
        local s = old.seats[player]
        versions[i] = player .. ':' .. int(s.version)
        if s.socket ~= '' and s.instance ~= ORIGIN then
            return {'CHANGED', 'a seat was taken elsewhere'}
        end
    end
    local as_it_was = leads_on(old, tonumber(ARGV[9])) and tonumber(ARGV[8]) == old.version and table.concat(versions, ' ') == ARGV[10]
    if not again and not as_it_was then
        return {'CHANGED', 'epoch, version or seats'}
    end
end
if status == 'ended' then
    old.insts = room_insts(old)
    room_end(old, ARGV[17], ARGV[16])
    return {'ENDED', old.events}
end
local players = {}
for i, s in ipairs(seats) do
    local p = player_get(s.player)
    if p and p.socket ~= s.socket and (s.socket ~= '' or p.instance ~= ORIGIN and p.socket ~= '') then
        return {'CHANGED', s.player .. ' is connected elsewhere'}
    end
    if s.socket ~= '' and not p then
        return {'CHANGED', s.player .. ' is not attached'}
    end
    if p and (p.state == 'queued' or (p.state == 'room' and p.room ~= id)) or not born and (not p or p.room ~= id) then
        return {'CHANGED', s.player .. ' waits or plays elsewhere'}
    end
    players[i] = p or {id = s.player, fence = redis.call('INCR', KEYS[10])}
end
-- From here on it is written.
if old then
    redis.call('ZREM', DEADLINES, confirm_member(old), idle_member(old), turn_member(old))
    for _, player in ipairs(old.order) do
        redis.call('ZREM', DEADLINES, grace_member(old, player))
    end
end
local run = old and old.epoch == epoch and old.run or RUN -- without an event there it did not leave this store's numbers
redis.call('DEL', KEYS[8])
redis.call('HSET', KEYS[8], 'status', status, 'seq', ARGV[12], 'epoch', ARGV[13], 'run', run, 'version', ARGV[14], 'turn', ARGV[15], 'gameData',
    ARGV[16], 'level', ARGV[17], 'createdAt', old and int(old.created) or ARGV[18], 'updatedAt', ARGV[19],
    'confirmBy', int(NOW + (tonumber(ARGV[20]) or 0)), 'insts', '', 'lastAt', int(NOW))
local order = {}
local writing = {key = KEYS[8], seats = {}}
for i, s in ipairs(seats) do
    local p = players[i]
    if s.socket == '' and p.socket and p.socket ~= '' then
        redis.call('HDEL', MAPPINGS, p.socket)
    end
    p.state, p.room, p.level, p.ticket, p.joined = 'room', id, ARGV[17], s.ticket, NOW
    p.socket, p.instance = s.socket, s.socket ~= '' and ORIGIN or ''
    player_put(p)
    mapping_put(p)
    writing.seats[p.id] = {socket = p.socket, instance = p.instance, confirmed = s.confirmed, fence = p.fence, level = p.level,
                           ticket = p.ticket, joined = p.joined}
    seat_put(writing, p.id)
    redis.call('HSET', KEYS[8], 's:' .. p.id, s.state, 'v:' .. p.id, int(s.version))
    if s.result then
        redis.call('HSET', KEYS[8], 'r:' .. p.id, s.result)
    end
    order[i] = p.id
end
redis.call('HSET', KEYS[8], 'seats', table.concat(order, ' '))
local room = room_load(id, KEYS[8], KEYS[9], ARGV[5])
-- Events after the base were written while we were not heard, and seen by nobody; one that reaches less far was rolled back.
local keep = old and old.seq >= tonumber(ARGV[9]) and redis.call('LLEN', KEYS[9]) - (old.seq - tonumber(ARGV[9])) or 0
if keep > 0 then
    redis.call('LTRIM', KEYS[9], 0, keep - 1)
else
    redis.call('DEL', KEYS[9])
end
redis.call('PERSIST', KEYS[9])
for i = 24 + seat_count * 9, #ARGV do
    redis.call('RPUSH', KEYS[9], ARGV[i])
end
redis.call('LTRIM', KEYS[9], -room.log_max, -1)
room_save(room, true)
redis.call('HSET', MATCHES, id, room_match(room))
local now = fleet_now(DEADLINES)
for i, s in ipairs(seats) do
    if s.socket == '' then
        redis.call('ZADD', DEADLINES, int(now + (s.grace or 0)), grace_member(room, s.player))
    end
end
if status == 'waiting' then
    redis.call('ZADD', DEADLINES, int(now + (tonumber(ARGV[20]) or 0)), confirm_member(room))
end
redis.call('ZADD', DEADLINES, int(now + (tonumber(ARGV[21]) or 0)), idle_member(room))
if ARGV[22] ~= '' then
    redis.call('ZADD', DEADLINES, int(now + tonumber(ARGV[22])), turn_member(room))
end
return {'OK'}
