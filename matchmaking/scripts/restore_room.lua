#!lua
-- restore_room: a room that went on, began or ended in an instance's own memory while the store was away comes (back) into it.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 fence, 11 lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max, 6 grace_ms, 7 "1" = the store has lost data, 8 its seq when it went ("" = it
--       began there), 9 the states in which it may be here, separated by ';': "seq epoch version player:stateVersion ..." when it
--       went, and of each image that was sent before and may have arrived "seq =image version player:stateVersion ...", 10 this
--       image's id, 11.. head as in image_room.lua (12 fields; status "ended": gameData is the result, level the reason), 23 number
--       of seats, then ten per seat: player, socket ("" = in grace), confirmed, ticket, joinedAt, state, stateVersion, "1" if the
--       result was reported, result, ms of grace left; then the events since it went
-- Reply {"OK", events} | {"ENDED", events} | {"GONE"} (it ended here meanwhile) | {"CHANGED", why} (the store is right)
-- The store is right if it knows of other versions or seats, or of something said that somebody may have heard. What it carried out
-- late for us was heard by nobody, and gives way; a player who came back on another instance, and has only come, sits there.
-- The room stays in the epoch that it began there. Idempotent by image. Atomic because nothing of what was checked may change before it is written.
--@include core clock run emit player room
local bad = room_bad_type(KEYS[8], KEYS[9]) or need(KEYS[10], 'string')
if bad then
    return bad
end
local id, born, base_seq, image, status = ARGV[4], ARGV[8] == '', tonumber(ARGV[8]) or 0, ARGV[10], ARGV[11]
local old = room_load(id, KEYS[8], KEYS[9], ARGV[5])
local home = redis.call('HGET', KEYS[8], 'image')
if home == image then
    return {'OK', {}} -- this very call was answered, and the answer lost
end
-- A log without a room: it ended a moment ago.
if not old and (status == 'ended' or (not born and ARGV[7] ~= '1') or redis.call('EXISTS', KEYS[9]) == 1) then
    return {'GONE'}
end
local seats = {}
for i = 1, tonumber(ARGV[23]) do
    local at = 14 + 10 * i
    seats[i] = {player = ARGV[at], socket = ARGV[at + 1], confirmed = ARGV[at + 2] == '1', ticket = ARGV[at + 3], joined = ARGV[at + 4],
                state = ARGV[at + 5], version = tonumber(ARGV[at + 6]), result = ARGV[at + 7] == '1' and ARGV[at + 8] or nil,
                grace = tonumber(ARGV[at + 9])}
end

-- Whose connection is on another instance by now: it is the later one, for ours would have taken the player over.
local elsewhere, players = {}, {}
for _, player in ipairs(old and old.order or {}) do
    players[player] = player_get(player)
end
for _, s in ipairs(seats) do
    players[s.player] = player_get(s.player)
end
for player, p in pairs(players) do
    if p.socket ~= '' and p.instance ~= ORIGIN then
        elsewhere[player] = true
    end
end

-- Does the room here go on from this number of that epoch? Its next event may have begun another epoch, if the store is another one.
local function leads_on(seq, epoch)
    if old.seq <= seq then
        return int(old.epoch) == epoch
    end
    local number, tail = string.match(redis.call('LINDEX', KEYS[9], int(seq - old.seq)) or '',
        '.*"originInstanceId":"[^"]*","timestamp":%d+,"seq":(%d+)(.*)$')
    local own, from = string.match(tail or '', '^,"epoch":(%d+)') or '1', string.match(tail or '', '^,"epoch":%d+,"from":(%d+)')
    return tonumber(number or '0') == seq + 1 and (own == epoch or from == epoch)
end

-- The number the room had here in the one of the known states that it is in; nil: in none of them.
local function known_seq()
    local versions = {}
    for i, player in ipairs(old.order) do
        versions[i] = player .. ':' .. int(old.seats[player].version)
    end
    local state = int(old.version) .. ' ' .. table.concat(versions, ' ')
    for seq, at, known in string.gmatch(ARGV[9], '(%d+) (%S+) ([^;]+)') do
        if known == state and (home and at == '=' .. home or leads_on(tonumber(seq), at)) then
            return tonumber(seq)
        end
    end
end

-- Was anything said here after `seq` that somebody may have heard, but that players went and came?
local PRESENCE = {opponentDisconnected = true, opponentReconnected = true, roomEpoch = true, turnTimeout = true}
local function heard_after(seq)
    local tail = old.seq > seq and redis.call('LRANGE', KEYS[9], int(seq - old.seq), -1) or {}
    for _, event in ipairs(tail) do
        local ours = string.match(event, '.*"originInstanceId":"([^"]*)"') == ORIGIN
        if not PRESENCE[string.match(event, '"event":"([^"]*)"') or ''] and (not ours or next(elsewhere)) then
            return true
        end
    end
    return #tail < old.seq - seq
end

if old then
    local seq = known_seq()
    if not seq then
        return {'CHANGED', 'epoch, version or seats'}
    end
    if heard_after(seq) then
        return {'CHANGED', 'something was said'}
    end
end
if status == 'ended' then
    old.insts = room_insts(old)
    room_end(old, ARGV[17], ARGV[16])
    return {'ENDED', old.events}
end
for _, s in ipairs(seats) do
    local p = players[s.player]
    if p and (p.state == 'queued' or (p.state == 'room' and p.room ~= id)) or old and (not p or p.room ~= id) then
        return {'CHANGED', s.player .. ' waits or plays elsewhere'}
    end
    if s.socket == '' and p and p.instance == ORIGIN then
        s.gone, p.socket, p.instance = p.socket, '', '' -- a connection of ours that is no more
    end
    if status == 'waiting' and (not p or p.socket == '') then
        return {'CHANGED', s.player .. ' has left before the start'}
    end
