#!lua
-- restore_room: a room that went on, began or ended in an instance's own memory while the store was away comes (back) into it.
-- KEYS  1-7 as in lib/player.lua, 8 room:{roomId}, 9 room:{roomId}:log, 10 fence, 11.. session:{sessionId}, lineage
-- ARGV  1-3 as in lib/core.lua, 4 roomId, 5 log_max, 6 grace_ms, 7 "1" = the store has lost data, 8 its seq when it went ("" = it
--       began there), 9 the states in which it may be here, separated by ';': "seq epoch version player:stateVersion ..." when it
--       went, and of each image that was sent before and may have arrived "seq =image version player:stateVersion ...", 10 this
--       image's id, 11 "player ..." of the sessions, in their order, 12.. head as in image_room.lua (12 fields; status "ended":
--       gameData is the result, level the reason), 24 number of seats, then eleven per seat: player, socket ("" = in grace), confirmed, ticket, joinedAt, state, stateVersion, "1" if the
--       result was reported, result, ms of grace left, setup; then the events since it went
-- Reply {"OK", events} | {"ENDED", events} | {"GONE"} (it ended here meanwhile) | {"CHANGED", why} (the store is right)
-- The store is right if it knows of other versions or seats, or of something said that somebody may have heard. What it carried out
-- late for us was heard by nobody, and gives way; a player who came back on another instance, and has only come, sits there.
-- The sessions' requests go with the room: what was answered there counts from now on (restore_session.lua), what was done here late
-- and gives way counts no more, and if the store is right nothing that was answered there counts.
-- The room stays in the epoch that it began there. Idempotent by image. Atomic because nothing of what was checked may change before it is written.
--@include core clock run emit player room once
local bad = room_bad_type(KEYS[8], KEYS[9]) or need(KEYS[10], 'string')
for i = 11, #KEYS - 1 do
    bad = bad or need(KEYS[i], 'hash')
end
if bad then
    return bad