end

-- From here on it is written. Without an event there it did not leave this store's numbers, and what was said here late is told.
local silent = old and not born and tonumber(ARGV[12]) == base_seq and old.seq >= base_seq
local keep = old and old.seq >= base_seq and redis.call('LLEN', KEYS[9]) - (old.seq - base_seq) or 0
if old then
    redis.call('ZREM', DEADLINES, confirm_member(old), idle_member(old), turn_member(old))
    for _, player in ipairs(old.order) do
        redis.call('ZREM', DEADLINES, grace_member(old, player))
    end
end
redis.call('DEL', KEYS[8])
redis.call('HSET', KEYS[8], 'status', status, 'seq', silent and int(old.seq) or ARGV[12], 'epoch', silent and int(old.epoch) or ARGV[13],
    'run', old and (silent or int(old.epoch) == ARGV[13]) and old.run or RUN, 'version', ARGV[14], 'turn', ARGV[15], 'gameData', ARGV[16],
    'level', ARGV[17], 'createdAt', old and int(old.created) or ARGV[18], 'updatedAt', ARGV[19], 'image', image,
    'confirmBy', int(NOW + (tonumber(ARGV[20]) or 0)), 'insts', '', 'lastAt', int(NOW))
local order, writing, voted = {}, {key = KEYS[8], seats = {}}, false
for i, s in ipairs(seats) do
    local p = players[s.player] or {id = s.player, fence = redis.call('INCR', KEYS[10]), socket = '', instance = ''}
    if s.gone and s.gone ~= '' then
        redis.call('HDEL', MAPPINGS, s.gone)
    end
    p.state, p.room, p.level, p.ticket, p.joined = 'room', id, ARGV[17], s.ticket, tonumber(s.joined)
    player_put(p)
    mapping_put(p)
    writing.seats[p.id] = {socket = p.socket, instance = p.instance, confirmed = s.confirmed, fence = p.fence, level = p.level,
                           ticket = p.ticket, joined = p.joined}
    seat_put(writing, p.id)
    local result = s.result
    if elsewhere[p.id] and old and old.seats[p.id].result then -- reported there: that has no event
        result, voted = old.seats[p.id].result, true
    end
    redis.call('HSET', KEYS[8], 's:' .. p.id, s.state, 'v:' .. p.id, int(s.version))
    if result then
        redis.call('HSET', KEYS[8], 'r:' .. p.id, result)
    end
    order[i] = p.id
end
redis.call('HSET', KEYS[8], 'seats', table.concat(order, ' '))
for _, player in ipairs(old and old.order or {}) do
    local p = not writing.seats[player] and room_member(old, player)
    if p then -- left the room while it was away
        player_idle(p)
    end
end
if not silent then
    if keep > 0 then
        redis.call('LTRIM', KEYS[9], 0, keep - 1)
    else
        redis.call('DEL', KEYS[9])
    end
    for i = 24 + 10 * #seats, #ARGV do
        redis.call('RPUSH', KEYS[9], ARGV[i])
    end
    redis.call('LTRIM', KEYS[9], -tonumber(ARGV[5]), -1)
end

local room = room_load(id, KEYS[8], KEYS[9], ARGV[5])
room.insts = room_insts(room)
if redis.call('LLEN', KEYS[9]) == 0 then -- the store has lost it, and nothing was said there: its numbers go on from here
    epoch_begin(room, math.max(tonumber(RUN) or 0, room.epoch + 1))
end
local now = fleet_now(DEADLINES)
for _, s in ipairs(seats) do
    local seat = room.seats[s.player]
    if seat.socket == '' then
        redis.call('ZADD', DEADLINES, int(now + (s.grace or tonumber(ARGV[6]))), grace_member(room, s.player))
        if s.socket ~= '' then -- lost on the way
            emit(room, 'opponentDisconnected', '{"roomId":"' .. id .. '","playerId":"' .. s.player .. '","graceMs":' .. ARGV[6] .. '}')
        end
    elseif elsewhere[s.player] and not (silent and old.seats[s.player].socket == seat.socket) then
        emit(room, 'opponentReconnected', '{"roomId":"' .. id .. '","playerId":"' .. s.player .. '"}',
            ',"place":"' .. s.player .. '|' .. seat.instance .. '|' .. seat.socket .. '"')
        if not old then -- the other instance took him for idle: it is to look
            redis.call('PUBLISH', CHANNEL .. ':' .. seat.instance, '{"roomId":"","event":"sessionReplaced","data":{"playerId":"' ..
                s.player .. '","socketId":"' .. seat.socket .. '"},"originInstanceId":"' .. ORIGIN .. '","timestamp":' .. int(NOW) .. '}')
        end
    end
end
redis.call('ZADD', DEADLINES, int(now + (tonumber(ARGV[21]) or 0)), idle_member(room))
if status == 'waiting' then
    redis.call('ZADD', DEADLINES, int(now + (tonumber(ARGV[20]) or 0)), confirm_member(room))
end
if ARGV[22] ~= '' then
    redis.call('ZADD', DEADLINES, int(now + tonumber(ARGV[22])), turn_member(room))
end
redis.call('HSET', MATCHES, id, room_match(room))
room_save(room, true)
if voted then
    votes_count(room)
end
return {'OK', room.events}