end
local id, born, base_seq, image, status = ARGV[4], ARGV[8] == '', tonumber(ARGV[8]) or 0, ARGV[10], ARGV[12]
local sessions = {} -- {key, player}
for player in string.gmatch(ARGV[11], '%S+') do
    sessions[#sessions + 1] = {key = KEYS[11 + #sessions], player = player}
end

-- What was done here late and gives way was not done. here: what was answered there, by request.
local function give_way(one, late, here)
    local flat = redis.call('HGETALL', one.key)
    for i = 1, #flat, 2 do
        local request, a, b = string.match(flat[i + 1], '^(%d+)|([^|]*)|(.*)$')
        local does = late.said[one.player .. ' ' .. (b ~= '' and b or a or '')] or
            late.votes[one.player] and a == '0' and b == ''
        if request and does and not here[request] and string.find(flat[i], '^k%d') then
            redis.call('HDEL', one.key, flat[i])
        end
    end
end

-- How it ends. late: as below, of what gives way; nil: nothing does.
local function come_home(late, events)
    for _, one in ipairs(sessions) do
        local mine, here = redis.call('HGET', one.key, 'i') or '', {}
        for request, answer in string.gmatch(mine, '(%d+)|(%S+)') do
            here[request] = answer
        end
        if late then
            give_way(one, late, here)
        end
        for request, answer in string.gmatch(mine, '(%d+)|(%S+)') do
            once_restore(one.key, request, answer)
        end
        redis.call('HDEL', one.key, 'i')
    end
    return {'OK', events}
end
local function stay_away(...)
    for _, one in ipairs(status ~= 'ended' and sessions or {}) do
        redis.call('HDEL', one.key, 'i')
    end
    return {...}
end

local old = room_load(id, KEYS[8], KEYS[9], ARGV[5])
local home = redis.call('HGET', KEYS[8], 'image')
if home == image then
    return come_home(nil, {}) -- this very call was answered, and the answer lost
end
-- A log without a room: it ended a moment ago.
if not old and (status == 'ended' or (not born and ARGV[7] ~= '1') or redis.call('EXISTS', KEYS[9]) == 1) then
    return stay_away('GONE')
end
local seats = {}
for i = 1, tonumber(ARGV[24]) do
    local at = 14 + 11 * i
    seats[i] = {player = ARGV[at], socket = ARGV[at + 1], confirmed = ARGV[at + 2] == '1', ticket = ARGV[at + 3], joined = ARGV[at + 4],
                state = ARGV[at + 5], version = tonumber(ARGV[at + 6]), result = ARGV[at + 7] == '1' and ARGV[at + 8] or nil,
                grace = tonumber(ARGV[at + 9]), setup = ARGV[at + 10]}
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

-- What our own calls did here after `seq`, late: in numbers by player (`said`), and how often versions grew. heard: somebody may have
-- heard of it, or of what others said; that players went and came is not meant.
local PRESENCE = {opponentDisconnected = true, opponentReconnected = true, roomEpoch = true, turnTimeout = true}
local function late_after(seq)
    local tail = old.seq > seq and redis.call('LRANGE', KEYS[9], int(seq - old.seq), -1) or {}
    local late = {heard = #tail < old.seq - seq, updates = 0, states = {}, votes = {}, said = {}}
    for _, event in ipairs(tail) do
        local name, data = string.match(event, '^{"roomId":"[^"]*","event":"(%a+)","data":{"roomId":"[^"]*",(.*)$')
        local from, number = string.match(event, '.*"originInstanceId":"([^"]*)","timestamp":%d+,"seq":(%d+)')
        local player = string.match(data or '', '^"playerId":"([^"]*)"') or -- as handle_room.c composes a message:
            string.match(data or '', '^"sender":"[^"]*","playerId":"([^"]*)"')
        if player and not PRESENCE[name] then
            late.said[player .. ' ' .. number] = true
            if name == 'gameDataUpdated' then
                late.updates = late.updates + 1
            elseif name == 'playerStateUpdated' then
                late.states[player] = (late.states[player] or 0) + 1
            end
        end
        if not PRESENCE[name or ''] and (from ~= ORIGIN or next(elsewhere)) then
            late.heard = true
        end
    end
    return late
end

-- What came late, seen from one of the known states; nil: the room is not in it.
local function late_in(seq, state)
    local late, versions = late_after(seq), {}
    for i, player in ipairs(old.order) do
        versions[i] = player .. ':' .. int(old.seats[player].version - (late.states[player] or 0))
    end
    if state == int(old.version - late.updates) .. ' ' .. table.concat(versions, ' ') then
        late.since = seq
        return late
    end
end
-- An image that has arrived is what the room was last; nil: it is in none of the states.
local function known()
    local seq, state = string.match(ARGV[9], '(%d+) =' .. string.gsub(home or '', '%W', '%%%0') .. ' ([^;]+)')
    if home and seq then
        return late_in(tonumber(seq), state)
    end
    for number, at, then_state in string.gmatch(ARGV[9], '(%d+) (%S+) ([^;]+)') do
        local late = leads_on(tonumber(number), at) and late_in(tonumber(number), then_state)
        if late then
            return late
        end
    end
end

local late
if old then
    late = known()
    if not late then
        return stay_away('CHANGED', 'epoch, version or seats')
    end
    if late.heard then
        return stay_away('CHANGED', 'something was said')
    end
end
if status == 'ended' then
    old.insts = room_insts(old)
    room_end(old, ARGV[18], ARGV[17])
    for _, one in ipairs(sessions) do -- their answers come by themselves, or with a room that they are in now
        give_way(one, late, {})
    end
    return {'ENDED', old.events}
end
for _, s in ipairs(seats) do
    local p = players[s.player]
    if p and (p.state == 'queued' or (p.state == 'room' and p.room ~= id)) or old and (not p or p.room ~= id) then
        return stay_away('CHANGED', s.player .. ' waits or plays elsewhere')
    end
    if s.socket == '' and p and p.instance == ORIGIN then
        s.gone, p.socket, p.instance = p.socket, '', '' -- a connection of ours that is no more
    end
    if status == 'waiting' and (not p or p.socket == '') then
        return stay_away('CHANGED', s.player .. ' has left before the start')
    end
end

-- From here on it is written. Without an event there since the store had it, it did not leave this store's numbers, and what was said
-- here late is told.
local silent = old and tonumber(ARGV[13]) == late.since and old.seq >= late.since and late.updates == 0 and not next(late.states)
-- The numbers behind it may name other events: those that give way in the same epoch, or those of a store that has lost its data, to
-- which an image that was sent before may have come. Then it begins an epoch.
local last_sent = string.match(ARGV[9], '.* =(%S+) ')
local afresh = not silent and (old and int(old.epoch) == ARGV[14] or last_sent and last_sent ~= home)
local keep = old and old.seq >= base_seq and redis.call('LLEN', KEYS[9]) - (old.seq - base_seq) or 0
if old then
    redis.call('ZREM', DEADLINES, confirm_member(old), idle_member(old), turn_member(old))
    for _, player in ipairs(old.order) do
        redis.call('ZREM', DEADLINES, grace_member(old, player))
    end
end
redis.call('DEL', KEYS[8])
redis.call('HSET', KEYS[8], 'status', status, 'seq', silent and int(old.seq) or ARGV[13], 'epoch', silent and int(old.epoch) or ARGV[14],
    'run', silent and old.run or RUN, 'version', ARGV[15], 'turn', ARGV[16], 'gameData', ARGV[17],
    'level', ARGV[18], 'createdAt', old and int(old.created) or ARGV[19], 'updatedAt', ARGV[20], 'image', image,
    'confirmBy', int(NOW + (tonumber(ARGV[21]) or 0)), 'insts', '', 'lastAt', int(NOW))
local order, writing = {}, {key = KEYS[8], seats = {}}
for i, s in ipairs(seats) do
    local p = players[s.player] or {id = s.player, fence = redis.call('INCR', KEYS[10]), socket = '', instance = ''}
    if s.gone and s.gone ~= '' then
        redis.call('HDEL', MAPPINGS, s.gone)
    end
    if p.state == 'away' then -- his place in a queue is not waited for any more
        redis.call('ZREM', DEADLINES, 'queue:' .. p.id .. ':' .. int(p.fence))
    end
    p.state, p.room, p.level, p.ticket, p.joined, p.setup = 'room', id, ARGV[18], s.ticket, tonumber(s.joined), s.setup
    if s.setup ~= '' then
        redis.call('HSET', KEYS[8], 'setup', '1')
    end
    player_put(p)
    mapping_put(p)
    writing.seats[p.id] = {socket = p.socket, instance = p.instance, confirmed = s.confirmed, fence = p.fence, level = p.level,
                           ticket = p.ticket, joined = p.joined}
    seat_put(writing, p.id)
    local result = s.result or (silent and old.seats[p.id].result) or nil
    if elsewhere[p.id] and old and old.seats[p.id].result then -- reported there: that has no event
        result = old.seats[p.id].result
    end
    redis.call('HSET', KEYS[8], 's:' .. p.id, s.state, 'v:' .. p.id, int(s.version))
    if result then
        redis.call('HSET', KEYS[8], 'r:' .. p.id, result)
    elseif old and old.seats[p.id] and old.seats[p.id].result then
        late.votes[p.id] = true
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
    for i = 25 + 11 * #seats, #ARGV do
        redis.call('RPUSH', KEYS[9], ARGV[i])
    end
    redis.call('LTRIM', KEYS[9], -tonumber(ARGV[5]), -1)
end

local room = room_load(id, KEYS[8], KEYS[9], ARGV[5])
room.insts = room_insts(room)
-- Without a log the store has lost it, and nothing was said there: its numbers go on from here.
if afresh or redis.call('LLEN', KEYS[9]) == 0 then
    epoch_begin(room, math.max(NOW, room.epoch + 1))
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
redis.call('ZADD', DEADLINES, int(now + (tonumber(ARGV[22]) or 0)), idle_member(room))
if status == 'waiting' then
    redis.call('ZADD', DEADLINES, int(now + (tonumber(ARGV[21]) or 0)), confirm_member(room))
end
if ARGV[23] ~= '' then
    redis.call('ZADD', DEADLINES, int(now + tonumber(ARGV[23])), turn_member(room))
end
redis.call('HSET', MATCHES, id, room_match(room))
room_save(room, true)
votes_count(room) -- some were perhaps known only here, others only there
return come_home(not silent and late or nil, room.events)
